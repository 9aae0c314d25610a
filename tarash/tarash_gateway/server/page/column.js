// One model of a comparison: its plan before, its job while it runs, its result and cost after.

import { get, post } from "./api.js";
import { fill, h, say } from "./dom.js";
import { BILLING, fieldName, fieldValue, isOpen, isStale, lasting, money, quoted, stateName, stateOf } from "./format.js";
import { badge, costOf, mediaAddress, player, progress, stopped } from "./parts.js";

/** Make a column; what happens in it is told to `on`. */
export function column(model, { on, players, signal }) {
  const title = h("h3", { class: "words" }, model);
  const removal = h("button", { type: "button", class: "quiet small", "aria-label": `Remove ${model}`, on: { click: () => on.removed(model) } }, "Remove");
  const before = h("div", { class: "before", "aria-busy": "false" });
  const after = h("div", { class: "after" });
  const element = h("article", { class: "column sheet", "aria-label": model }, h("header", {}, title, removal), before, after);
  const self = { model, element, plan: null, planError: null, job: null, error: null, isSending: false, key: null };
  let stage = null;
  let elapsed = null;

  // ------------------------------------------------------------------ before
  self.planning = () => {
    self.isPlanning = true;
    before.setAttribute("aria-busy", "true");
    if (!self.plan && !self.planError) fill(before, h("p", { class: "price faint" }, "…"));
  };

  self.planned = (plan, error) => {
    self.isPlanning = false;
    self.plan = plan;
    self.planError = error;
    before.setAttribute("aria-busy", "false");
    element.classList.toggle("impossible", Boolean(error));
    if (error) {
      fill(before, h("p", { class: "trouble words" }, error.message), (error.hints ?? []).map((text) => h("p", { class: "hint words" }, text)));
    } else if (!plan) {
      fill(before);
    } else {
      fill(before, summary(plan), notes(plan), sent(plan));
    }
  };

  function summary(plan) {
    const time = plan.expected_seconds ? `about ${lasting(plan.expected_seconds)}` : "time not known yet";
    const chain = plan.fallbacks.length ? `, then ${plan.fallbacks.map((one) => one.provider).join(", ")}` : "";
    return h("div", { class: "summary" },
      h("p", { class: "price number" }, quoted(plan.quote)),
      h("p", { class: "faint" }, `${time} · ${plan.provider}${chain}`));
  }

  function notes(plan) {
    const changed = plan.adjustments.map((one) => h("li", { class: "words", title: one.reason },
      h("span", { class: "changed" }, fieldName(one.field)), " ", fieldValue(one.field, one.requested), " → ",
      one.sent === null ? "left out" : fieldValue(one.field, one.sent), h("span", { class: "unseen" }, ` because ${one.reason}`)));
    const warned = [...plan.warnings, ...(plan.quote?.unknown ?? [])].map((text) => h("li", { class: "words warned" }, text));
    return changed.length + warned.length > 0 && h("ul", { class: "notes", "aria-label": "Adjustments and warnings" }, changed, warned);
  }

  function sent(plan) {
    return h("details", {}, h("summary", {}, "What is sent"),
      h("p", { class: "hint words" }, `${plan.method} ${plan.endpoint}`),
      h("pre", { class: "words", tabindex: "0", role: "region", "aria-label": `What is sent to ${model}` }, shortened(plan.payload)));
  }

  // ------------------------------------------------------------------- after
  self.sending = () => {
    self.isSending = true;
    self.error = null;
    self.job = null;
    dropStage();
    fill(after, h("div", { class: "row" }, badge("sending")), h("progress", { "aria-label": `Sending to ${model}` }));
  };

  self.refused = (error) => {
    self.isSending = false;
    self.error = error;
    // Nobody has said that nothing was bought: only then is the same request sent again.
    const isUnclear = error.status === 0 || error.submission === "unknown" || (error.status >= 500 && !error.submission);
    const text = isUnclear ? "It is not known whether this was bought. Trying again here repeats the same request, and buys nothing twice." : null;
    fill(after, h("div", { class: "row" }, badge(isUnclear ? "unknown" : "refused"), error.billing && h("span", { class: "faint" }, BILLING[error.billing] ?? "")),
      h("p", { class: "trouble words", role: "alert" }, error.message),
      (error.hints ?? []).map((hint) => h("p", { class: "hint words" }, hint)),
      text && h("p", { class: "hint" }, text),
      h("button", { type: "button", class: "quiet small", on: { click: () => on.again(self, isUnclear) } }, "Try again"));
    say(`${model}: ${error.message}`);
  };

  self.moved = (job) => {
    const last = self.job?.status;
    self.isSending = false;
    if (self.job?.id === job.id && isStale(job, last)) return;
    self.job = job;
    if (isOpen(job.status)) running(job);
    else if (last !== job.status) ended(job);
    if (last && last !== job.status) say(`${model}: ${stateName(job.status)}`);
  };

  function running(job) {
    elapsed = h("span", { class: "faint number" }, "");
    const focus = after.contains(document.activeElement) ? document.activeElement.dataset.part : null;
    fill(after,
      h("div", { class: "row" }, badge(job.status), elapsed,
        h("button", { type: "button", class: "quiet small last", data: { part: "stop" }, "aria-label": `Cancel ${model}`, on: { click: stop } }, "Cancel")),
      progress(job, model),
      h("div", { class: "frame" }, job.queue_position ? `${job.queue_position} ahead in the queue` : stateName(job.status)),
      job.attempts > 1 && h("p", { class: "hint words" }, `Attempt ${job.attempts}: ${job.provider} · ${job.provider_model}`),
      job.note && h("p", { class: "hint words" }, job.note));
    if (focus) after.querySelector(`[data-part="${focus}"]`)?.focus();
    self.tick();
  }

  self.tick = () => {
    if (!self.job || !isOpen(self.job.status) || !elapsed) return;
    const seconds = Math.max(0, (Date.now() - new Date(self.job.created_at).valueOf()) / 1000);
    const expected = self.plan?.expected_seconds;
    elapsed.textContent = lasting(Math.floor(seconds)) + (expected ? ` of about ${lasting(expected)}` : "");
  };

  function ended(job) {
    dropStage();
    const facts = h("div", { class: "row" }, badge(stateOf(job)), costOf(job),
      h("a", { class: "last", href: `#/jobs/${encodeURIComponent(job.id)}` }, "Details"));
    const attempts = h("div", {});
    if (job.status === "completed" && job.media.length) {
      stage = job.media.map((entry) => player(job, entry, { name: model, lost: () => lost(entry) }));
      if (job.kind === "video") for (const one of stage) players.add(one);
      fill(after, facts, stage, attempts,
        job.media.map((entry) => h("a", { href: mediaAddress(entry), download: true }, job.media.length > 1 ? `Download ${entry.index}` : "Download")));
    } else {
      fill(after, facts, h("p", { class: "trouble words" }, job.error?.message ?? stateName(job.status)), attempts,
        h("button", { type: "button", class: "quiet small", on: { click: () => on.again(self, false) } }, "Try again"));
    }
    tell(job, attempts);
  }

  function lost(entry) {
    dropStage();
    after.querySelector(".media")?.replaceWith(h("div", { class: "frame" }, h("p", {}, "This result can't be shown here."),
      h("a", { href: mediaAddress(entry), download: true }, "Download it")));
  }

  function dropStage() {
    for (const one of stage ?? []) if (one instanceof HTMLVideoElement) players.remove(one);
    stage = null;
  }

  async function tell(job, place) {
    const timeline = await get(`api/jobs/${encodeURIComponent(job.id)}/timeline`, { signal }).catch(() => null);
    const attempts = (timeline?.data ?? []).filter((one) => one.event === "ended");
    const begun = new Date(job.created_at).valueOf();
    const last = timeline?.data.at(-1)?.at;
    const took = last ? `${lasting((new Date(last).valueOf() - begun) / 1000)}` : "";
    const count = attempts.length || job.attempts;
    fill(place, h("p", { class: "faint" }, [`${count} ${count === 1 ? "attempt" : "attempts"}`, took].filter(Boolean).join(" · ")),
      attempts.length > 1 && h("ol", { class: "attempts" }, attempts.map((one) => h("li", { class: "words" },
        `${one.provider} · ${one.model}: ${one.detail}`,
        h("span", { class: "faint" }, ` ${one.cost ? money(one.cost.amount, one.cost.currency) : BILLING[one.billing] ?? ""}`),
        one.error && h("div", { class: "trouble" }, one.error)))));
  }

  async function stop(event) {
    const button = event.target;
    if (!await stopped()) return;
    button.disabled = true;
    try {
      const answer = await post(`api/jobs/${encodeURIComponent(self.job.id)}/cancel`);
      self.moved(answer.job);
    } catch (error) {
      button.disabled = false;
      after.append(h("p", { class: "trouble words", role: "alert" }, error.message));
    }
  }

  self.isBusy = () => self.isSending || Boolean(self.job && isOpen(self.job.status));
  self.gone = () => { dropStage(); element.remove(); };
  return self;
}

// Media in a payload would be pages of letters.
function shortened(payload) {
  return JSON.stringify(payload, (_name, value) => (typeof value === "string" && value.length > 300 ? `${value.slice(0, 80)}… (${value.length} characters)` : value), 2);
}
