// Images and a video to begin with: dropped, chosen or pasted; each with what it is for.

import { post } from "./api.js";
import { fill, h, say } from "./dom.js";

const ROLES = {
  video: [["first_frame", "First frame"], ["last_frame", "Last frame"], ["reference", "Reference"]],
  image: [["reference", "Image to change"], ["mask", "Mask"]],
};
const MOST_BYTES = 25 * 1024 * 1024; // of all together: each plan of each model reads them
const MOST = 12;

/** Make the list; `changed()` is called whenever it is another one. */
export function inputs({ kind, changed }) {
  let items = [];
  const list = h("ul", { class: "inputs", "aria-label": "Inputs" });
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const chooser = h("input", { type: "file", accept: "image/*,video/*", multiple: true, class: "unseen", tabindex: "-1", "aria-hidden": "true" });
  const add = h("button", { type: "button", class: "quiet small", on: { click: () => chooser.click() } }, "Add images or a video");
  const made = h("div", { class: "drop" }, list, h("div", { class: "row" }, add, h("span", { class: "hint" }, "or drop them here")), chooser, trouble);
  chooser.addEventListener("change", () => { take(chooser.files); chooser.value = ""; });

  function take(files) {
    trouble.hidden = true;
    for (const file of files) {
      const isVideo = file.type.startsWith("video/");
      if (!isVideo && !file.type.startsWith("image/")) refuse(`${file.name} is no image and no video.`);
      else if (isVideo && kind() === "image") refuse("Images are made from images, not from a video.");
      else if (isVideo && items.some((item) => item.isVideo)) refuse("One video at most.");
      else if (items.length >= MOST) refuse(`At most ${MOST} inputs.`);
      else if (size() + file.size > MOST_BYTES) refuse(`${file.name} is too large: all inputs together may have ${MOST_BYTES / 1024 / 1024} MiB.`);
      else items.push({ file, isVideo, role: isVideo ? "video" : nextRole(), shown: URL.createObjectURL(file), id: null });
    }
    items.filter((item) => !item.sent).forEach(send);
    draw();
    changed();
  }

  const size = () => items.reduce((sum, item) => sum + item.file.size, 0);

  /** Bring a file to the server once; requests name it by its id. */
  function send(item) {
    const form = new FormData();
    form.append("file", item.file);
    item.hint = h("span", { class: "hint" }, "Uploading…");
    item.sent = post("api/media", form).then((kept) => {
      item.id = kept.id;
      item.hint.hidden = true; // nothing is drawn anew: the focus may be in the list
    }, (error) => {
      if (!items.includes(item)) return;
      items = items.filter((one) => one !== item);
      URL.revokeObjectURL(item.shown);
      refuse(`${item.file.name} could not be uploaded. ${error.message}`);
      draw();
      changed();
    });
  }

  function nextRole() {
    if (kind() === "image") return "reference";
    const taken = new Set(items.map((item) => item.role));
    return taken.has("first_frame") ? taken.has("last_frame") ? "reference" : "last_frame" : "first_frame";
  }

  function refuse(text) {
    trouble.textContent = text;
    trouble.hidden = false;
  }

  function draw() {
    fill(list, items.map((item) => {
      const preview = item.isVideo
        ? h("video", { src: item.shown, muted: true, preload: "metadata", "aria-hidden": "true" })
        : h("img", { src: item.shown, alt: "" });
      const role = item.isVideo ? h("span", { class: "hint" }, "Video to change")
        : h("select", { "aria-label": `Use of ${item.file.name}`, on: { change: (event) => { item.role = event.target.value; changed(); } } },
          ROLES[kind()].map(([value, label]) => h("option", { value, selected: value === item.role }, label)));
      return h("li", {}, preview, h("span", { class: "input-name", title: item.file.name }, item.file.name),
        item.hint, role,
        h("button", { type: "button", class: "quiet small", "aria-label": `Remove ${item.file.name}`, on: { click: () => drop(item) } }, "Remove"));
    }));
  }

  function drop(item) {
    items = items.filter((one) => one !== item);
    URL.revokeObjectURL(item.shown);
    draw();
    changed();
    say(`${item.file.name} removed`);
    add.focus();
  }

  /** The roles that a kind has differ: what has none there gets the next one. */
  function turned() {
    const known = new Set(ROLES[kind()].map(([value]) => value));
    if (kind() === "image") items.filter((item) => item.isVideo).forEach((item) => URL.revokeObjectURL(item.shown));
    items = items.filter((item) => !item.isVideo || kind() === "video");
    for (const item of items) if (!item.isVideo && !known.has(item.role)) item.role = nextRole();
    add.textContent = kind() === "video" ? "Add images or a video" : "Add images";
    draw();
  }

  /** The fields of a request that these are. */
  async function fields() {
    while (items.some((item) => !item.id)) await Promise.all(items.map((item) => item.sent));
    const found = {};
    const push = (name, value) => { (found[name] ??= []).push(value); };
    for (const item of items) {
      const url = item.id;
      if (item.isVideo) found.video = { url };
      else if (item.role === "mask") found.mask = { image_url: url };
      else if (kind() === "image") push("images", { image_url: url });
      else if (item.role === "reference") push("input_references", { image_url: url });
      else push("frame_images", { image_url: url, frame_type: item.role });
    }
    return found;
  }

  /** Take what is dropped on an element, or pasted into it. */
  function accept(element) {
    let depth = 0;
    const has = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const end = () => { depth = 0; element.classList.remove("over"); };
    element.addEventListener("dragenter", (event) => { if (has(event)) { depth += 1; element.classList.add("over"); event.preventDefault(); } });
    element.addEventListener("dragover", (event) => { if (has(event)) event.preventDefault(); });
    element.addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) end(); });
    element.addEventListener("drop", (event) => { if (has(event)) { event.preventDefault(); end(); take(event.dataTransfer.files); } });
    element.addEventListener("paste", (event) => { if (event.clipboardData?.files.length) take(event.clipboardData.files); });
  }

  return { element: made, fields, turned, accept, take, count: () => items.length };
}
