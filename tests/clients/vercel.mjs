// The Vercel AI SDK and OpenAI's client for Node; prints as JSON what each step came to.
import { generateImage } from "ai";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import OpenAI, { toFile } from "openai";

globalThis.AI_SDK_LOG_WARNINGS = false;
const baseURL = process.env.TARASH_URL;
const apiKey = process.env.TARASH_KEY;
const GPT = "openai/gpt-image-2";
const FLUX = "fal/fal-ai/flux/dev";
const VEO = "fal/fal-ai/veo3.1";
const EDITS = "fal/decart/lucy-edit/pro";
const found = {};

async function step(name, work) {
  try {
    found[name] = await work();
  } catch (error) {
    found[name] = { error: error.name, status: error.status ?? error.statusCode, message: error.message };
  }
}

const kinds = (result) => result.images.map((image) => image.mediaType);
const providers = {
  compatible: createOpenAICompatible({ name: "tarash", baseURL, apiKey }),
  openai: createOpenAI({ baseURL, apiKey }),
};
for (const [name, provider] of Object.entries(providers)) {
  for (const model of [GPT, FLUX]) {
    const asked = { model: provider.imageModel(model), prompt: "A cat", n: 2, size: "1024x1024" };
    await step(`${name} makes two of ${model}`, async () => kinds(await generateImage(asked)));
  }
  const model = provider.imageModel(GPT);
  const source = (await generateImage({ model, prompt: "A cat" })).images[0].uint8Array;
  const edited = (images, mask) =>
    generateImage({ model, prompt: { text: "Make it red", images, mask } }).then(kinds);
  await step(`${name} edits one`, () => edited([source]));
  await step(`${name} edits two with a mask`, () => edited([source, source], source));
  const options = { quality: "low", background: "auto", moderation: "auto", user: "somebody" };
  const providerOptions = { tarash: options, openai: options };
  await step(`${name} passes options`, async () =>
    kinds(await generateImage({ model, prompt: "A cat", providerOptions })));
  await step(`${name} asks for what is not there`, () =>
    generateImage({ model: provider.imageModel("none/such"), prompt: "A cat", maxRetries: 0 }));
}

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
async function ended(video) {
  let seen = video;
  while (["queued", "in_progress"].includes(seen.status)) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    seen = await client.videos.retrieve(video.id);
  }
  return seen;
}

const made = await client.images.generate({ model: GPT, prompt: "A cat" });
const bytes = Buffer.from(made.data[0].b64_json, "base64");
const file = (name) => toFile(bytes, name, { type: "image/png" });
const video = await client.videos.create({ model: VEO, prompt: "A cat", seconds: "8", size: "1280x720" });
await step("node video", async () => (await ended(video)).status);
await step("node content", async () => {
  const answer = await client.videos.downloadContent(video.id);
  return Buffer.from(await answer.arrayBuffer()).subarray(4, 8).toString();
});
await step("node file", async () => {
  const model = `${VEO}/image-to-video`;
  return (await ended(await client.videos.create({ model, prompt: "A cat", input_reference: await file("a.png") }))).status;
});
await step("node reference", async () => {
  const model = `${VEO}/image-to-video`;
  const input_reference = { image_url: "https://example.com/a.png" };
  return (await ended(await client.videos.create({ model, prompt: "A cat", input_reference }))).status;
});
await step("node list", async () => {
  const ids = [];
  for await (const one of client.videos.list({ limit: 1 })) ids.push(one.id);
  return ids.length === 3 && ids[2] === video.id;
});
await step("node remix", async () => {
  const remix = await client.videos.remix(video.id, { prompt: "Red", model: EDITS });
  return remix.remixed_from_video_id === video.id;
});
await step("node edit", async () => {
  const edit = await client.videos.edit({ prompt: "Red", video: { id: video.id }, model: EDITS });
  return edit.remixed_from_video_id === video.id;
});
await step("node extend", async () => {
  const more = { prompt: "On", video: { id: video.id }, seconds: "4", model: EDITS };
  return (await client.videos.extend(more)).remixed_from_video_id === video.id;
});
await step("node delete", async () => (await client.videos.delete(video.id)).deleted);
await step("node gone", () => client.videos.retrieve(video.id));
await step("node stream", async () => {
  const asked = { model: GPT, prompt: "A cat", stream: true, partial_images: 2 };
  const types = [];
  for await (const event of await client.images.generate(asked)) types.push(event.type);
  return types;
});
await step("node images", async () => {
  const asked = { model: GPT, prompt: "Red", image: [await file("a.png"), await file("b.png")], mask: await file("m.png") };
  return (await client.images.edit(asked)).data.length;
});
await step("node models", async () => (await client.models.retrieve(VEO)).id);
console.log(JSON.stringify(found));
