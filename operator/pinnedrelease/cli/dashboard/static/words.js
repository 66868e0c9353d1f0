// Times and states in words. All times are UTC, as the commands print them.

import { h } from "./dom.js";

export const STATES = {
  ready: "Ready",
  moving: "On its way",
  failing: "Not ready",
  unseen: "Not looked at yet",
};
export const CERTAINTIES = {
  Ran: "Ran",
  RollingOut: "Rolling out",
  Drifted: "Drifted",
  InForce: "In force",
  Unknown: "Unknown",
};

export const at = (text) => Date.parse(text) / 1000;
export const isoOf = (seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
export const plain = (text) => text.replace("T", " ").replace("Z", "");

/** "45 s", "12 min", "5 h", "3 d". */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (whole >= size * 2) return `${Math.floor(whole / size)} ${unit}`;
  }
  return `${whole} s`;
}

/** A time as an element; `ago` shows how long ago it was, and keeps counting. */
export function time(text, ago = false) {
  if (!text) return "";
  const local = new Date(text).toLocaleString();
  return h("time", { datetime: text, title: ago ? `${plain(text)} UTC, ${local} here` : `${local} here`, "data-ago": ago },
    ago ? `${span(Date.now() / 1000 - at(text))} ago` : plain(text));
}

export function countOn() {
  for (const one of document.querySelectorAll("time[data-ago]")) {
    one.textContent = `${span(Date.now() / 1000 - at(one.dateTime))} ago`;
  }
}
