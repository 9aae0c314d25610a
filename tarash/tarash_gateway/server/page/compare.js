// Compares models: one order, several of them side by side, from the plan to the result.

import { get, post } from "./api.js";
import { column } from "./column.js";
import { composer } from "./compose.js";
import { empty, failure, fill, h, say } from "./dom.js";
import { isOpen, money } from "./format.js";
import { follow } from "./live.js";
import { picker } from "./pick.js";
import { together } from "./players.js";

const KEPT = "tarash.compare";
const MOST = 8;
const ENOUGH = 3; // of what is suggested
const PAUSE = 350;
const AGAIN = 5000;
const SENDING = 45000; // longer than a create waits for a provider

export async function compare(place, { who, query, signal }) {
  const owner = who.key?.id ?? "admin";
  const draft = remembered(query, owner);
  const columns = new Map();
  const players = together(signal);
  let run = draft.run ?? null;
  let timer = null;
  let turn = new AbortController();

  const form = composer(draft, changed);
  const chooser = picker({ kind: form.kind, picked: (entry) => { add(entry.id); changed(); }, signal });
  const total = h("p", { class: "total number", role: "status" }, "");
  const button = h("button", { type: "submit", class: "first" }, "Make videos");
  const suggested = h("div", { class: "row suggested" });
  const whole = h("form", { class: "composer sheet", method: "post", novalidate: true, "aria-label": "What to make" },
    form.element,
    h("div", { class: "models" }, h("p", { class: "like-label" }, "Models"), chooser.element, suggested),
    h("div", { class: "deed" }, total, button));
  const row = h("section", { class: "columns", "aria-label": "Models side by side" });
  const note = h("div", {});
  fill(place, h("div", { class: "head" }, h("h1", {}, "Compare"), h("a", { class: "faint", href: "#/jobs" }, "Earlier ones are in Jobs")),
    whole, players.bar, note, row);
  form.inputs.accept(whole);
  whole.addEventListener("submit", (event) => { event.preventDefault(); make(); });
  form.prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); make(); }
  });

  // ----------------------------------------------------------------- columns
  function add(model) {
    if (columns.has(model) || columns.size >= MOST) return;
    const made = column(model, { players, signal, on: { removed, again } });
    columns.set(model, made);
    row.append(made.element);
    say(`${model} added`);
  }

  function removed(model) {
    columns.get(model)?.gone();
    columns.delete(model);
    changed();
    chooser.focus();
  }

  // ------------------------------------------------------------------- plans
  function changed(isOtherKind = false) {
    if (isOtherKind) {
      for (const one of columns.values()) one.gone();
      columns.clear();
      players.clear();
      run = null;
      suggest();
    }
    keep();
    clearTimeout(timer);
    timer = setTimeout(plan, PAUSE);
    outdate();
  }

  // What was planned before is not what would be made now: nothing is bought at its price.
  function outdate() {
    for (const one of columns.values()) one.planning();
    draw();
  }

  async function plan() {
    turn.abort();
    turn = new AbortController();
    const mine = turn.signal;
    outdate();
    const fields = await form.fields(); // which may have to be uploaded first
    if (mine.aborted) return;
    if (!fields.prompt) {
      for (const one of columns.values()) one.planned(null, null);
      draw();
      return;
    }
    await Promise.all([...columns.values()].map(async (one) => {
      try {
        const found = await post("api/plan", { ...fields, model: one.model }, { signal: mine });
        if (!mine.aborted) one.planned(found, null);
      } catch (error) {
        if (mine.aborted || error.name === "AbortError") return;
        one.planned(null, error);
        if (error.status === 429) timer = setTimeout(plan, AGAIN);
      }
    }));
    if (!mine.aborted) draw();
  }

  const possible = () => [...columns.values()].filter((one) => one.plan && !one.isPlanning && !one.isBusy());

  function draw() {
    const ready = possible();
    const what = form.kind() === "video" ? "video" : "image";
    const isBusy = [...columns.values()].some((one) => one.isBusy());
    button.disabled = !ready.length;
    button.textContent = ready.length ? `Make ${ready.length} ${what}${ready.length > 1 ? "s" : ""}` : isBusy ? "Being made…" : `Make ${what}s`;
    total.textContent = ready.length ? `${sum(ready)} in all` : "";
    const offers = [...suggested.querySelectorAll("button")];
    for (const one of offers) one.hidden = columns.has(one.textContent);
    suggested.hidden = columns.size >= ENOUGH || (columns.size > 0 && offers.every((one) => one.hidden));
    note.hidden = columns.size > 0;
    if (!columns.size) fill(note, empty("No model yet", "Pick two or three above: each shows its price, its time and what has to be adjusted before you buy."));
  }

  // ------------------------------------------------------------------ making
  async function make() {
    const ready = possible();
    if (!ready.length) {
      (form.prompt.value.trim() ? chooser : form.prompt).focus();
      return;
    }
    if (!run || ready.length === columns.size) run = { id: random(4), keys: {} };
    // Written down before anything leaves: a page that is loaded again finds what it has ordered.
    for (const one of ready) run.keys[one.model] = random(16);
    run.at = Date.now();
    keep();
    const fields = await form.fields();
    await Promise.all(ready.map((one) => order(one, fields)));
  }

  async function order(one, fields) {
    one.key = run.keys[one.model];
    one.fields = fields;
    one.sending();
    draw();
    const body = { ...fields, model: one.model, metadata: { compare: run.id } };
    try {
      const job = await post("api/jobs", body, { headers: { "idempotency-key": one.key } });
      took(one, job);
    } catch (error) {
      if (error.name !== "AbortError" && !signal.aborted) one.refused(error);
    }
    draw();
  }

  // A request that nobody knows the end of is repeated as it was: its key makes it the same one.
  async function again(one, isSame) {
    const fields = isSame && one.fields ? one.fields : await form.fields();
    if (!isSame || !run) {
      run ??= { id: random(4), keys: {} };
      run.keys[one.model] = random(16);
      run.at = Date.now();
    }
    keep();
    order(one, fields);
  }

  function took(one, job) {
    one.moved(job);
    if (isOpen(job.status)) watch();
    else if (job.status === "completed" && !job.media.length) refresh(one, job.id);
  }

  let watching = new AbortController();
  function watch() {
    watching.abort();
    watching = new AbortController();
    const ids = [...columns.values()].filter((one) => one.job && isOpen(one.job.status)).map((one) => one.job.id);
    follow(ids, moved, watching.signal);
  }
  signal.addEventListener("abort", () => { watching.abort(); turn.abort(); clearTimeout(timer); clearInterval(clock); });

  function moved(job) {
    const one = [...columns.values()].find((other) => other.job?.id === job.id);
    if (!one || signal.aborted) return;
    one.moved(job);
    draw();
  }

  async function refresh(one, id) {
    try {
      one.moved(await get(`api/jobs/${encodeURIComponent(id)}`, { signal }));
    } catch (error) {
      if (error.name !== "AbortError") one.refused(error);
    }
  }

  // ---------------------------------------------------------------- reloading
  async function back() {
    if (!run) return;
    const known = await get(`api/jobs?${new URLSearchParams({ label: `compare:${run.id}`, limit: "50" })}`, { signal });
    for (const [model, one] of columns) {
      const newest = known.data.find((job) => job.model === model);
      if (newest) await refresh(one, newest.id);
      else if (run.keys[model] && Date.now() - run.at < SENDING) one.sending();
      else if (one.isSending) one.isSending = false;
    }
    draw();
    watch();
    if ([...columns.values()].some((one) => one.isSending)) setTimeout(() => { if (!signal.aborted) back().catch(() => {}); }, 1500);
  }

  function keep() {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ owner, ...form.kept(), models: [...columns.keys()], run }));
    } catch {
      // Without a store, a reload begins anew; what was ordered is in Jobs all the same.
    }
  }

  async function suggest() {
    const found = await get(`api/models?${new URLSearchParams({ kind: form.kind(), ready: "true", limit: "5" })}`, { signal }).catch(() => null);
    fill(suggested, found?.data.length > 0 && h("span", { class: "faint" }, "Suggested"), (found?.data ?? []).map((entry) => h("button", {
      type: "button", class: "quiet small", on: { click: () => { add(entry.id); changed(); form.prompt.focus(); } },
    }, entry.id)));
    if (found && !found.data.length) fill(suggested, h("span", { class: "faint" }, "No provider has a key yet. Start the server with --mock to try it without one."));
    draw();
  }

  const clock = setInterval(() => { for (const one of columns.values()) one.tick(); }, 1000);
  for (const model of draft.models ?? []) add(model);
  suggest();
  draw();
  if (columns.size && draft.prompt) plan();
  try {
    await back();
  } catch (error) {
    if (error.name !== "AbortError") fill(note, failure(error)), note.hidden = false;
  }
  keep();
  if (query.size) history.replaceState(null, "", "#/compare");
}

/** Forget what is remembered: who signs out leaves nothing to the next one. */
export function forget() {
  sessionStorage.removeItem(KEPT);
}

function remembered(query, owner) {
  let found = { kind: "video", models: [] };
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
    // Whoever signs in next at this screen is not shown what somebody else has written.
    if (kept.owner === owner) found = { ...found, ...kept };
  } catch {
    forget();
  }
  const kind = query.get("kind");
  if (kind && kind !== found.kind) found = { ...found, kind, models: [], run: null };
  if (query.get("prompt")) found.prompt = query.get("prompt");
  const more = query.getAll("model").filter((model) => !found.models.includes(model));
  return { ...found, models: [...found.models, ...more].slice(0, MOST) };
}

function random(bytes) {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function sum(columns) {
  const quotes = columns.map((one) => one.plan.quote);
  const unknown = quotes.filter((quote) => quote.low === null).length;
  const other = quotes.some((quote) => quote.currency && quote.currency !== "USD");
  const low = quotes.reduce((all, quote) => all + Number(quote.low ?? 0), 0);
  const high = quotes.reduce((all, quote) => all + Number(quote.high ?? quote.low ?? 0), 0);
  if (unknown === quotes.length || other) return "Price unknown";
  const text = high > low ? `${money(low)} – ${money(high)}` : money(low);
  return unknown ? `${text} and ${unknown} unknown` : text;
}
