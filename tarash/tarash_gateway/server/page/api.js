// Talks to the server that has served this page, and to nobody else.

let csrf = "";
let onLeave = () => {};

/** Remember what writes have to bring along, and who is called when the session has ended. */
export function use(token, leave = onLeave) {
  csrf = token;
  onLeave = leave;
}

/** What the server answers where it refuses, or what is said where it can't be reached. */
class ApiError extends Error {
  constructor(status, body) {
    const error = body?.error ?? {};
    super(error.message || (status ? `The gateway answered ${status}` : "The gateway can't be reached. Is it still running?"));
    this.status = status;
    this.code = error.code ?? null;
    this.submission = error.submission ?? null;
    this.billing = error.billing ?? null;
    this.hints = (error.hints ?? []).map((hint) => hint.text).filter(Boolean);
  }
}

/** Return the address of a path of the API, also where the page is mounted below another one. */
export function address(path) {
  return new URL(path.replace(/^\//, ""), document.baseURI).href;
}

/** Make a request; return its JSON. */
async function ask(method, path, body = undefined, { signal, headers: more = {} } = {}) {
  const headers = { accept: "application/json", ...more };
  if (method !== "GET") headers["x-csrf-token"] = csrf;
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(address(path), {
      method, headers, signal, credentials: "same-origin", redirect: "error",
      body: body === undefined || isForm ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, null);
  }
  const parsed = await answer.json().catch(() => null);
  if (answer.ok) return parsed;
  if (answer.status === 401 && path !== "api/session") onLeave();
  throw new ApiError(answer.status, parsed);
}

export const get = (path, options) => ask("GET", path, undefined, options);
export const post = (path, body, options) => ask("POST", path, body ?? {}, options);
export const remove = (path, options) => ask("DELETE", path, undefined, options);
