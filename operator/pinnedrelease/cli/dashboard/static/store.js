// What the server has told: the releases by key, kept up to date by server-sent events.

export const keyOf = (release) => `${release.namespace}/${release.name}`;

export const releases = new Map();
export const link = { state: "waiting", trouble: null };

/** Calls back with the keys that changed (null: all) and with the states before. */
export function follow(onNews, onLink) {
  const source = new EventSource("news");
  source.addEventListener("message", (event) => {
    const news = JSON.parse(event.data);
    const before = new Map([...releases].map(([key, one]) => [key, `${one.state} ${one.reason}`]));
    if (news.isAll) releases.clear();
    for (const one of news.releases) releases.set(keyOf(one), one);
    for (const [namespace, name] of news.gone) releases.delete(`${namespace}/${name}`);
    link.trouble = news.trouble;
    link.state = news.trouble ? "trouble" : "live";
    const changed = [...news.releases.map(keyOf), ...news.gone.map(([namespace, name]) => `${namespace}/${name}`)];
    onNews(news.isAll ? null : changed, before);
    onLink();
  });
  source.addEventListener("error", () => {
    // The browser tries again by itself; a server that has ended does not come back.
    link.state = "lost";
    onLink();
  });
}

export const sorted = () => [...releases.values()].sort((one, other) => keyOf(one).localeCompare(keyOf(other), "en"));
export const namespaces = () => [...new Set([...releases.values()].map((one) => one.namespace))].sort();

/** JSON from the server; null when there is no such thing, undefined when nobody answers. */
export async function fetched(path) {
  try {
    const answer = await fetch(path);
    return answer.ok ? await answer.json() : null;
  } catch {
    // The stream of news ends at the same time, and the page says so.
    return undefined;
  }
}
