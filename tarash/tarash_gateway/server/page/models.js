// The catalogue: searched, with what each model takes, what it costs and how long it will be there.

import { get } from "./api.js";
import { empty, failure, field, fill, h, say, select, textTable, waiting } from "./dom.js";
import { listed, money, rate } from "./format.js";

const PAGE = 40;
const PAUSE = 200;
const TAKES = [["", "Anything"], ["first_frame", "A first frame"], ["last_frame", "A last frame"], ["reference", "References"],
  ["video", "A video"], ["mask", "A mask"]];

export async function models(place, { query, signal }) {
  const search = h("input", { type: "search", name: "q", placeholder: "veo, kling, text-to-image…", autocomplete: "off", spellcheck: "false", maxlength: "200" });
  const kind = select([["", "Videos and images"], ["video", "Videos"], ["image", "Images"]]);
  const takes = select(TAKES);
  const ready = h("input", { type: "checkbox" });
  const retired = h("input", { type: "checkbox" });
  search.value = query.get("q") ?? "";
  kind.value = query.get("kind") ?? "";
  const list = h("ul", { class: "models-list" });
  const below = h("div", { class: "below" });
  const count = h("p", { class: "faint", role: "status" }, "");
  const filters = h("form", { class: "filters", role: "search", "aria-label": "Search models" },
    field("Search", search), field("Makes", kind), field("Takes", takes),
    h("div", { class: "checks" }, h("label", { class: "check" }, ready, "Usable now"), h("label", { class: "check" }, retired, "Retired, too")));
  fill(place, h("div", { class: "head" }, h("h1", {}, "Models"), count), filters, list, below);

  let turn = new AbortController();
  let timer = null;
  signal.addEventListener("abort", () => { turn.abort(); clearTimeout(timer); });

  async function load(offset = 0) {
    turn.abort();
    turn = new AbortController();
    const mine = turn.signal;
    const asked = new URLSearchParams({ q: search.value.trim(), limit: PAGE, offset });
    if (kind.value) asked.set("kind", kind.value);
    if (takes.value) asked.set("takes", takes.value);
    if (ready.checked) asked.set("ready", "true");
    if (retired.checked) asked.set("retired", "true");
    if (!list.children.length) fill(below, waiting());
    try {
      const found = await get(`api/models?${asked}`, { signal: mine });
      if (mine.aborted) return;
      if (!offset) fill(list);
      list.append(...found.data.map(entry));
      count.textContent = found.total === 1 ? "1 model" : `${found.total.toLocaleString("en")} models`;
      fill(below, !found.total ? empty("No model fits", "Try fewer words, or take a filter away.")
        : found.has_more && h("button", { type: "button", class: "quiet", on: { click: () => load(offset + PAGE) } }, "Show more"));
    } catch (error) {
      if (error.name !== "AbortError") fill(below, failure(error, () => load(offset)));
    }
  }

  function changed() {
    clearTimeout(timer);
    timer = setTimeout(() => load(), PAUSE);
  }

  filters.addEventListener("submit", (event) => { event.preventDefault(); load(); });
  filters.addEventListener("input", changed);
  await load();
}

function lifecycle(entry) {
  if (entry.retired) return h("span", { class: "badge", data: { state: "retired" } }, "Retired");
  if (entry.shutdown) return h("span", { class: "badge", data: { state: "soon" } }, `Until ${entry.shutdown}`);
  if (entry.deprecated) return h("span", { class: "badge", data: { state: "soon" } }, "Deprecated");
  return null;
}

function entry(one) {
  const order = new URLSearchParams({ model: one.id, kind: one.outputs.includes("video") || !one.outputs.length ? "video" : "image" });
  const takes = (one.takes ?? []).map((role) => role.replaceAll("_", " "));
  const details = h("details", { class: "model-details" }, h("summary", {}, "Capabilities and prices"), h("div", {}));
  details.addEventListener("toggle", () => { if (details.open && !details.lastElementChild.children.length) describe(one.id, details.lastElementChild); });
  return h("li", { class: "sheet model" },
    h("div", { class: "model-top" },
      h("h2", { class: "words" }, one.id), lifecycle(one), one.ready === false && h("span", { class: "badge" }, "No key"),
      h("a", { class: "button small quiet last", href: `#/compare?${order}`, "aria-label": `Compare ${one.id}` }, "Compare")),
    h("p", { class: "faint words" }, one.alias ? `Alias of ${listed(one.alias, 8)}`
      : [one.category ?? listed(one.outputs), seconds(one), takes.length ? `takes ${listed(takes)}` : one.category ? "" : "from text"].filter(Boolean).join(" · ")),
    h("p", {}, one.price ? h("span", { class: "number" }, rate(one.price)) : !one.alias && h("span", { class: "faint" }, "No published price"),
      one.successor && h("span", { class: "faint words" }, ` · use ${one.successor} instead`)),
    !one.alias && details);
}

function seconds(one) {
  const each = one.durations ?? [];
  const isRow = each.length > 3 && each.every((value, number) => !number || value === each[number - 1] + 1);
  if (isRow) return `${each[0]}–${each.at(-1)} s`;
  if (each.length) return `${listed(each, 8)} s`;
  const range = one.duration_range;
  return range ? `${range.low ?? 0}–${range.high ?? "…"} s` : "";
}

async function describe(id, place) {
  fill(place, waiting());
  try {
    const found = await get(`api/models/${id.split("/").map(encodeURIComponent).join("/")}`);
    fill(place, capabilities(found.description), prices(found.prices));
    say(`Details of ${id}`);
  } catch (error) {
    fill(place, failure(error, () => describe(id, place)));
  }
}

function capabilities(one) {
  if (!one) return h("p", { class: "faint" }, "The catalogue knows no more of it.");
  const roles = one.images.map((image) => `${image.role.replaceAll("_", " ")}${image.required ? " (required)" : ""}${image.most ? `, ${image.most} at most` : ""}`);
  const yes = [["Sound", one.audio], ["Seed", one.seed], ["Negative prompt", one.negative_prompt], ["Source video", one.takes_video], ["Mask", one.takes_mask]]
    .filter(([, has]) => has).map(([name]) => name);
  const pairs = [["Aspect ratios", one.aspect_ratios], ["Resolutions", one.resolutions], ["Sizes", one.sizes], ["Images", roles], ["Qualities", one.qualities],
    ["Styles", one.styles], ["Also takes", yes], ["Needs", one.needs_extra]].filter(([, values]) => values.length);
  return h("div", {},
    pairs.length > 0 && h("dl", { class: "facts" }, pairs.map(([name, values]) => h("div", {}, h("dt", {}, name), h("dd", { class: "words" }, listed(values, 14))))),
    h("p", { class: "hint words" }, `From ${one.source === "package" ? "the catalogue of this version" : one.source}${one.recorded ? `, read on ${one.recorded}` : ""}${one.schema_warning ? `. ${one.schema_warning}` : ""}`));
}

function prices(lines) {
  if (!lines?.length) return null;
  const text = (line) => {
    const per = line.per && Number(line.per) !== 1 ? `${Number(line.per).toLocaleString("en")} ` : "";
    const unit = line.credit_usd ? `${line.rate} ${line.currency} (${money(Number(line.rate) * Number(line.credit_usd))})` : money(line.rate, line.currency ?? "USD");
    return `${unit} / ${per}${line.unit}`;
  };
  const when = (line) => Object.entries(line.when ?? {}).map(([name, value]) => `${name} ${value === true ? "on" : value === false ? "off" : [value].flat().join(", ")}`).join("; ");
  const source = (line) => [line.source, line.date].filter(Boolean).join(", ");
  return textTable("Prices", ["Price", "For", "When", "Source"],
    lines.map((line) => [text(line), (line.billable ?? "output").replaceAll("_", " "), when(line), source(line)]), { class: "prices" });
}
