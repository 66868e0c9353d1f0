// What Renovate does with a custom manager of type regex: extract, replace, and extract again to see
// whether the replacement says what it should. Read from its sources: manager/custom/regex and
// update/branch/auto-replace. Standard input: {managers, text, newValue, newDigest}.
import { readFileSync } from "node:fs";

const FIELDS = ["depName", "currentValue", "currentDigest", "indentation"];
const { managers, text, newValue, newDigest } = JSON.parse(readFileSync(0, "utf8"));

function dependency(manager, groups, replaceString) {
  const found = { replaceString };
  for (const field of FIELDS) if (groups[field] !== undefined) found[field] = groups[field];
  return found;
}

function narrowed(manager, content, patterns, groups) {
  if (patterns.length === 0) return [dependency(manager, groups, content)];
  return [...content.matchAll(new RegExp(patterns[0], "g"))].flatMap((match) =>
    narrowed(manager, match[0], patterns.slice(1), { ...groups, ...match.groups }),
  );
}

function extracted(manager, content) {
  if (manager.matchStringsStrategy === "recursive")
    return narrowed(manager, content, manager.matchStrings, {});
  return manager.matchStrings.flatMap((pattern) => narrowed(manager, content, [pattern], {}));
}

function replacement(manager, found) {
  const template = manager.autoReplaceStringTemplate;
  if (template === undefined)
    return found.replaceString
      .replaceAll(found.currentValue, newValue)
      .replaceAll(found.currentDigest, newDigest);
  const values = { ...found, newValue, newDigest };
  return template.replace(/\{\{\{(\w+)\}\}\}/g, (_, name) => values[name]);
}

function updated(manager, content, index) {
  const found = extracted(manager, content)[index];
  const replaced = replacement(manager, found);
  for (let at = content.indexOf(found.replaceString); at !== -1; ) {
    const after = content.slice(at + found.replaceString.length);
    const candidate = content.slice(0, at) + replaced + after;
    const again = extracted(manager, candidate)[index];
    if (
      again?.depName === found.depName &&
      again.currentValue === newValue &&
      again.currentDigest === newDigest
    )
      return candidate;
    at = content.indexOf(found.replaceString, at + 1);
  }
  throw new Error(`no replacement of ${found.replaceString} says what it should: ${replaced}`);
}

const found = managers.map((manager) => extracted(manager, text));
let result = text;
managers.forEach((manager, number) =>
  found[number].forEach((_, index) => {
    result = updated(manager, result, index);
  }),
);
console.log(JSON.stringify({ found: found.flat(), result }));
