// What ran at a moment, for all releases of a namespace. The answers are those of `pinrel ran`.

import { announce, h, icon, s, swap, table } from "./dom.js";
import { hueOf, pair } from "./digest.js";
import { pathOf } from "./releases.js";
import { fetched, namespaces } from "./store.js";
import { CERTAINTIES, at, isoOf, plain } from "./words.js";

const STEPS = 400;
const TALL = 28;
const WORDS = {
  Ran: "all pods ran it", RollingOut: "not all pods were ready, or it is not recorded", Drifted: "something else was found", Unknown: "unknown",
};

const NOTHING = { certainty: "Unknown", since: null, until: null, digest: null, note: "earlier than this source can see" };

const NEVER = { ...NOTHING, note: "nothing on record: it was never put in force" };

/** A stretch of a lane: full height only where it is known that all pods ran the pair. */
function bar(answer, x, width, tallest) {
  const height = answer.certainty === "Ran" ? tallest : tallest / 2;
  return s("rect", { class: `content answer ${answer.certainty}`, hue: answer.digest ? hueOf(answer.digest) : 0, x, y: (TALL * tallest / 20 - height) / 2, width, height });
}

/** The answer for a moment: each holds from its `since` until just before its `until`. */
function answerAt(record, when) {
  const found = record.answers.find((one) => at(one.since) <= when && (!one.until || when < at(one.until)));
  if (found) return found;
  return record.answers.length ? { ...NOTHING, until: record.answers[0].since } : NEVER;
}

export class MomentView {
  constructor(main, when, namespace) {
    this.main = main;
    this.when = when;
    this.namespace = namespace;
    this.records = [];
    this.body = h("tbody");
    this.lead = h("p", { class: "under", "aria-live": "off" });
    this.choice = h("select", { id: "namespace", onchange: (event) => { this.namespace = event.target.value; this.load(); } });
    this.input = h("input", { type: "datetime-local", id: "moment", step: 1, onchange: (event) => { if (event.target.value) this.go(at(`${event.target.value}Z`)); } });
    this.slider = h("input", { type: "range", id: "slider", "aria-label": "Moment (UTC)", oninput: (event) => this.show(Number(event.target.value)), onchange: (event) => { this.go(Number(event.target.value)); this.tell(); } });
    const step = (words, direction) => h("button", { type: "button", class: "copy", onclick: () => this.step(direction) }, words);
    const frame = table("What ran at the moment", [["Release"], ["", "lane-column"], ["Ran"], ["How sure", "how-sure"], ["From (UTC)", "time"], ["Until (UTC)", "time"]], [], { class: "moment" });
    frame.querySelector("tbody").replaceWith(this.body);
    frame.querySelector(".lane-column").replaceChildren(this.slider);
    main.replaceChildren(
      h("div", { class: "head" }, h("div", {}, h("h1", {}, "What ran at a moment"), this.lead)),
      h("div", { class: "controls" },
        h("label", {}, "Namespace", this.choice),
        h("label", {}, "Moment (UTC)", this.input),
        h("div", { class: "steps" }, step("Change before", -1), step("Change after", 1), step("Now", 0))),
      frame,
      h("ul", { class: "legend" }, Object.entries(WORDS).map(([certainty, words]) => h("li", {},
        s("svg", { class: "key", viewBox: "0 0 22 14", "aria-hidden": "true" }, bar({ certainty, digest: "sha256:6800" }, 1, 20, 10)), words)),
        h("li", { class: "aside" }, "Each content has a colour of its own.")));
    this.ready = this.load();
  }

  news(changed) {
    if (changed === null || changed.some((key) => key.startsWith(`${this.namespace}/`))) this.load();
  }

  close() { this.closed = true; }

  async load() {
    const known = namespaces();
    if (!known.includes(this.namespace)) this.namespace = known[0] ?? this.namespace ?? "";
    if (this.known !== known.join()) {
      // Not while nothing has changed: an open list would close.
      this.choice.replaceChildren(...known.map((name) => h("option", { value: name }, name)));
      this.known = known.join();
    }
    this.choice.value = this.namespace;
    const records = await fetched(`records?namespace=${encodeURIComponent(this.namespace)}`);
    if (this.closed || records === undefined) return;
    this.records = records;
    const times = this.records.flatMap((one) => one.answers.map((answer) => at(answer.since)));
    this.end = Math.max(Math.floor(Date.now() / 1000), ...times);
    this.start = Math.min(this.end - 60, ...times);
    this.bounds = [...new Set(times)].sort((one, other) => one - other);
    const step = Math.max(1, Math.round((this.end - this.start) / STEPS));
    for (const [name, value] of Object.entries({ min: this.start, max: this.end, step })) this.slider.setAttribute(name, value);
    this.go(this.when ?? this.end);
  }

  /** Moves to a moment, which from then on stands in the address: a reload comes back to it. */
  go(when) {
    this.slider.value = when;
    history.replaceState(null, "", `#/at/${isoOf(when)}/${this.namespace}`);
    this.show(when);
  }

  show(when) {
    this.when = when;
    // Not while somebody types in it.
    if (document.activeElement !== this.input) this.input.value = isoOf(when).slice(0, 19);
    this.slider.setAttribute("aria-valuetext", `${plain(isoOf(when))} UTC`);
    this.lead.textContent = `namespace ${this.namespace}, ${plain(isoOf(when))} UTC`;
    this.body = swap(this.body, h("tbody", {}, this.records.map((record) => this.row(record))));
  }

  step(direction) {
    const before = this.bounds.filter((one) => one < this.when).at(-1);
    const after = this.bounds.find((one) => one > this.when);
    const wanted = { "-1": before ?? this.when, 0: this.end, 1: after ?? this.end }[direction];
    this.go(wanted);
    this.tell();
  }

  tell() {
    const sure = this.records.filter((one) => answerAt(one, this.when).certainty === "Ran").length;
    announce(`${plain(isoOf(this.when))} UTC: of ${sure} of ${this.records.length} releases it is known that all pods ran the pair`);
  }

  row(record) {
    const answer = answerAt(record, this.when);
    const key = `${record.namespace}/${record.name}`;
    const pin = answer.digest && { tag: answer.tag, digest: answer.digest, short: answer.digest.split(":")[1].slice(0, 12) };
    return h("tr", { "data-key": key },
      h("th", { scope: "row" }, h("a", { href: pathOf(record), "data-focus": key }, record.name)),
      h("td", { class: "lane-column" }, this.lane(record)),
      h("td", {}, pin ? pair(pin, key) : "–"),
      h("td", {}, h("span", { class: "mark-state", "data-certainty": answer.certainty }, icon(answer.certainty), CERTAINTIES[answer.certainty]),
        h("p", { class: "message", title: answer.note }, answer.note)),
      h("td", { class: "time" }, answer.since ? plain(answer.since) : "–"),
      h("td", { class: "time" }, answer.until ? plain(answer.until) : answer.digest ? "now" : "–"));
  }

  lane(record) {
    const place = (when) => `${((when - this.start) / (this.end - this.start)) * 100}%`;
    const blocks = record.answers.map((one) => {
      const left = at(one.since);
      const right = one.until ? at(one.until) : this.end;
      const width = `${(Math.max(0, right - left) / (this.end - this.start)) * 100}%`;
      return bar(one, place(left), width, 20);
    });
    return h("div", { class: "lane" },
      s("svg", { class: "lane-picture", width: "100%", height: TALL, "aria-hidden": "true" }, blocks),
      h("div", { class: "cursor", place: Math.min(1, Math.max(0, (this.when - this.start) / (this.end - this.start))) }));
  }
}
