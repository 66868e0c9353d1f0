// The history as a picture. The tables below it say the same, for those who do not see it.

import { h, s } from "./dom.js";
import { hueOf } from "./digest.js";
import { at, isoOf, plain, span } from "./words.js";

const LEFT = 18;
const RIGHT = 46;
const NARROWEST = 86;
const BLOCK = { top: 40, height: 54 };
const INCIDENTS = 116;
const LANE = 24;
const SIGNS = { Template: "M0-5.5 5.5 4.500h-11z", PodImage: "M-4.5-4.500h9v9h-9z", TagMoved: "M0-6 6 0 0 6-6 0z", DigestMissing: "M-4.5-4.500l9 9m0-9-9 9" };
export const KINDS = {
  Template: "template changed", PodImage: "pod ran something else", TagMoved: "tag moved", DigestMissing: "digest gone from the registry",
};

/** Time to place. Short times are widened until they can be read, so the scale is not even. */
function scaleOf(bounds, width) {
  const lengths = bounds.slice(1).map((end, index) => Math.sqrt(Math.max(1, end - bounds[index])));
  const total = lengths.reduce((sum, one) => sum + one, 0);
  const spare = width - NARROWEST * lengths.length;
  const places = [0];
  for (const one of lengths) places.push(places.at(-1) + NARROWEST + (spare * one) / total);
  return (when) => {
    if (when <= bounds[0]) return LEFT;
    for (let index = 1; index < bounds.length; index += 1) {
      if (when <= bounds[index]) {
        const part = (when - bounds[index - 1]) / (bounds[index] - bounds[index - 1]);
        return LEFT + places[index - 1] + part * (places[index] - places[index - 1]);
      }
    }
    return LEFT + places.at(-1);
  };
}

function fitted(text, width, perLetter) {
  const most = Math.floor(width / perLetter);
  if (text.length <= most) return text;
  return most < 3 ? "" : `${text.slice(0, most - 1)}…`;
}

/** The text where there is room for all of it, else none: the legend has the sign. */
const allOrNone = (text, width, perLetter) => (text.length * perLetter <= width ? text : "");

function block(one, x, end) {
  const width = Math.max(4, x(end) - x(at(one.since)) - 3);
  const left = x(at(one.since));
  const ready = one.ready ? Math.min(width, x(Math.min(at(one.ready), end)) - left) : width;
  const isOverride = one.action === "Override";
  const label = `Revision ${one.number}: ${one.pin.tag}, ${one.pin.short}, ${one.action}, ${one.result}`;
  return s("a", { class: `block content${one.until ? "" : " now"}${isOverride ? " override" : ""}`, hue: hueOf(one.pin.digest), href: `#revision-${one.number}`, tabindex: -1, "aria-hidden": "true", "data-revision": one.number },
    s("title", {}, `${label}\n${plain(one.since)} to ${one.until ? plain(one.until) : "now"} UTC, ${span(end - at(one.since))}`),
    s("text", { class: "action", x: left, y: BLOCK.top - 9 }, fitted(`${one.number} ${one.action}`, width, 6.4)),
    s("rect", { class: "ground", x: left, y: BLOCK.top, width, height: BLOCK.height, rx: 4 }),
    one.result !== "Unknown" && ready > 1 && s("rect", { class: "hatch", x: left, y: BLOCK.top, width: ready, height: BLOCK.height, rx: 4 }),
    s("rect", { class: "spine", x: left, y: BLOCK.top, width: 4, height: BLOCK.height, rx: 2 }),
    s("text", { class: "tag", x: left + 12, y: BLOCK.top + 23 }, fitted(one.pin.tag, width - 16, 8.4)),
    s("text", { class: "digest", x: left + 12, y: BLOCK.top + 41 }, fitted(one.pin.short, width - 16, 7.1)),
    one.result === "Failed" && s("path", { class: "failed", d: `M${left + width - 16} ${BLOCK.top + 8}l8 8m0-8-8 8` }));
}

/** Its sign, how long it lasted, and, where there is room before the next sign, who did it. */
function incident(one, lane, x, now, end) {
  const y = INCIDENTS + lane * LANE;
  const left = x(at(one.since));
  const right = x(one.until ? at(one.until) : now);
  return s("g", { class: `incident${one.until ? "" : " open"}` },
    s("title", {}, `${KINDS[one.kind]}: ${one.subject}, by ${one.actor}\n${plain(one.since)} to ${one.until ? plain(one.until) : "now"} UTC`),
    s("path", { class: "stretch", d: `M${left} ${y}H${Math.max(left, right)}` }),
    s("text", { class: "who", x: left + 13, y: y + 4 }, allOrNone(`${KINDS[one.kind]}, ${one.actor}`, end - left - 20, 6.2)),
    s("path", { class: `sign ${one.kind}`, transform: `translate(${left} ${y})`, d: SIGNS[one.kind] }));
}

function axis(bounds, x, y) {
  let free = -Infinity;
  let day = "";
  return bounds.map((when, index) => {
    const place = x(when);
    const isLast = index === bounds.length - 1;
    const [date, clock] = isoOf(when).replace("Z", "").split("T");
    const isRoom = place >= free;
    const parts = [s("path", { class: "tick", d: `M${place} ${BLOCK.top}V${y + 4}` })];
    if (isRoom) {
      free = place + 66;
      parts.push(s("text", { class: "clock", x: place, y: y + 18, "text-anchor": isLast ? "middle" : "start" }, isLast ? "now" : clock));
      if (date !== day && !isLast) parts.push(s("text", { class: "date", x: place, y: y + 33 }, date));
      day = date;
    }
    return parts;
  });
}

const lanesOf = (drift) => {
  const kinds = Object.keys(KINDS).filter((kind) => drift.some((one) => one.kind === kind));
  return { kinds, of: (one) => kinds.indexOf(one.kind) };
};

/** When the next incident of the same kind began. */
function nextOf(one, drift) {
  const later = drift.filter((other) => other.kind === one.kind && at(other.since) > at(one.since));
  return later.length ? Math.min(...later.map((other) => at(other.since))) : null;
}

export function draw(release, available) {
  const now = Date.now() / 1000;
  const revisions = [...release.revisions].reverse();
  const starts = revisions.map((one) => at(one.since));
  const latest = Math.max(now, starts.at(-1) + 1);
  const bounds = [...new Set([...starts, latest])].sort((one, other) => one - other);
  const width = Math.max(available - LEFT - RIGHT, NARROWEST * (bounds.length - 1));
  const x = scaleOf(bounds, width);
  const lanes = lanesOf(release.drift);
  const bottom = (lanes.kinds.length ? INCIDENTS + (lanes.kinds.length - 1) * LANE + 14 : BLOCK.top + BLOCK.height + 8);
  const full = width + LEFT + RIGHT;
  return s("svg", { class: "picture", width: full, height: bottom + 46, viewBox: `0 0 ${full} ${bottom + 46}`, role: "img", "aria-label": `Timeline of ${revisions.length} revisions and ${release.drift.length} incidents; the tables below say the same.` },
    s("defs", {}, s("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      s("path", { class: "hatching", d: "M0 0V6" }))),
    axis(bounds, x, bottom),
    revisions.map((one) => block(one, x, one.until ? at(one.until) : latest)),
    release.gaps.map((gap) => s("g", { class: "gap" },
      s("title", {}, `Unknown: no operator was watching. ${plain(gap.since)} to ${plain(gap.until)} UTC`),
      s("rect", { x: x(at(gap.since)), y: BLOCK.top - 4, width: Math.max(6, x(at(gap.until)) - x(at(gap.since))), height: bottom - BLOCK.top + 4 }))),
    release.drift.map((one) => incident(one, lanes.of(one), x, now, x(nextOf(one, release.drift) ?? latest))));
}

const KEY = [["hatch", "pods not all ready yet"], ["override", "override"]];

/** What the signs in this very picture mean. */
export function legend(release) {
  const entries = lanesOf(release.drift).kinds.map((kind) => h("li", {},
    s("svg", { class: "key incident", viewBox: "-8 -8 16 16", "aria-hidden": "true" }, s("path", { class: `sign ${kind}`, d: SIGNS[kind] })), KINDS[kind]));
  const isOverridden = release.revisions.some((one) => one.action === "Override");
  for (const [kind, words] of KEY) {
    if (kind === "override" && !isOverridden) continue;
    entries.unshift(h("li", {}, s("svg", { class: `key key-${kind}`, viewBox: "0 0 22 14", "aria-hidden": "true" },
      s("rect", { x: 1, y: 1, width: 20, height: 12, rx: 3 }),
      kind === "hatch" && s("rect", { class: "hatch", x: 1, y: 1, width: 20, height: 12, rx: 3 })), words));
  }
  if (release.gaps.length) entries.push(h("li", {}, s("svg", { class: "key gap", viewBox: "0 0 22 14", "aria-hidden": "true" }, s("rect", { x: 1, y: 1, width: 20, height: 12 })), "nobody watched"));
  return h("ul", { class: "legend" }, entries, h("li", { class: "aside" }, "Times are UTC. Short times are widened."));
}
