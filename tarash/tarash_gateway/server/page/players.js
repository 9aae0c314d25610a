// Keeps videos in step: one bar for all of them, and what is done to one is done to each.

import { h } from "./dom.js";

const NEAR = 0.2; // seconds that two may be apart and still count as together

export function together(signal) {
  const videos = new Set();
  const expected = new WeakMap();
  const button = h("button", { type: "button", class: "first small", on: { click: toggle } }, "Play all");
  const scrub = h("input", { type: "range", min: "0", max: "1", step: "0.01", value: "0", "aria-label": "Position in all videos" });
  const time = h("span", { class: "number faint" }, "");
  const step = h("input", { type: "checkbox", checked: true });
  const bar = h("div", { class: "together", role: "group", "aria-label": "All videos", hidden: true },
    button, scrub, time, h("label", { class: "check" }, step, "In step"));
  let leader = null;

  const longest = () => Math.max(0, ...[...videos].map((video) => video.duration || 0));
  const isPlaying = () => [...videos].some((video) => !video.paused && !video.ended);

  function move(video, to) {
    const target = Math.min(to, video.duration || to);
    if (Math.abs(video.currentTime - target) <= NEAR) return;
    expected.set(video, target);
    video.currentTime = target;
  }

  // One that has ended before the others stays at its end, and doesn't begin again with them.
  const isOver = (video, at) => video.duration && at >= video.duration - 0.05;

  function playAll(at) {
    for (const video of videos) {
      if (isOver(video, at)) continue;
      move(video, at);
      video.play().catch(() => {});
    }
  }

  function toggle() {
    if (isPlaying()) {
      for (const video of videos) video.pause();
      return;
    }
    const at = Number(scrub.value);
    playAll(at >= longest() - 0.05 ? 0 : at);
  }

  function add(video) {
    if (videos.has(video)) return;
    videos.add(video);
    video.loop = false;
    video.muted = true;
    video.addEventListener("play", () => {
      leader = video;
      if (step.checked) for (const other of videos) if (other !== video && other.paused && !isOver(other, video.currentTime)) { move(other, video.currentTime); other.play().catch(() => {}); }
      draw();
    });
    video.addEventListener("pause", () => {
      if (step.checked && !video.ended) for (const other of videos) if (!other.paused) other.pause();
      draw();
    });
    video.addEventListener("seeking", () => {
      const target = expected.get(video);
      expected.delete(video);
      if (target !== undefined && Math.abs(target - video.currentTime) < 0.1) return;
      leader = video;
      if (step.checked) for (const other of videos) if (other !== video) move(other, video.currentTime);
    });
    // Two voices at once are none: who is heard silences the others.
    video.addEventListener("volumechange", () => {
      if (step.checked && !video.muted) for (const other of videos) if (other !== video) other.muted = true;
    });
    for (const name of ["timeupdate", "loadedmetadata", "ended"]) video.addEventListener(name, draw);
    draw();
  }

  function draw() {
    bar.hidden = videos.size < 2;
    const whole = longest();
    const first = leader && !leader.ended ? leader : [...videos].find((video) => !video.paused) ?? leader;
    const at = first ? first.currentTime : 0;
    scrub.max = String(whole || 1);
    if (document.activeElement !== scrub || isPlaying()) scrub.value = String(at);
    const text = `${at.toFixed(1)} / ${whole.toFixed(1)} s`;
    time.textContent = text;
    scrub.setAttribute("aria-valuetext", text);
    button.textContent = isPlaying() ? "Pause all" : "Play all";
  }

  scrub.addEventListener("input", () => {
    for (const video of videos) move(video, Number(scrub.value));
    time.textContent = `${Number(scrub.value).toFixed(1)} / ${longest().toFixed(1)} s`;
  });

  // Clocks drift apart where one video had to wait for its bytes.
  const timer = setInterval(() => {
    if (!step.checked || !leader || leader.paused) return;
    for (const video of videos) if (video !== leader && !video.paused && !isOver(video, leader.currentTime)) move(video, leader.currentTime);
  }, 400);
  signal.addEventListener("abort", () => { clearInterval(timer); for (const video of videos) video.pause(); });

  function clear() {
    for (const video of videos) video.pause();
    videos.clear();
    leader = null;
    draw();
  }

  return { bar, add, clear, remove: (video) => { videos.delete(video); if (leader === video) leader = null; draw(); } };
}
