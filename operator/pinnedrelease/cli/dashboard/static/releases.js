// All releases as a table that lives.

import { h, icon, swap, table } from "./dom.js";
import { pair } from "./digest.js";
import { keyOf, releases, sorted } from "./store.js";
import { STATES, time } from "./words.js";

const SHOWN = 500;
const COLUMNS = [["State", "state"], ["Release"], ["Runs"], ["Pods", "number"], ["Workload"], ["In force", "time"], ["By"]];

export const pathOf = (one) => `#/${one.namespace}/${one.name}`;

export function stateMark(one) {
  return h("span", { class: "mark-state", "data-state": one.state }, icon(one.state), STATES[one.state]);
}

export function signals(one) {
  return one.signals.map((word) => h("span", { class: "signal", "data-signal": word }, word));
}

export class ReleasesView {
  constructor(main, about) {
    this.rows = new Map();
    this.wanted = null;
    this.words = "";
    this.withNamespace = about.namespace === null;
    this.tally = h("div", { class: "tally", role: "group", "aria-label": "Show only" });
    this.body = h("tbody");
    this.note = h("p", { class: "note", role: "status" });
    const filter = h("input", {
      type: "search", id: "filter", placeholder: "Filter by name, tag or digest", "aria-label": "Filter by name, tag or digest",
      oninput: (event) => { this.words = event.target.value; this.draw(); },
    });
    const place = about.namespace === null ? "all namespaces" : `namespace ${about.namespace}`;
    const frame = table("PinnedReleases with their state", COLUMNS, [], { class: "releases" });
    frame.querySelector("tbody").replaceWith(this.body);
    this.frame = frame;
    main.replaceChildren(
      h("div", { class: "head" }, h("div", {}, h("h1", {}, "Releases"), h("p", { class: "under" }, place)),
        filter),
      this.tally, frame, this.note);
    this.draw();
  }

  news(changed) {
    for (const key of changed || []) {
      this.rows.delete(key);
      this.flashed = new Set(changed);
    }
    if (changed === null) this.rows.clear();
    this.draw();
    this.flashed = null;
  }

  draw() {
    this.drawTally();
    const shown = sorted().filter((one) => this.matches(one));
    const wanted = shown.slice(0, SHOWN);
    const old = new Map([...this.body.children].map((row) => [row.dataset.key, row]));
    wanted.forEach((one, index) => {
      const key = keyOf(one);
      const known = old.get(key);
      const row = this.rows.get(key) || this.row(one);
      this.rows.set(key, row);
      if (known && known !== row) swap(known, row);
      // Moving a row that stands where it should would take the focus away from it.
      if (this.body.children[index] !== row) this.body.insertBefore(row, this.body.children[index] || null);
    });
    while (this.body.children.length > wanted.length) this.body.lastChild.remove();
    this.frame.hidden = wanted.length === 0;
    this.note.replaceChildren(...this.noteOn(shown.length));
  }

  noteOn(count) {
    if (count > SHOWN) return [`The first ${SHOWN} of ${count}; filter to see others.`];
    if (count > 0) return [];
    if (releases.size > 0) return ["Nothing matches."];
    return ["There are no PinnedReleases here. Look everywhere with ", h("code", {}, "pinrel ui -A"),
      ", or make some of what runs with ", h("code", {}, "pinrel init"), "."];
  }

  drawTally() {
    const counts = Object.fromEntries(Object.keys(STATES).map((state) => [state, 0]));
    for (const one of releases.values()) counts[one.state] += 1;
    const fresh = h("div", { class: "tally", role: "group", "aria-label": "Show only" },
      Object.entries(STATES).map(([state, word]) => h("button", {
        type: "button", "data-state": state, "data-focus": state, "aria-pressed": String(this.wanted === state),
        onclick: () => { this.wanted = this.wanted === state ? null : state; this.draw(); },
      }, icon(state), h("b", {}, String(counts[state])), " ", word)));
    this.tally = swap(this.tally, fresh);
  }

  matches(one) {
    if (this.wanted && one.state !== this.wanted) return false;
    const text = `${keyOf(one)} ${one.pin ? `${one.pin.repository}:${one.pin.tag}@${one.pin.digest}` : ""} ${one.reason} ${one.signals.join(" ")}`;
    return this.words.toLowerCase().split(/\s+/).every((word) => text.toLowerCase().includes(word));
  }

  row(one) {
    const key = keyOf(one);
    const needsWords = one.state !== "ready" || one.signals.length > 0;
    return h("tr", { "data-key": key, class: this.flashed?.has(key) ? "fresh" : null },
      h("td", { class: "state" }, stateMark(one), h("small", { class: "reason" }, one.reason)),
      h("th", { scope: "row" },
        this.withNamespace && h("span", { class: "namespace" }, `${one.namespace}/`),
        h("a", { href: pathOf(one), "data-focus": key }, one.name), signals(one),
        needsWords && h("p", { class: "message", title: one.message }, one.message)),
      h("td", {}, pair(one.pin, key)),
      h("td", { class: "number" }, one.pods || "–"),
      h("td", {}, one.target || "–"),
      h("td", { class: "time" }, one.since ? time(one.since, true) : "–"),
      h("td", { class: "by" }, one.actor || "–"));
  }
}
