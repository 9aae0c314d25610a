// How the gateway does: providers and their breakers, limits, and what waits.

import { get } from "./api.js";
import { empty, failure, fill, h, textTable, waiting } from "./dom.js";
import { listed, moment } from "./format.js";

const EVERY = 10000;
const STATES = { closed: "Working", half_open: "Probing", open: "Down" };

export async function health(place, { signal }) {
  const body = h("div", { class: "health" });
  const since = h("span", { class: "faint number" }, "");
  fill(place, h("div", { class: "head" }, h("h1", {}, "Health"), since), body);
  fill(body, waiting());
  let timer = null;
  signal.addEventListener("abort", () => clearTimeout(timer));

  async function load() {
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      const found = await get("api/health", { signal });
      fill(body, numbers(found), circuits(found.circuits), lines(found.limits), providers(found.providers));
      since.textContent = `as of ${moment(new Date().toISOString())}`;
    } catch (error) {
      if (error.name === "AbortError" || signal.aborted) return;
      fill(body, failure(error, load));
    }
    timer = setTimeout(load, EVERY);
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) load(); }, { signal });
  await load();
}

function numbers(found) {
  const figure = (value, text) => h("div", { class: "sheet figure" }, h("p", { class: "figure-number number" }, String(value)), h("p", { class: "faint" }, text));
  return h("section", { class: "figures", "aria-label": "Numbers" },
    figure(found.ledger === "ok" ? "OK" : "Down", found.ledger === "ok" ? "the ledger can be read" : "the ledger can't be read"),
    figure(found.jobs_under_way, "jobs driven by this server"),
    figure(found.queue.waiting, "jobs in the queue"));
}

function circuits(every) {
  return h("section", { "aria-label": "Breakers" }, h("h2", {}, "Breakers"),
    every.length ? textTable("Breakers", ["State", "Model", "Of late", "Next probe", "Why"], every.map((one) => [
      h("span", { class: "badge", data: { state: one.state } }, STATES[one.state] ?? one.state), `${one.provider} · ${one.model}`,
      `${one.failures} failed, ${one.successes} answered`, one.retry_at ? moment(one.retry_at) : "", one.last_error ?? ""]))
      : empty("Nothing to report", "With [breaker] in the configuration, a provider that is down shows here and is skipped for a while."));
}

function lines(every) {
  return h("section", { "aria-label": "Limits" }, h("h2", {}, "Limits"),
    every.length ? textTable("Limits", ["For", "In flight", "Waiting", "Most"], every.map((one) => [one.name, String(one.in_flight), String(one.waiting), one.most === null ? "learned" : String(one.most)]))
      : empty("No limits in force", "With [[limits]] in the configuration, jobs in flight and those that wait their turn are counted here."));
}

function providers(every) {
  const state = (one) => (one.mocked ? ["", "Mocked"] : one.ready ? ["ready", "Ready"] : one.installed ? ["", one.own_server ? "Needs an address" : "No key"] : ["", `Needs the extra ${one.extra}`]);
  return h("section", { "aria-label": "Providers" }, h("h2", {}, "Providers"),
    every.some((one) => one.mocked) && h("p", { class: "faint" }, "The mock answers for every one of them: no provider is asked, and no key is used."),
    textTable("Providers", ["State", "Name", "Makes", "Key"], every.map((one) => {
      const [name, text] = state(one);
      return [h("span", { class: "badge", data: { state: name } }, text), one.name, listed(one.modalities), one.environment_variables.length ? h("code", {}, listed(one.environment_variables, 2)) : ""];
    })));
}
