// Pieces that several views show: states, costs, labels, results, a question before a deed.

import { address } from "./api.js";
import { h } from "./dom.js";
import { isOpen, money, stateName } from "./format.js";

/** Where a job stands. */
export function badge(status) {
  return h("span", { class: "badge", data: { state: status } }, stateName(status));
}

let isMock = false;

/** Say whether everything is made by the mock, which costs nothing. */
export function mocked(yes) {
  isMock = yes;
}

/** What a job has cost, and how sure that is. */
export function costOf(job) {
  if (!job.cost) return h("span", { class: "faint" }, unpriced(job));
  const sure = { estimated: "estimated from price lists", reported: "as the provider says", settled: "settled" };
  return h("span", { class: "number", title: sure[job.cost.state] ?? "" },
    money(job.cost.amount, job.cost.currency), job.cost.state === "estimated" && h("span", { class: "faint" }, " est."));
}

function unpriced(job) {
  if (isMock) return job.status === "completed" ? "Free (mock)" : "–";
  if (job.status === "completed") return "Cost unknown";
  // What a provider has taken, and nobody has said of that it is free.
  return !isOpen(job.status) && ["accepted", "unknown"].includes(job.submission) ? "May be billed" : "–";
}

/** A job's labels, as links to the jobs that share one. */
export function labelsOf(job) {
  const pairs = Object.entries(job.labels ?? {});
  return pairs.map(([name, value]) => h("a", {
    class: "label", href: `#/jobs?label=${encodeURIComponent(`${name}:${value}`)}`,
  }, `${name}: ${value}`));
}

/** How far a job has come. */
export function progress(job, name) {
  const known = job.progress !== null && job.progress !== undefined;
  const bar = h("progress", { max: 100, "aria-label": `Progress of ${name}` });
  if (known) bar.value = Math.max(1, job.progress);
  return bar;
}

/** Where a result is, for a player and for a download. */
export function mediaAddress(entry) {
  return address(entry.url);
}

/** One result, to be played or seen; `lost` is called where it can't be. */
export function player(job, entry, { name, lost = () => {} } = {}) {
  const source = mediaAddress(entry);
  if (job.kind === "image") {
    const image = h("img", { class: "media", src: source, alt: `Image ${entry.index} by ${name ?? job.model}`, loading: "lazy" });
    image.addEventListener("error", lost, { once: true });
    return image;
  }
  // The fragment makes browsers show a frame of it before it is played.
  const video = h("video", {
    class: "media", src: `${source}#t=0.001`, controls: true, playsinline: true, loop: true, preload: "metadata",
    "aria-label": `Video by ${name ?? job.model}`,
  });
  video.addEventListener("error", lost, { once: true });
  return video;
}

/** Ask before something that can't be undone; resolves to whether it is wanted. */
export function confirmed(title, text, deed) {
  return new Promise((resolve) => {
    const close = (value) => () => { dialog.close(); resolve(value); };
    const dialog = h("dialog", { class: "question", "aria-labelledby": "question-title", "aria-describedby": "question-text" },
      h("h2", { id: "question-title" }, title),
      h("p", { id: "question-text", class: "words" }, text),
      h("div", { class: "row end" },
        h("button", { type: "button", class: "quiet", autofocus: true, on: { click: close(false) } }, "Keep it"),
        h("button", { type: "button", class: "grave", on: { click: close(true) } }, deed)));
    dialog.addEventListener("cancel", () => resolve(false));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Ask whether a job is to be stopped. */
export function stopped() {
  return confirmed("Cancel this job?", "The provider is asked to stop it. What has run so far may be billed.", "Cancel the job");
}

/** Ask whether a job is to be deleted. */
export function deleted(job) {
  return confirmed(`Delete this ${job.kind}?`,
    "Its results and all that is known of it are deleted here, and can't be had back. What it has cost stays spent.", "Delete");
}

/** A button that copies a text, and says so. */
export function copier(text, what = "Copy") {
  const button = h("button", { type: "button", class: "quiet small" }, what);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? await text() : text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied";
    }
    setTimeout(() => { button.textContent = what; }, 2000);
  });
  return button;
}
