// One job: its results, what it was asked for, what it cost, and all that has happened to it.

import { get, post, remove } from "./api.js";
import { empty, failure, fill, h, say, waiting } from "./dom.js";
import { BILLING, fieldName, fieldValue, isOpen, isStale, lasting, moment, money, stateName, stateOf } from "./format.js";
import { follow } from "./live.js";
import { badge, copier, costOf, deleted, labelsOf, mediaAddress, player, progress, stopped } from "./parts.js";

export async function job(place, { rest, signal }) {
  fill(place, waiting());
  const path = `api/jobs/${encodeURIComponent(rest[0])}`;
  let now = null;
  let results = null;

  const head = h("div", { class: "job-head" });
  const media = h("div", { class: "job-media" });
  const facts = h("div", { class: "job-facts" });
  const story = h("section", { class: "story", "aria-label": "Timeline" });

  async function show(found) {
    const before = now?.status;
    if (isStale(found, before)) return;
    now = found;
    if (!head.isConnected) fill(place, head, h("div", { class: "job-grid" }, media, facts), story);
    fill(head, heading());
    fill(facts, factsOf(found));
    showMedia(found);
    if (before !== found.status) await tell();
    if (before && before !== found.status) say(stateName(found.status));
  }

  function heading() {
    const actions = [];
    if (isOpen(now.status)) actions.push(h("button", { type: "button", class: "quiet", on: { click: stop } }, "Cancel"));
    if (now.status === "completed") actions.push(copier(link, "Copy a link"));
    if (!isOpen(now.status)) actions.push(h("button", { type: "button", class: "quiet small", data: { part: "delete" }, on: { click: drop } }, "Delete"));
    const order = new URLSearchParams({ kind: now.kind, model: now.model, prompt: now.request?.prompt ?? "" });
    actions.push(h("a", { class: "button small quiet", href: `#/compare?${order}` }, "Compare again"));
    return [
      h("a", { class: "back", href: "#/jobs" }, "← Jobs"),
      h("div", { class: "head" }, h("h1", { class: "words" }, now.request?.prompt || "(no prompt)"), h("div", { class: "row" }, actions)),
      h("div", { class: "row" }, badge(stateOf(now)), isOpen(now.status) && progress(now, "this job"),
        now.queue_position && h("span", { class: "faint" }, `${now.queue_position} ahead in the provider's queue`),
        now.note && h("span", { class: "faint words" }, now.note)),
    ];
  }

  // Players are made once: a change elsewhere must not stop what is being watched.
  function showMedia(found) {
    const state = found.status === "completed" ? `done ${found.media.length}` : found.status;
    if (results === state) return;
    results = state;
    if (found.status === "completed") {
      fill(media, found.media.map((entry) => h("figure", {}, player(found, entry, { lost: () => lost(entry) }),
        h("figcaption", {}, h("a", { href: mediaAddress(entry), download: true }, "Download")))));
    } else if (isOpen(found.status)) {
      fill(media, h("div", { class: "frame" }, h("p", {}, "Being made…")));
    } else {
      const text = found.error?.message || "There is no result.";
      fill(media, h("div", { class: "frame" }, h("p", { class: "empty-title" }, stateName(found.status)), h("p", { class: "words" }, text)));
    }
  }

  function lost(entry) {
    fill(media, h("div", { class: "frame" }, h("p", { class: "empty-title" }, "The result can't be shown"),
      h("p", {}, "The provider may not keep it any more, or this browser can't play it."),
      h("a", { href: mediaAddress(entry), download: true }, "Try to download it")));
  }

  async function tell() {
    try {
      const timeline = await get(`${path}/timeline`, { signal });
      fill(story, h("h2", {}, "Timeline"), h("ol", { class: "timeline" }, timeline.data.map(happening)));
    } catch (error) {
      if (error.name !== "AbortError") fill(story, h("h2", {}, "Timeline"), failure(error, tell));
    }
  }

  async function stop() {
    if (!await stopped()) return;
    try {
      const answer = await post(`${path}/cancel`);
      say(`The provider said: ${answer.cancel}`);
      await show(answer.job);
    } catch (error) {
      head.append(failure(error));
    }
  }

  async function drop() {
    if (!await deleted(now)) return;
    try {
      await remove(path);
      say("Deleted");
      location.hash = "#/jobs";
    } catch (error) {
      head.append(failure(error));
    }
  }

  async function link() {
    return (await post(`${path}/links`, { index: 1 })).url;
  }

  try {
    await show(await get(path, { signal }));
  } catch (error) {
    if (error.status !== 404) throw error;
    fill(place, empty("There is no such job", "It may have been deleted, or belong to another key.",
      h("a", { class: "button", href: "#/jobs" }, "Show all jobs")));
    return;
  }
  if (isOpen(now.status)) follow([now.id], (found) => show(found), signal);
}

function factsOf(found) {
  const request = Object.entries(found.request ?? {}).filter(([name]) => name !== "prompt");
  const pairs = [
    ["Model", found.model],
    found.provider_model && ["Made by", `${found.provider} · ${found.provider_model}`],
    ["Cost", costOf(found)],
    ["Made", h("time", { datetime: found.created_at }, moment(found.created_at))],
    ...request.map(([name, value]) => [fieldName(name), made(found, name, value)]),
    Object.keys(found.labels).length ? ["Labels", h("span", { class: "labels" }, labelsOf(found))] : null,
    found.key && ["Key", found.key],
    ["Id", h("code", { class: "words" }, found.id)],
    found.provider_job_id && ["Provider's id", h("code", { class: "words" }, found.provider_job_id)],
  ].filter(Boolean);
  return [
    h("h2", { class: "unseen" }, "Facts"),
    h("dl", { class: "facts" }, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "words" }, value)))),
    adjustmentsOf(found.adjustments),
    attemptsOf(found.execution),
  ];
}

/** A value of the request as the model got it, with what was asked for. */
function made(found, name, asked) {
  const change = (found.adjustments ?? []).find((one) => one.field === name);
  if (!change) return fieldValue(name, asked);
  const sent = change.sent === null ? "The model's choice" : fieldValue(name, change.sent);
  return [sent, h("span", { class: "faint" }, ` asked: ${fieldValue(name, asked)}`)];
}

/** What was changed to fit the model, one line each. */
function adjustmentsOf(adjustments) {
  if (!adjustments?.length) return null;
  return h("section", {}, h("h2", {}, "Adjusted to fit the model"),
    h("ul", { class: "adjustments" }, adjustments.map((one) => h("li", { class: "words" },
      h("strong", {}, fieldName(one.field)), ": ", fieldValue(one.field, one.requested), " → ",
      one.sent === null ? "left out" : fieldValue(one.field, one.sent),
      h("span", { class: "faint" }, ` ${one.reason}`)))));
}

/** What each attempt of the chain did. */
function attemptsOf(execution) {
  if (!execution?.attempts?.length) return null;
  return h("section", {}, h("h2", {}, "Attempts"),
    h("ol", { class: "attempts" }, execution.attempts.map((one) => h("li", { class: "words" },
      badge(one.status === "success" ? "completed" : one.status), " ", `${one.provider} · ${one.model}`,
      h("span", { class: "faint" }, ` ${lasting(one.elapsed_seconds)}, `,
        one.cost ? money(one.cost.amount, one.cost.currency) : BILLING[one.billing] ?? one.billing),
      one.error_message && h("div", { class: "trouble" }, one.error_message)))));
}

const WORDS = {
  written: "Written down", submitting: "Submit sent", accepted: "Accepted by the provider", rejected: "Refused by the provider",
  not_sent: "Not sent", unknown: "No answer that settles it", adopted: "Found in the provider's list",
  status: "", ended: "Attempt ended", cancel: "Asked to stop", completed: "Done", failed: "Failed", cancelled: "Cancelled",
};

function happening(one) {
  const what = one.event === "status" ? stateName(one.status === "processing" ? "in_progress" : one.status) : WORDS[one.event] ?? one.event;
  const who = one.provider && ["submitting", "status"].includes(one.event) ? `${one.provider} · ${one.model}` : "";
  const more = [who, one.detail, one.billing && BILLING[one.billing], one.cost && money(one.cost.amount, one.cost.currency)].filter(Boolean);
  return h("li", { data: { event: one.event } },
    one.at ? h("time", { datetime: one.at }, moment(one.at)) : h("span", { class: "faint" }, "·"),
    h("div", { class: "words" }, h("span", {}, what), more.length > 0 && h("span", { class: "faint" }, ` ${more.join(", ")}`),
      one.error && h("div", { class: "trouble" }, one.error)));
}
