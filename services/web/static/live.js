// Keeps the parts with `data-live` as they are on the server: an event says what has changed, the
// page is fetched again, and only what differs is replaced.
import { morph } from "./morph.js";
import { localTimes } from "./times.js";

const SLOWEST = 1500;
const known = new Map();
const pending = new Set();
let timer = null;
let last = 0;

const topicsOf = (element) => element.dataset.live.split(" ");

async function refresh() {
  timer = null;
  last = Date.now();
  const topics = new Set(pending);
  pending.clear();
  const parts = [...document.querySelectorAll("[data-live]")]
    .filter((each) => topicsOf(each).some((topic) => topics.has(topic)));
  if (!parts.length) return;
  let answer;
  try {
    answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "follow" });
  } catch {
    for (const topic of topics) pending.add(topic);
    later(SLOWEST * 2);
    return;
  }
  if (answer.redirected && new URL(answer.url).pathname === "/login") { location.reload(); return; }
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  localTimes(page);
  for (const part of parts) {
    const fresh = page.getElementById(part.id);
    if (fresh) morph(part, fresh);
  }
  document.dispatchEvent(new CustomEvent("refreshed"));
}

function later(pause) {
  if (timer === null) timer = setTimeout(refresh, pause);
}

export function want(topics) {
  for (const topic of topics) pending.add(topic);
  later(Math.max(0, last + SLOWEST - Date.now()));
}

export function follow() {
  const lost = document.querySelector("[data-connection]");
  let source = null;
  const open = () => {
    source = new EventSource("/events");
    source.addEventListener("open", () => { lost.hidden = true; });
    source.addEventListener("error", () => {
      lost.hidden = false;
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 3000);
    });
    source.addEventListener("changed", (event) => {
      const changed = Object.entries(JSON.parse(event.data)).filter(([topic, version]) => known.get(topic) !== version);
      for (const [topic, version] of changed) known.set(topic, version);
      if (changed.length) want(changed.map(([topic]) => topic));
    });
  };
  // A browser keeps six connections to a host: hidden pages leave theirs to others.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { source?.close(); source = null; } else if (!source) open();
  });
  document.addEventListener("refresh", (event) => { last = 0; want(event.detail); });
  window.addEventListener("pagehide", () => source?.close());
  if (!document.hidden) open();
}
