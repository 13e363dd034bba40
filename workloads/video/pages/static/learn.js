// Drops a painting, and follows its lesson on this page.
import { Upload, call } from "/static/upload.js";

const form = document.querySelector("[data-drop-painting]");
const said = form?.querySelector("[data-said]");
const file = form?.elements.painting;
const name = form?.elements.name;

file?.addEventListener("change", () => {
  const image = form.querySelector(".thumb");
  if (!file.files.length) return;
  image.src = URL.createObjectURL(file.files[0]);
  image.hidden = false;
  if (!name.value) name.value = file.files[0].name.replace(/\.[^.]*$/, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 63);
});
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const painting = file.files[0];
  const workload = "video";
  try {
    const upload = new Upload(painting, { progress: (share) => { said.textContent = `${Math.floor(share * 100)} % uploaded`; } });
    const blob = await upload.send({ workload, model: name.value, name: painting.name, lesson: true });
    await call("/uploads/done", { workload, blob, lesson: true });
    said.textContent = "it will be learnt; its first picture comes soon";
    form.reset();
    form.querySelector(".thumb").hidden = true;
    document.dispatchEvent(new CustomEvent("refresh", { detail: ["jobs"] }));
  } catch (error) {
    said.textContent = error.message;
  }
});
