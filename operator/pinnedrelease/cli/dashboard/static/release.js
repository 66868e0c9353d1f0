// One release: the pair in force, its timeline, and every record behind it.

import { copyButton, h, swap, table } from "./dom.js";
import { face, pair } from "./digest.js";
import { pathOf, signals, stateMark } from "./releases.js";
import { fetched } from "./store.js";
import { KINDS, draw, legend } from "./timeline.js";
import { at, plain, span, time } from "./words.js";

const SOURCES = { Spec: "declared in the spec", Override: "an override", LastSucceeded: "the last that succeeded" };

function fact(title, ...content) {
  return h("div", {}, h("dt", {}, title), h("dd", {}, content));
}

/** The whole digest, in groups that eyes can hold. */
function whole(digest) {
  const [algorithm, digits] = digest.split(":");
  return h("code", { class: "whole", "aria-label": digest }, h("span", { class: "algorithm" }, `${algorithm}:`),
    digits.match(/.{1,8}/g).map((group) => h("span", {}, group)));
}

function pairCard(one) {
  const { pin } = one;
  if (!pin) return null;
  const isInForce = one.source !== null;
  return h("section", { class: "card pinned", "aria-labelledby": "pair-title" },
    h("h2", { id: "pair-title" }, isInForce ? "In force" : "Declared"),
    h("div", { class: "pinned-pair" }, face(pin.digest),
      h("div", {}, h("p", { class: "big-tag" }, h("span", { class: "repository" }, `${pin.repository}:`), pin.tag), whole(pin.digest))),
    h("div", { class: "copies" },
      copyButton(pin.digest, "digest", "Copy digest"),
      copyButton(pin.image, "image reference", "Copy image reference"),
      copyButton(one.commands.kubectl, "kubectl command", "Copy kubectl command")));
}

function factsCard(one) {
  const counts = one.counts;
  return h("section", { class: "card facts", "aria-labelledby": "facts-title" }, h("h2", { id: "facts-title" }, "Facts"),
    h("dl", {},
      fact("Workload", one.target || "–", one.containers.length ? h("small", {}, ` ${one.containers.join(", ")}`) : null),
      fact("Pods", counts ? `${counts.matching} of ${counts.desired} run it` : "–",
        counts && counts.mismatched ? h("strong", { class: "bad" }, `, ${counts.mismatched} run something else`) : null,
        counts && counts.unknown ? `, ${counts.unknown} not known` : null),
      fact("Since", one.since ? [time(one.since), h("small", {}, " UTC, "), time(one.since, true)] : "–"),
      fact("Because of", one.source ? SOURCES[one.source] || one.source : "–"),
      fact("Declared by", one.declaredBy || "–")));
}

function notices(one) {
  const found = one.problems.map((text) => h("li", {}, text));
  const { declared, pin, override } = one;
  if (declared && pin && declared.digest !== pin.digest) {
    found.push(h("li", {}, `Declared is ${declared.tag} (${declared.short}), in force is ${pin.tag} (${pin.short}).`));
  }
  if (override) {
    const state = override.isActive ? "Override" : "Override that has ended";
    found.push(h("li", {}, h("strong", {}, `${state}: `), override.reason, override.by && ` — by ${override.by}`,
      override.expires && [", until ", time(override.expires), " UTC"]));
  }
  return found.length ? h("ul", { class: "notices" }, found) : null;
}

function result(one) {
  if (one.editedBy) return `edited by ${one.editedBy}`;
  const words = { InProgress: "in progress" }[one.result] || one.result.toLowerCase();
  const after = one.result === "Succeeded" && one.ready ? ` after ${span(at(one.ready) - at(one.since))}` : "";
  return `${words}${after}${one.digestMissing ? ", digest gone" : ""}`;
}

function history(one, key) {
  const columns = [["Rev", "number"], ["Pair"], ["Action"], ["Result"], ["From (UTC)", "time"], ["Until (UTC)", "time"], ["By"], ["Cause"], ["Copy"]];
  return table(`Revisions of ${key}, newest first`, columns, one.revisions.map((revision) => h("tr", { id: `revision-${revision.number}` },
    h("th", { scope: "row", class: "number" }, String(revision.number)),
    h("td", {}, pair(revision.pin, `revision ${revision.number}`)),
    h("td", {}, revision.action),
    h("td", { class: "result" }, result(revision)),
    h("td", { class: "time" }, time(revision.since)),
    h("td", { class: "time" }, revision.until ? time(revision.until) : "now"),
    h("td", { class: "by" }, revision.actor || "–"),
    h("td", { class: "free" }, revision.cause || "–"),
    h("td", { class: "tools" }, copyButton(revision.pin.image, `image reference of revision ${revision.number}`, "Image"),
      revision.rollback && copyButton(revision.rollback, `command to roll back to revision ${revision.number}`, "Rollback")))));
}

function incidents(one, key) {
  const columns = [["What"], ["Where"], ["Found"], ["By"], ["From (UTC)", "time"], ["Until (UTC)", "time"]];
  return table(`Incidents of ${key}, newest first`, columns, one.drift.map((drift) => h("tr", {},
    h("th", { scope: "row" }, KINDS[drift.kind] || drift.kind),
    h("td", { class: "free" }, drift.subject),
    h("td", { class: "free" }, h("code", {}, drift.observed)),
    h("td", { class: "by" }, drift.actor),
    h("td", { class: "time" }, time(drift.since)),
    h("td", { class: "time" }, drift.until ? time(drift.until) : h("strong", { class: "bad" }, "open")))));
}

function gaps(one, key) {
  return table(`Times of ${key} that nobody watched`, [["From (UTC)", "time"], ["Until (UTC)", "time"], ["Changed by"]],
    one.gaps.map((gap) => h("tr", {}, h("td", { class: "time" }, time(gap.since)), h("td", { class: "time" }, time(gap.until)), h("td", {}, gap.actor))));
}

function conditions(one, key) {
  return table(`Conditions of ${key}`, [["Condition"], ["Status"], ["Reason"], ["Message"], ["Since (UTC)", "time"]],
    one.conditions.map((condition) => h("tr", {},
      h("th", { scope: "row" }, condition.type), h("td", {}, condition.status), h("td", {}, condition.reason),
      h("td", { class: "free" }, condition.message), h("td", { class: "time" }, time(condition.since)))));
}

function section(title, content, extra = null) {
  const id = title.toLowerCase().replaceAll(" ", "-");
  return h("section", { class: "card", "aria-labelledby": id }, h("div", { class: "card-head" }, h("h2", { id }, title), extra), content);
}

export class ReleaseView {
  constructor(main, namespace, name) {
    this.key = `${namespace}/${name}`;
    this.path = `releases/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
    this.content = h("div", {}, h("h1", {}, name));
    main.replaceChildren(this.content);
    this.observer = new ResizeObserver(() => this.drawPicture());
    this.ready = this.load();
  }

  close() {
    this.closed = true;
    this.observer.disconnect();
  }

  news(changed) {
    if (changed === null || changed.includes(this.key)) this.load();
  }

  async load() {
    const release = await fetched(this.path);
    if (this.closed || release === undefined) return;
    this.release = release;
    this.content = swap(this.content, release ? this.page(release) : this.absent());
    this.picture = this.content.querySelector(".picture-frame");
    this.observer.disconnect();
    if (this.picture) this.observer.observe(this.picture);
  }

  absent() {
    return h("div", {}, h("h1", {}, this.key), h("p", {}, "There is no such PinnedRelease (any more). "), h("a", { href: "#/" }, "All releases"));
  }

  page(one) {
    const hasHistory = one.revisions.length > 0;
    return h("div", { class: "release" },
      h("p", { class: "crumb" }, h("a", { href: "#/", "data-focus": "back" }, "Releases"), " / ", one.namespace),
      h("div", { class: "head" },
        h("div", {}, h("h1", { tabindex: -1, "data-focus": "heading" }, one.name), h("p", { class: "state-line" }, stateMark(one), h("span", { class: "reason" }, one.reason), signals(one)),
          h("p", { class: "lead" }, one.message), notices(one))),
      h("div", { class: "pair-and-facts" }, pairCard(one), factsCard(one)),
      hasHistory ? section("Timeline", h("div", { class: "picture-frame", tabindex: 0, "data-focus": "timeline", role: "region", "aria-label": "Timeline, can be scrolled" }), legend(one)) : null,
      hasHistory ? section("History", history(one, this.key), copyButton(one.commands.history, "history command", "Copy history command")) : null,
      one.drift.length ? section("Incidents", incidents(one, this.key)) : null,
      one.gaps.length ? section("Not watched", gaps(one, this.key)) : null,
      one.conditions.length ? section("Conditions", conditions(one, this.key)) : null);
  }

  drawPicture() {
    if (!this.release || !this.picture) return;
    const svg = draw(this.release, this.picture.clientWidth);
    for (const link of svg.querySelectorAll("[data-revision]")) {
      const row = () => document.getElementById(`revision-${link.dataset.revision}`);
      link.addEventListener("click", (event) => { event.preventDefault(); row()?.scrollIntoView({ block: "center" }); });
      link.addEventListener("mouseenter", () => row()?.classList.add("pointed"));
      link.addEventListener("mouseleave", () => row()?.classList.remove("pointed"));
    }
    this.picture.replaceChildren(svg);
  }
}
