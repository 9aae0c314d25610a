// Picks a model by a few letters: a text field with a list below it, for mouse, keys and screen readers.

import { get } from "./api.js";
import { fill, fresh, h } from "./dom.js";
import { listed, rate } from "./format.js";

const PAUSE = 160;

/** Make the field; `picked(entry)` is called with each model that is chosen. */
export function picker({ kind, picked, signal }) {
  const id = fresh("models");
  const input = h("input", {
    type: "text", role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list",
    autocomplete: "off", spellcheck: "false", placeholder: "Add a model…", "aria-label": "Add a model", maxlength: "200",
  });
  const list = h("ul", { id, role: "listbox", class: "options", "aria-label": "Models", hidden: true });
  const made = h("div", { class: "picker" }, input, list);
  let entries = [];
  let at = -1;
  let timer = null;
  let turn = null;
  let isStale = true; // what is listed was found for other letters
  let isWanted = false; // Enter came before what was looked for

  async function search() {
    turn?.abort();
    turn = new AbortController();
    const mine = turn;
    try {
      const query = new URLSearchParams({ kind: kind(), limit: 12, q: input.value.trim() });
      const answer = await get(`api/models?${query}`, { signal: mine.signal });
      if (mine.signal.aborted || document.activeElement !== input) return;
      entries = answer.data;
      isStale = false;
      show(answer);
      if (isWanted) choose(at);
    } catch (error) {
      if (error.name !== "AbortError") note(error.message);
    }
  }

  function show({ total, is_id: isId }) {
    const exact = entries.findIndex((entry) => entry.id === input.value.trim());
    // A whole id is meant as it stands, and not as the nearest of another provider.
    at = exact >= 0 || isId || !input.value.trim() || !entries.length ? exact : 0;
    fill(list, entries.map((entry, number) => h("li", {
      role: "option", id: `${id}-${number}`, "aria-selected": "false",
      on: { mousedown: (event) => event.preventDefault(), click: () => choose(number) },
    }, h("span", { class: "option-name words" }, entry.id), h("span", { class: "faint" }, about(entry)))));
    if (!entries.length) note("No model fits. An id may also be typed whole, such as fal/fal-ai/veo3.1.");
    else if (total > entries.length) list.append(h("li", { class: "option-note", role: "presentation" }, `${total - entries.length} more: type to narrow`));
    open(true);
    mark();
  }

  function note(text) {
    fill(list, h("li", { class: "option-note", role: "presentation" }, text));
    open(true);
  }

  function open(yes) {
    list.hidden = !yes;
    input.setAttribute("aria-expanded", String(yes));
    if (!yes) input.removeAttribute("aria-activedescendant");
  }

  function mark() {
    const options = list.querySelectorAll('[role="option"]');
    options.forEach((option, number) => option.setAttribute("aria-selected", String(number === at)));
    if (at >= 0) {
      input.setAttribute("aria-activedescendant", `${id}-${at}`);
      options[at]?.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  function choose(number) {
    const typed = input.value.trim();
    const entry = entries[number] ?? (typed.includes("/") ? { id: typed } : null);
    isWanted = false;
    if (!entry) return;
    input.value = "";
    entries = [];
    isStale = true;
    open(false);
    picked(entry);
  }

  input.addEventListener("focus", search);
  input.addEventListener("click", () => { if (list.hidden) search(); });
  input.addEventListener("input", () => {
    isStale = true;
    isWanted = false;
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE);
  });
  input.addEventListener("blur", () => { clearTimeout(timer); turn?.abort(); open(false); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) { search(); return; }
      const step = event.key === "ArrowDown" ? 1 : -1;
      at = entries.length ? (at + step + entries.length) % entries.length : -1;
      mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!isStale) choose(at);
      else if (input.value.trim()) isWanted = true;
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      open(false);
    }
  });
  signal.addEventListener("abort", () => { clearTimeout(timer); turn?.abort(); });
  return { element: made, focus: () => input.focus() };
}

function about(entry) {
  if (entry.alias) return `alias of ${listed(entry.alias, 3)}`;
  const price = rate(entry.price);
  const state = entry.retired ? "retired" : entry.ready === false ? "no key" : "";
  return [entry.category, price, state].filter(Boolean).join(" · ");
}
