// Follows jobs as they move: one stream for all of them, since a browser has six connections in all.

import { address, get } from "./api.js";
import { isOpen } from "./format.js";

const MOST = 32; // jobs that one stream of the server follows
const PAUSE = 3000;

/** Call `moved(job)` with each change of these jobs, until they have ended or `signal` is aborted. */
export function follow(ids, moved, signal) {
  const open = new Set(ids.slice(0, MOST));
  let stream = null;
  let timer = null;

  function connect() {
    clearTimeout(timer);
    if (stream || !open.size || signal.aborted || document.hidden) return;
    const query = [...open].map((id) => `job=${encodeURIComponent(id)}`).join("&");
    stream = new EventSource(address(`api/events?${query}`));
    stream.addEventListener("job", (event) => take(JSON.parse(event.data)));
    stream.addEventListener("gone", (event) => open.delete(JSON.parse(event.data).id));
    stream.addEventListener("end", close);
    stream.addEventListener("error", () => {
      // The browser comes back by itself after a lost line, and not after an answer that refuses it.
      if (stream?.readyState !== EventSource.CLOSED) return;
      close();
      timer = setTimeout(ask, PAUSE);
    });
  }

  function take(job) {
    if (signal.aborted) return;
    if (!isOpen(job.status)) open.delete(job.id);
    moved(job);
    if (!open.size) close();
  }

  async function ask() {
    for (const id of [...open]) {
      try {
        take(await get(`api/jobs/${encodeURIComponent(id)}`, { signal }));
      } catch (error) {
        if (signal.aborted || error.status === 401) return;
        if (error.status === 404) open.delete(id);
      }
    }
    if (open.size && !signal.aborted) timer = setTimeout(connect, PAUSE);
  }

  function close() {
    stream?.close();
    stream = null;
  }

  // A page that nobody sees holds no connection; what it has missed comes first when it is back.
  function turned() {
    if (document.hidden) close();
    else connect();
  }

  document.addEventListener("visibilitychange", turned, { signal });
  signal.addEventListener("abort", () => { close(); clearTimeout(timer); });
  connect();
}
