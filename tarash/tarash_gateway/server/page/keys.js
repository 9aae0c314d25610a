// Keys and their budgets, for the admin: made and shown once, rotated, revoked.

import { get, post, remove } from "./api.js";
import { empty, failure, field, fill, h, row, say, select, table, waiting } from "./dom.js";
import { ago, listed, moment, money } from "./format.js";
import { confirmed, copier } from "./parts.js";

export async function keys(place, { signal }) {
  const list = h("div", {});
  const acts = h("section", { "aria-label": "Audit log" });
  const shown = h("div", {});
  const opener = h("button", { type: "button", class: "first", "aria-expanded": "false", on: { click: toggle } }, "New key");
  const form = creation(async (scope) => {
    const made = await post("api/keys", scope);
    form.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    reveal(made, "The key is made");
    await load();
  });
  form.hidden = true;
  fill(place, h("div", { class: "head" }, h("h1", {}, "Keys and budgets"), opener), form, shown, list, acts);

  function toggle() {
    form.hidden = !form.hidden;
    opener.setAttribute("aria-expanded", String(!form.hidden));
    if (!form.hidden) form.elements.name.focus();
  }

  // It is nowhere else: when this is gone, another one has to be made.
  function reveal(made, title) {
    const code = h("code", { class: "secret words", tabindex: "0" }, made.key);
    fill(shown, h("div", { class: "sheet revealed", role: "status" },
      h("h2", {}, title), h("p", {}, `Copy the key of “${made.name}” now. It is not shown again.`),
      code, h("div", { class: "row" }, copier(made.key, "Copy key"),
        h("button", { type: "button", class: "quiet small", on: { click: () => fill(shown) } }, "I have it"))));
    code.focus();
  }

  async function load() {
    try {
      const [found, spent, audit] = await Promise.all([get("api/keys", { signal }), get("api/spending", { signal }), get("api/audit?limit=20", { signal })]);
      const byKey = new Map(spent.data.map((one) => [one.key, one]));
      fill(list, found.data.length ? tableOf(found.data, byKey)
        : empty("No keys yet", "Give each client a key of its own: with the models it may use and what it may spend."));
      fill(acts, h("h2", {}, "What the admin has done"), audit.data.length ? h("ol", { class: "acts" }, audit.data.map((one) => h("li", { class: "words" },
        h("time", { class: "faint", datetime: one.at }, moment(one.at)), ` ${one.act.replace(".", " ")} `, h("code", {}, one.what), h("span", { class: "faint" }, ` from ${one.address ?? "unknown"}`))))
        : h("p", { class: "faint" }, "Nothing yet."));
    } catch (error) {
      if (error.name !== "AbortError") fill(list, failure(error, load));
    }
  }

  function tableOf(every, spent) {
    const names = ["Name", "Models", "Budget", "Spent", "Limits", "Made", ""];
    return table("Keys", names, every.map((key) => rowOf(key, spent.get(key.id))), { class: "keys" });
  }

  function rowOf(key, spent) {
    const limits = [key.in_flight && `${key.in_flight} at once`, key.requests_per_minute && `${key.requests_per_minute} requests/min`,
      key.expires_at && `until ${moment(key.expires_at)}`, key.allow_unpriced && "unpriced allowed"].filter(Boolean);
    return row([
      ["Name", h("a", { class: "words", href: `#/jobs?label=${encodeURIComponent(`key:${key.id}`)}` }, key.name), h("div", {}, h("code", { class: "faint" }, key.id))],
      ["Models", h("span", { class: "words" }, listed(key.models, 4) === "*" ? "all" : listed(key.models, 4))],
      ["Budget", key.budget ? `${money(key.budget.amount)} ${key.budget.per === "total" ? "in all" : `per ${key.budget.per}`}` : h("span", { class: "faint" }, "none")],
      ["Spent", spending(key, spent)],
      ["Limits", limits.length ? listed(limits) : h("span", { class: "faint" }, "none")],
      ["Made", h("time", { datetime: key.created_at }, ago(key.created_at))],
      ["", h("div", { class: "row end" },
        h("button", { type: "button", class: "quiet small", "aria-label": `Rotate ${key.name}`, on: { click: () => rotate(key) } }, "Rotate"),
        h("button", { type: "button", class: "quiet small", "aria-label": `Revoke ${key.name}`, on: { click: () => revoke(key) } }, "Revoke"))],
    ]);
  }

  async function rotate(key) {
    if (!await confirmed(`Rotate “${key.name}”?`, "It gets another secret. The one that its client has now is refused at once, and its sessions end.", "Rotate")) return;
    await act(async () => reveal(await post(`api/keys/${encodeURIComponent(key.id)}/rotate`), "The key is rotated"));
  }

  async function revoke(key) {
    if (!await confirmed(`Revoke “${key.name}”?`, "It is refused at once, on all servers, and can't be had back. Its jobs stay.", "Revoke")) return;
    await act(async () => { await remove(`api/keys/${encodeURIComponent(key.id)}`); say(`${key.name} revoked`); });
  }

  async function act(work) {
    try {
      await work();
      await load();
    } catch (error) {
      fill(shown, failure(error));
    }
  }

  fill(list, waiting());
  await load();
}

function spending(key, spent) {
  if (!spent) return h("span", { class: "faint" }, "nothing");
  const amount = Number(spent.amount) + Number(spent.possible);
  const most = key.budget ? Number(key.budget.amount) : 0;
  const bar = most > 0 && h("meter", { min: 0, max: most, value: Math.min(amount, most), "aria-label": `Spent of the budget of ${key.name}` });
  if (bar) bar.value = Math.min(amount, most);
  return [h("span", { class: "number" }, money(amount)), h("span", { class: "faint" }, spent.unknown ? ` and ${spent.unknown} unknown` : ""), bar];
}

function creation(create) {
  const name = h("input", { name: "name", required: true, maxlength: "100", autocomplete: "off" });
  const allowed = h("input", { name: "models", placeholder: "all", autocomplete: "off", spellcheck: "false" });
  const amount = h("input", { name: "amount", type: "number", min: "0", step: "0.01", inputmode: "decimal", placeholder: "no budget" });
  const per = select([["day", "per day"], ["hour", "per hour"], ["month", "per month"], ["total", "in all"]], { name: "per" });
  const flight = h("input", { name: "in_flight", type: "number", min: "1", step: "1", inputmode: "numeric", placeholder: "no limit" });
  const pace = h("input", { name: "requests_per_minute", type: "number", min: "1", step: "1", inputmode: "numeric", placeholder: "no limit" });
  const unpriced = h("input", { name: "allow_unpriced", type: "checkbox" });
  const trouble = h("p", { class: "trouble words", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "first" }, "Make the key");
  const form = h("form", { class: "sheet key-form", method: "post", novalidate: true, "aria-label": "New key" },
    h("div", { class: "options-grid" }, field("Name", name), field("Models", allowed, { hint: "Separated by commas, such as fal/*, fast-video" })),
    h("div", { class: "options-grid" }, field("Budget, in $", amount), field("Renewed", per), field("Jobs at once", flight), field("Requests a minute", pace)),
    h("label", { class: "check" }, unpriced, "May buy what has no known price"),
    trouble, h("div", { class: "row end" }, button));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble.hidden = true;
    const scope = { name: name.value.trim(), allow_unpriced: unpriced.checked };
    const patterns = allowed.value.split(",").map((one) => one.trim()).filter(Boolean);
    if (patterns.length) scope.models = patterns;
    if (amount.value) scope.budget = { amount: amount.value, per: per.value };
    if (flight.value) scope.in_flight = Number(flight.value);
    if (pace.value) scope.requests_per_minute = Number(pace.value);
    button.disabled = true;
    try {
      if (!scope.name) throw new Error("Give it a name first.");
      await create(scope);
      form.reset();
    } catch (error) {
      trouble.textContent = error.message;
      trouble.hidden = false;
    } finally {
      button.disabled = false;
    }
  });
  return form;
}
