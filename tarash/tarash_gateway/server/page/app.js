// Starts the page: who is there, which view is asked for, and what stands above it.

import { get, remove, use } from "./api.js";
import { failure, fill, h, say } from "./dom.js";
import { signIn } from "./signin.js";
import { compare, forget } from "./compare.js";
import { mocked } from "./parts.js";
import { jobs } from "./jobs.js";
import { job } from "./job.js";
import { models } from "./models.js";
import { keys } from "./keys.js";
import { health } from "./health.js";

const VIEWS = [
  { name: "compare", title: "Compare", show: compare },
  { name: "jobs", title: "Jobs", show: jobs, detail: job },
  { name: "models", title: "Models", show: models },
  { name: "keys", title: "Keys", show: keys, admin: true },
  { name: "health", title: "Health", show: health, admin: true },
];
const FIRST = "compare";

const main = document.getElementById("main");
const top = document.getElementById("top");
let who = null;
let leaving = new AbortController();

async function start() {
  try {
    entered(await get("api/session"), false);
  } catch (error) {
    fill(main, failure(error, start));
  }
}

function entered(session, isNew) {
  who = session.signed_in ? session : null;
  use(session.csrf ?? "", ended);
  mocked(Boolean(session.mock));
  fill(top);
  top.hidden = !who;
  if (!who) return door("");
  fill(top, bar());
  show(isNew);
}

// A session that has ended does not lose the place: whoever signs in again is where they were.
function ended() {
  if (!who) return;
  who = null;
  top.hidden = true;
  door("Your session has ended. Sign in again to go on; jobs under way are not affected.");
}

function door(reason) {
  leaving.abort();
  document.title = "Sign in · Tarash Gateway";
  signIn(main, reason, (session) => entered(session, true));
}

function bar() {
  const links = VIEWS.filter((view) => !view.admin || who.is_admin)
    .map((view) => h("a", { href: `#/${view.name}`, data: { view: view.name } }, view.title));
  const out = h("button", { type: "button", class: "quiet small", on: { click: leave } }, "Sign out");
  return [
    h("a", { class: "mark", href: `#/${FIRST}` }, h("img", { src: "page/icon.svg", alt: "", width: 24, height: 24 }), "Tarash"),
    h("nav", { "aria-label": "Views" }, links),
    h("div", { class: "who" }, who.mock && h("span", { class: "tag", title: "Every model is answered by the mock" }, "mock"),
      h("span", { class: "who-name" }, who.name), out),
  ];
}

async function leave() {
  const session = who;
  who = null;
  forget();
  await remove("api/session").catch(() => null);
  if (session) entered({ signed_in: false }, false);
}

function asked() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(plain);
  const view = VIEWS.find((one) => one.name === name && (!one.admin || who.is_admin));
  return { view: view ?? VIEWS.find((one) => one.name === FIRST), rest: view ? rest : [], query: new URLSearchParams(query) };
}

function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

async function show(moved = true) {
  if (!who) return;
  const { view, rest, query } = asked();
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  for (const link of top.querySelectorAll("nav a")) {
    if (link.dataset.view === view.name) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    else link.removeAttribute("aria-current");
  }
  document.title = `${view.title} · Tarash Gateway`;
  const place = h("div", { class: `view view-${view.name}` });
  fill(main, place);
  const work = rest.length && view.detail ? view.detail : view.show;
  try {
    await work(place, { who, rest, query, signal });
  } catch (error) {
    if (error.name !== "AbortError" && !signal.aborted) fill(place, failure(error, () => show(false)));
  }
  if (moved && !signal.aborted) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
    say(document.title);
  }
}

addEventListener("hashchange", () => { if (location.hash !== "#main") show(true); });
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
start();
