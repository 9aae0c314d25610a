// Says numbers, times and states as people read them.

const DOLLARS = { minimumFractionDigits: 2, maximumFractionDigits: 4 };

/** $1.20, $0.0035, 12 CNY. */
export function money(amount, currency = "USD") {
  const number = Number(amount);
  if (amount === null || amount === undefined || !Number.isFinite(number)) return "unknown";
  const text = number.toLocaleString("en", DOLLARS);
  return currency === "USD" || !currency ? `$${text}` : `${text} ${currency}`;
}

/** What a quote comes to: one amount, from one to another, at least one, or unknown. */
export function quoted(quote) {
  if (!quote || quote.low === null || quote.low === undefined) {
    return quote?.typical ? `about ${money(quote.typical)}` : "Price unknown";
  }
  const low = money(quote.low, quote.currency);
  if (quote.high === null || quote.high === undefined) return `from ${low}`;
  return Number(quote.high) === Number(quote.low) ? low : `${low} – ${money(quote.high, quote.currency)}`;
}

/** What a unit of a model's output costs. */
export function rate(price) {
  if (!price) return "";
  const low = money(price.low, price.currency);
  const text = Number(price.high) > Number(price.low) ? `${low}–${money(price.high, price.currency).replace("$", "")}` : low;
  return `${text} / ${price.unit}`;
}

/** 8 s, 1 min 20 s, 2 h 5 min. */
export function lasting(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A time of day, with the date where it is another day. */
export function moment(iso) {
  const when = new Date(iso);
  if (Number.isNaN(when.valueOf())) return "";
  const today = when.toDateString() === new Date().toDateString();
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  return today ? when.toLocaleTimeString([], time)
    : when.toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** 3 min ago. */
export function ago(iso) {
  const seconds = (Date.now() - new Date(iso).valueOf()) / 1000;
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return moment(iso);
}

const FIELDS = {
  duration_seconds: "Duration", n: "Images", generate_audio: "Sound", image_list: "Images", negative_prompt: "Avoid",
};

/** A field of a request as people call it. */
export function fieldName(name) {
  const text = FIELDS[name] ?? name.replace(/^extra_params\./, "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A value of such a field. */
export const fieldValue = (name, value) => (name === "duration_seconds" && typeof value === "number" ? lasting(value) : brief(value));

const STATES = {
  queued: "Queued", in_progress: "Making", completed: "Done", failed: "Failed", cancelled: "Cancelled",
  unknown: "Unclear", sending: "Sending", refused: "Refused",
};

/** What an attempt has cost, where no amount is known. */
export const BILLING = { none: "not billed", possible: "may be billed", certain: "billed" };

/** Where a job stands, as people are told: nobody knows whether one without an answer to its submit has failed. */
export const stateOf = (job) => (job.error?.code === "unknown_outcome" ? "unknown" : job.status);
export const stateName = (status) => STATES[status] ?? status;
export const isOpen = (status) => status === "queued" || status === "in_progress";
/** Whether news of a job are older than what was known: the answer to a cancel may come after the end. */
export const isStale = (job, before) => isOpen(job.status) && ["completed", "failed", "cancelled"].includes(before);

/** As people read a list of values. */
export function listed(values, most = 6) {
  const texts = values.map(String);
  return texts.length > most ? `${texts.slice(0, most).join(", ")} and ${texts.length - most} more` : texts.join(", ");
}

/** A value of a request or a plan in a few words. */
function brief(value) {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "boolean") return value ? "yes" : "no";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
