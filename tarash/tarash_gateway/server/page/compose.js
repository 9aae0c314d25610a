// What is to be made, whoever makes it: the form above a comparison.

import { field, h, select } from "./dom.js";
import { inputs } from "./inputs.js";

const RATIOS = ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "3:2", "2:3"];
const RESOLUTIONS = ["480p", "720p", "1080p", "1440p", "4k"];
const SIZES = ["1024x1024", "1536x1024", "1024x1536", "2048x2048"];
const DEFAULT = ["", "Model's choice"];

/** Make the form; `changed()` is called whenever it says something else. */
export function composer(draft, changed) {
  const kinds = ["video", "image"].map((value) => h("input", { type: "radio", name: "kind", value, checked: draft.kind === value }));
  const kind = () => kinds.find((one) => one.checked)?.value ?? "video";
  const prompt = h("textarea", { name: "prompt", rows: "3", maxlength: "20000", placeholder: "A lighthouse at dawn, slow dolly in, gulls crossing the frame" });
  const controls = {
    duration: h("input", { type: "number", min: "1", max: "600", step: "1", inputmode: "numeric", placeholder: "Model's choice" }),
    aspect_ratio: select([DEFAULT, ...RATIOS.map((one) => [one, one])]),
    resolution: select([DEFAULT, ...RESOLUTIONS.map((one) => [one, one])]),
    generate_audio: select([DEFAULT, ["true", "With sound"], ["false", "Silent"]]),
    size: select([DEFAULT, ...SIZES.map((one) => [one, one.replace("x", " × ")])]),
    n: h("input", { type: "number", min: "1", max: "10", step: "1", inputmode: "numeric", placeholder: "1" }),
    negative_prompt: h("input", { type: "text", maxlength: "5000" }),
    seed: h("input", { type: "number", step: "1", inputmode: "numeric" }),
    max_cost: h("input", { type: "number", min: "0", step: "0.01", inputmode: "decimal", placeholder: "No limit" }),
  };
  const made = inputs({ kind, changed });
  const wrapped = {
    duration: field("Seconds", controls.duration), aspect_ratio: field("Aspect ratio", controls.aspect_ratio),
    resolution: field("Resolution", controls.resolution), generate_audio: field("Sound", controls.generate_audio),
    size: field("Size", controls.size), n: field("How many", controls.n),
    negative_prompt: field("Avoid", controls.negative_prompt), seed: field("Seed", controls.seed),
    max_cost: field("Limit for each model, in $", controls.max_cost, { hint: "What could cost more is refused before anything is bought." }),
  };
  const ONLY = { duration: "video", resolution: "video", generate_audio: "video", size: "image", n: "image" };

  prompt.value = draft.prompt ?? "";
  for (const [name, control] of Object.entries(controls)) control.value = draft.options?.[name] ?? "";
  const more = h("details", { open: ["negative_prompt", "seed", "max_cost"].some((name) => controls[name].value) },
    h("summary", {}, "More options"), h("div", { class: "options-grid" }, wrapped.negative_prompt, wrapped.seed, wrapped.max_cost));
  const element = h("div", { class: "composer-fields" },
    h("fieldset", { class: "kinds" }, h("legend", { class: "unseen" }, "What to make"),
      kinds.map((one) => h("label", { class: "kind" }, one, h("span", {}, one.value === "video" ? "Video" : "Image")))),
    field("Prompt", prompt), made.element,
    h("div", { class: "options-grid" }, Object.keys(ONLY).concat("aspect_ratio").sort((a, b) => order(a) - order(b)).map((name) => wrapped[name])),
    more);

  function turn() {
    for (const [name, only] of Object.entries(ONLY)) wrapped[name].hidden = only !== kind();
    made.turned();
  }

  for (const one of kinds) one.addEventListener("change", () => { turn(); changed(true); });
  prompt.addEventListener("input", () => changed());
  for (const control of Object.values(controls)) control.addEventListener("input", () => changed());
  turn();

  /** What is remembered of the form over a reload: all but the files. */
  function kept() {
    const options = Object.entries(controls).map(([name, control]) => [name, control.value]).filter(([, value]) => value !== "");
    return { kind: kind(), prompt: prompt.value, options: Object.fromEntries(options) };
  }

  /** The fields of a request, without a model. */
  async function fields() {
    const found = { kind: kind(), prompt: prompt.value.trim() };
    for (const [name, control] of Object.entries(controls)) {
      if (control.value === "" || (ONLY[name] ?? kind()) !== kind() || !control.checkValidity()) continue;
      if (name === "generate_audio") found[name] = control.value === "true";
      else found[name] = name === "seed" || name === "n" ? Number(control.value) : control.value;
    }
    return { ...found, ...await made.fields() };
  }

  return { element, kept, fields, kind, prompt, inputs: made };
}

const order = (name) => ["duration", "size", "n", "aspect_ratio", "resolution", "generate_audio"].indexOf(name);
