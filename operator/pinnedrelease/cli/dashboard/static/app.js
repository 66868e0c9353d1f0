// Which view is shown, and what all views share.

import { announce } from "./dom.js";
import { MomentView } from "./moment.js";
import { ReleaseView } from "./release.js";
import { ReleasesView } from "./releases.js";
import { fetched, follow, link, releases } from "./store.js";
import { STATES, at, countOn } from "./words.js";

const TOLD = 3;
const LIVE = { waiting: "Connecting", live: "Live", trouble: "Cluster does not answer", lost: "Connection lost" };

const main = document.getElementById("main");
let about = null;
let view = null;

function viewOf(path) {
  const [first, second, third] = path.map(decodeURIComponent);
  if (first === "at") {
    document.title = "At a moment – PinnedRelease";
    const when = second ? at(second) : NaN;
    return [new MomentView(main, Number.isNaN(when) ? null : when, third ?? about.namespace), "moment"];
  }
  if (first && second) {
    document.title = `${first}/${second} – PinnedRelease`;
    return [new ReleaseView(main, first, second), "release"];
  }
  document.title = "Releases – PinnedRelease";
  return [new ReleasesView(main, about), "releases"];
}

function show() {
  view?.close?.();
  let name;
  [view, name] = viewOf(location.hash.replace(/^#\/?/, "").split("/").filter(Boolean));
  for (const one of document.querySelectorAll("nav a")) {
    if (one.dataset.view === name) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
}

async function navigated() {
  show();
  await view.ready;
  // A screen reader begins with the new heading, as after loading a page.
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function onNews(changed, before) {
  view.news(changed);
  const told = (changed || []).filter((key) => {
    const one = releases.get(key);
    return before.has(key) && (!one || before.get(key) !== `${one.state} ${one.reason}`);
  });
  const words = told.slice(0, TOLD).map((key) => {
    const one = releases.get(key);
    return one ? `${key}: ${STATES[one.state]}, ${one.reason}` : `${key} is gone`;
  });
  if (told.length > TOLD) words.push(`and ${told.length - TOLD} more`);
  if (words.length) announce(words.join("; "));
}

function onLink() {
  document.getElementById("live").dataset.live = link.state;
  document.getElementById("live-text").textContent = LIVE[link.state];
  const trouble = document.getElementById("trouble");
  const words = {
    trouble: `The cluster does not answer, so this may be old: ${link.trouble}`,
    lost: "pinrel ui does not answer any more, so this is old. If it has ended, start it again and open the new address.",
  }[link.state];
  trouble.hidden = !words;
  if (words && trouble.textContent !== words) trouble.textContent = words;
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", navigated);
setInterval(countOn, 5000);

about = await fetched("about");
const place = [about.context, new URL(about.server).host].filter(Boolean).join(" · ");
document.getElementById("where").textContent = place;
document.getElementById("where").title = about.server;
show();
follow(onNews, onLink);
