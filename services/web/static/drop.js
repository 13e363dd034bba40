// Takes files and folders that are dropped or chosen, and shows their uploads.
import { Upload, call } from "./upload.js";

const root = document.querySelector("[data-drop]");
const form = root.querySelector("[data-form]");
const zone = root.querySelector("[data-zone]");
const list = root.querySelector("[data-uploads]");
const AT_A_TIME = 2;
const waiting = [];
let running = 0;

function next() {
  while (running < AT_A_TIME && waiting.length) {
    running += 1;
    waiting.shift()().finally(() => { running -= 1; next(); });
  }
}

function add(file, name) {
  const row = root.querySelector("[data-upload]").content.firstElementChild.cloneNode(true);
  const part = (selector) => row.querySelector(selector);
  const say = (text) => { part(".said").textContent = text; };
  part(".name").textContent = name;
  part("progress").setAttribute("aria-label", `Upload of ${name}`);
  list.prepend(row);
  row.scrollIntoView({ block: "nearest" }); // the list is below the styles
  say("waits for other uploads");
  const upload = new Upload(file, {
    progress: (share, text) => {
      part("progress").value = share;
      part(".percent").textContent = `${Math.floor(share * 100)} %`;
      say(text);
    },
  });
  part("button").addEventListener("click", () => { upload.stop(); });
  const model = form.dataset.model ?? form.querySelector("[name=model]:checked")?.value;
  waiting.push(async () => {
    try {
      const blob = await upload.send({ workload: root.dataset.workload, model, name });
      const { job } = await call("/uploads/done", { workload: root.dataset.workload, blob });
      part(".name").href = `/jobs/${job}`;
      row.dataset.job = job;
      say("uploaded; its job has begun");
      part("button").remove();
    } catch (error) {
      say(error.message);
      part("button").remove();
    }
  });
  next();
}

async function walk(entry, path) {
  if (entry.isFile) {
    const file = await new Promise((found, failed) => entry.file(found, failed));
    add(file, path + file.name);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const entries = await new Promise((found, failed) => reader.readEntries(found, failed));
    if (!entries.length) return;
    for (const each of entries) await walk(each, `${path}${entry.name}/`);
  }
}

for (const event of ["dragenter", "dragover"]) {
  document.addEventListener(event, (each) => { each.preventDefault(); zone.classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) zone.classList.remove("over"); });
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  zone.classList.remove("over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  for (const entry of entries) await walk(entry, "");
});
for (const input of form.querySelectorAll("[name=files], [name=folder]")) {
  input.addEventListener("change", () => {
    for (const file of input.files) add(file, file.webkitRelativePath || file.name);
    input.value = "";
  });
}
window.addEventListener("beforeunload", (event) => { if (running) event.preventDefault(); });
