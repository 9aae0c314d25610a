// All jobs of a key, newest first: filtered, followed while they run, stopped.

import { get, post, remove } from "./api.js";
import { empty, failure, field, fill, h, row, say, select, table, waiting } from "./dom.js";
import { ago, isOpen, isStale, moment, stateName, stateOf } from "./format.js";
import { follow } from "./live.js";
import { badge, costOf, deleted, labelsOf, progress, stopped } from "./parts.js";

const PAGE = 30;
const COLUMNS = ["State", "What", "Labels", "Cost", "Made", ""];

export async function jobs(place, { who, query, signal }) {
  const state = select([["", "Any state"], ["open", "Under way"], ["completed", "Done"], ["failed", "Failed"],
    ["cancelled", "Cancelled"], ["unknown", "Unclear"]], { name: "state" });
  const kind = select([["", "Videos and images"], ["video", "Videos"], ["image", "Images"]], { name: "kind" });
  const label = h("input", { name: "label", type: "search", placeholder: "user:42", autocomplete: "off", spellcheck: "false" });
  state.value = query.get("state") ?? "";
  kind.value = query.get("kind") ?? "";
  label.value = query.get("label") ?? "";

  const list = table("Jobs", COLUMNS, [], { class: "jobs" });
  const [rows] = list.tBodies;
  const below = h("div", { class: "below" });
  const filters = h("form", { class: "filters", role: "search", "aria-label": "Filter jobs" },
    field("State", state), field("Kind", kind), field("Label", label));
  fill(place, h("div", { class: "head" }, h("h1", {}, "Jobs"),
    h("button", { type: "button", class: "quiet", on: { click: () => load() } }, "Refresh")), filters, list, below);

  let turn = new AbortController();
  const shown = new Map();

  async function load(after = null) {
    if (!after) {
      turn.abort();
      turn = new AbortController();
      signal.addEventListener("abort", () => turn.abort(), { once: true });
      shown.clear();
    }
    const mine = turn;
    const asked = filtersNow();
    const search = new URLSearchParams(asked);
    search.set("limit", PAGE);
    if (after) search.set("after", after);
    if (!after) fill(below, waiting());
    try {
      const page = await get(`api/jobs?${search}`, { signal: mine.signal });
      if (mine.signal.aborted) return;
      if (!after) fill(rows);
      for (const job of page.data) {
        shown.set(job.id, rowOf(job));
        rows.append(shown.get(job.id));
      }
      finish(page, asked);
      follow(page.data.filter((job) => isOpen(job.status)).map((job) => job.id), moved, mine.signal);
    } catch (error) {
      if (error.name !== "AbortError") fill(below, failure(error, () => load(after)));
    }
  }

  function finish(page, asked) {
    list.hidden = !shown.size;
    if (shown.size) {
      const last = page.data.at(-1)?.id;
      fill(below, page.has_more && h("button", { type: "button", class: "quiet", on: { click: () => load(last) } }, "Show older ones"));
      say(shown.size === 1 ? "1 job" : `${shown.size} jobs`);
    } else if (asked.toString()) {
      fill(below, empty("No job fits", "Try another state or label.",
        h("button", { type: "button", class: "quiet", on: { click: clear } }, "Show all jobs")));
    } else {
      fill(below, empty("No jobs yet", "What you make here, or with this key by the API, is listed here.",
        h("a", { class: "button first", href: "#/compare" }, "Compare some models")));
    }
  }

  function moved(job) {
    const before = shown.get(job.id);
    if (!before || isStale(job, before.querySelector(".badge")?.dataset.state)) return;
    const next = rowOf(job);
    // What has the focus keeps it: rows change under the hands of whoever reads them.
    const focus = before.contains(document.activeElement) ? document.activeElement.dataset.part : null;
    before.replaceWith(next);
    shown.set(job.id, next);
    if (focus) next.querySelector(`[data-part="${focus}"]`)?.focus();
    if (!isOpen(job.status)) say(`${job.model}: ${stateName(job.status)}`);
  }

  function rowOf(job) {
    const title = job.request?.prompt || "(no prompt)";
    const stop = isOpen(job.status) && h("button", {
      type: "button", class: "quiet small", data: { part: "stop" }, "aria-label": `Cancel: ${title.slice(0, 60)}`,
      on: { click: (event) => cancel(job, event.target) },
    }, "Cancel");
    const gone = !isOpen(job.status) && h("button", {
      type: "button", class: "quiet small", data: { part: "delete" }, "aria-label": `Delete: ${title.slice(0, 60)}`,
      on: { click: (event) => drop(job, event.target) },
    }, "Delete");
    return row([
      ["State", badge(stateOf(job)), isOpen(job.status) && progress(job, title.slice(0, 60))],
      ["What", h("a", { class: "prompt", href: `#/jobs/${encodeURIComponent(job.id)}`, data: { part: "open" } }, title),
        h("div", { class: "faint words" }, job.model, who.is_admin && job.key && job.key !== "admin" ? ` · key ${job.key}` : ""),
        job.error && h("div", { class: "trouble words" }, job.error.message)],
      ["Labels", Object.keys(job.labels ?? {}).length > 0 && h("span", { class: "labels" }, labelsOf(job))],
      ["Cost", costOf(job)],
      ["Made", h("time", { datetime: job.created_at, title: moment(job.created_at) }, ago(job.created_at))],
      ["", stop, gone],
    ], { data: { job: job.id } });
  }

  async function cancel(job, button) {
    if (!await stopped()) return;
    button.disabled = true;
    try {
      moved((await post(`api/jobs/${encodeURIComponent(job.id)}/cancel`)).job);
    } catch (error) {
      button.disabled = false;
      say(error.message);
      button.after(h("span", { class: "trouble words" }, error.message));
    }
  }

  async function drop(job, button) {
    if (!await deleted(job)) return;
    button.disabled = true;
    try {
      await remove(`api/jobs/${encodeURIComponent(job.id)}`);
      const next = shown.get(job.id)?.nextElementSibling ?? shown.get(job.id)?.previousElementSibling;
      shown.get(job.id)?.remove();
      shown.delete(job.id);
      // The focus stays in the list; without a row left, the list says that it is empty.
      if (shown.size) next?.querySelector("[data-part=open]")?.focus();
      else await load();
      say("Deleted");
    } catch (error) {
      button.disabled = false;
      say(error.message);
      button.after(h("span", { class: "trouble words" }, error.message));
    }
  }

  function filtersNow() {
    const asked = new URLSearchParams();
    if (state.value) asked.set("state", state.value);
    if (kind.value) asked.set("kind", kind.value);
    if (label.value.trim()) asked.set("label", label.value.trim());
    return asked;
  }

  function clear() {
    state.value = "";
    kind.value = "";
    label.value = "";
    changed();
  }

  function changed() {
    const asked = filtersNow();
    // The address says what is shown, so that it can be kept and sent to others.
    history.replaceState(null, "", `#/jobs${asked.toString() ? `?${asked}` : ""}`);
    load();
  }

  filters.addEventListener("submit", (event) => { event.preventDefault(); changed(); });
  for (const one of [state, kind, label]) one.addEventListener("change", changed);
  await load();
}
