// Elements from data. Whatever comes from the cluster goes through here and becomes text.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "onclick" || name === "oninput" || name === "onchange") {
      element.addEventListener(name.slice(2), value);
    } else if (name === "hue" || name === "place") {
      // Through the object model: style attributes are what the Content-Security-Policy refuses.
      element.style.setProperty(`--${name}`, value);
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);
export const s = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

const SHAPES = {
  ready: ["circle", { d: "M4.6 8.3 7 10.600l4.4-5.2" }],
  moving: ["circle", { d: "M8 4.500V8l2.5 1.8" }],
  failing: ["octagon", { d: "M8 4.300v4.400M8 11.200v.6" }],
  unseen: ["dashed", { d: "M6.2 6.300a1.8 1.8 0 1 1 2.7 1.600c-.6.4-.9.7-.9 1.300M8 11.300v.4" }],
  copy: [null, { d: "M5.5 5.500V3h7.500v7.500h-2.500M3 5.500h7.500V13H3z" }],
  done: [null, { d: "M3.5 8.5 6.5 11.500l6-7" }],
};
const OUTLINES = {
  circle: () => s("circle", { cx: 8, cy: 8, r: 6.5 }),
  dashed: () => s("circle", { cx: 8, cy: 8, r: 6.5, "stroke-dasharray": "2.4 1.7" }),
  octagon: () => s("path", { d: "M5.3 1.500h5.400l3.8 3.800v5.400l-3.8 3.800H5.300l-3.8-3.800V5.300z" }),
};
const CERTAINTY_SHAPE = { Ran: "ready", RollingOut: "moving", Drifted: "failing" };

/** A picture beside words that say the same: shapes differ, not only colours. */
export function icon(name) {
  const [outline, stroke] = SHAPES[name] || SHAPES[CERTAINTY_SHAPE[name]] || SHAPES.unseen;
  return s("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" },
    outline && OUTLINES[outline](), s("path", stroke));
}

/** A table with a caption for screen readers; each column is [title, class]. */
export function table(caption, columns, rows, attributes = {}) {
  const heads = columns.map(([title, kind]) => h("th", { scope: "col", class: kind }, title));
  return h("div", { class: "scroll" }, h("table", attributes,
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)));
}

export const announce = (text) => { document.getElementById("announcer").textContent = text; };

/** Copies a text. `what` is for people who hear the page: "digest of shop/web". */
export function copyButton(text, what, label = null) {
  const shown = h("span", {}, label || "");
  const button = h("button", {
    type: "button", class: label ? "copy" : "copy bare", title: text,
    "aria-label": label ? null : `Copy ${what}`, "data-focus": `copy ${what}`,
    onclick: async () => {
      let said = `Copied ${what}`;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        said = `The browser does not let this page copy; here is the text: ${text}`;
      }
      announce(said);
      button.classList.add("copied");
      button.firstChild.replaceWith(icon("done"));
      setTimeout(() => {
        button.classList.remove("copied");
        button.firstChild.replaceWith(icon("copy"));
      }, 1600);
    },
  }, icon("copy"), shown);
  return button;
}

/** Puts new content in the place of old; who was on a control inside stays on it. */
export function swap(old, fresh) {
  const focus = old.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  old.replaceWith(fresh);
  if (focus) fresh.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  return fresh;
}
