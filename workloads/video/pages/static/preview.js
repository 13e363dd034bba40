// A preview: one frame of the chosen video, as a video of its own that goes the way of all others.
// The frame is a JPEG in an AVI of one frame, which is made here.
import { Upload, call } from "/static/upload.js";

const LARGEST = 1280;
const form = document.querySelector("[data-form]");
const box = document.querySelector("[data-preview]");
const video = box.querySelector("video.source");
const said = box.querySelector("[data-said]");
const result = box.querySelector("video.result");
const button = box.querySelector("[data-paint]");

const chunk = (id, ...parts) => {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const out = new Uint8Array(8 + size + (size & 1));
  out.set(new TextEncoder().encode(id));
  new DataView(out.buffer).setUint32(4, size, true);
  let at = 8;
  for (const part of parts) { out.set(part, at); at += part.length; }
  return out;
};
const words = (...values) => {
  const out = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => out.setUint32(index * 4, value, true));
  return new Uint8Array(out.buffer);
};
const text = (value) => new TextEncoder().encode(value);

function film(jpeg, width, height) {
  const main = chunk("avih", words(40000, 0, 0, 16, 1, 0, 1, jpeg.length, width, height, 0, 0, 0, 0));
  const head = chunk("strh", text("vidsMJPG"), words(0, 0, 0, 1, 25, 0, 1, jpeg.length, 0xffffffff, 0, 0, (height << 16) | width));
  const form = chunk("strf", words(40, width, height, (24 << 16) | 1), text("MJPG"), words(width * height * 3, 0, 0, 0, 0));
  const headers = chunk("LIST", text("hdrl"), main, chunk("LIST", text("strl"), head, form));
  const frame = chunk("00dc", jpeg);
  const index = chunk("idx1", text("00dc"), words(16, 4, jpeg.length));
  return chunk("RIFF", text("AVI "), headers, chunk("LIST", text("movi"), frame), index);
}

async function frameOf() {
  const scale = Math.min(1, LARGEST / Math.max(video.videoWidth, video.videoHeight));
  const even = (length) => Math.max(2, Math.round((length * scale) / 2) * 2);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [even(video.videoWidth), even(video.videoHeight)];
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  const jpeg = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", 0.95); });
  return film(new Uint8Array(await jpeg.arrayBuffer()), canvas.width, canvas.height);
}

async function ended(job) {
  for (;;) {
    const status = await (await fetch(`/api/v1/jobs/${job}`)).json();
    said.textContent = `the frame's job is ${status.state}`;
    if (!["waiting", "running"].includes(status.state)) return status;
    await new Promise((done) => { setTimeout(done, 1000); });
  }
}

async function paint() {
  button.disabled = true;
  try {
    const model = form.dataset.model;
    const file = new File([await frameOf()], `preview-${crypto.randomUUID().slice(0, 8)}.avi`, { type: "video/x-msvideo" });
    const upload = new Upload(file, { progress: () => {} });
    const blob = await upload.send({ workload: "video", model, name: `previews/${file.name}` });
    const { job } = await call("/uploads/done", { workload: "video", blob });
    const status = await ended(job);
    if (status.state === "finished") {
      result.src = `/jobs/${job}/output`;
      result.hidden = false;
      said.textContent = `painted as ${model}`;
    } else {
      said.textContent = status.reason ?? status.state;
    }
  } catch (error) {
    said.textContent = error.message;
  }
  button.disabled = false;
}

box.querySelector("[name=sample]").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (!file) return;
  video.src = URL.createObjectURL(file);
  video.hidden = false;
  result.hidden = true;
  box.querySelector("[data-at]").hidden = false;
});
video.addEventListener("loadeddata", () => { button.disabled = false; said.textContent = ""; });
video.addEventListener("error", () => { if (video.hasAttribute("src")) said.textContent = "this browser can't play that video; drop it as it is"; });
box.querySelector("[name=at]").addEventListener("input", (event) => { video.currentTime = (event.target.value / 1000) * (video.duration || 0); });
button.addEventListener("click", paint);
