// A digest has a face: 64 digits are not compared by eye, a pattern is noticed. It decides nothing.

import { copyButton, h, s } from "./dom.js";

const digitsOf = (digest) => digest.slice(digest.indexOf(":") + 1);

export const hueOf = (digest) => parseInt(digitsOf(digest).slice(0, 4), 16) % 360;

/** Five by five cells, mirrored, from the digits after those that give the colour. */
export function face(digest) {
  const digits = digitsOf(digest).slice(4);
  const cells = [];
  for (let column = 0; column < 3; column += 1) {
    for (let row = 0; row < 5; row += 1) {
      const index = column * 5 + row;
      if ((parseInt(digits[index], 16) >> index % 4) % 2 === 0) continue;
      for (const x of new Set([column, 4 - column])) {
        cells.push(s("rect", { x, y: row, width: 1.02, height: 1.02 }));
      }
    }
  }
  return s("svg", { class: "face content", viewBox: "-1.2 -1.2 7.4 7.4", "aria-hidden": "true", hue: hueOf(digest) },
    s("rect", { class: "ground", x: -1.2, y: -1.2, width: 7.4, height: 7.4, rx: 1.5 }), cells);
}

/** The pair in a cell of a table: tag for people, the first digits, and the whole to copy. */
export function pair(pin, of) {
  if (!pin) return "";
  return h("div", { class: "pair" }, face(pin.digest),
    h("span", { class: "pair-text" },
      h("span", { class: "tag" }, pin.tag),
      h("code", { title: pin.digest }, pin.short)),
    copyButton(pin.digest, `digest of ${of}`));
}
