// What every page does: local times, live parts, questions before what can't be undone.
import { follow } from "./live.js";
import { localTimes } from "./times.js";

const dialog = (text) => new Promise((answer) => {
  const box = document.createElement("dialog");
  const said = document.createElement("p");
  said.textContent = text;
  const form = document.createElement("form");
  form.method = "dialog";
  form.className = "row";
  for (const [value, title, kind] of [["", "Keep it", ""], ["yes", "Go on", "main"]]) {
    const button = document.createElement("button");
    button.value = value;
    button.textContent = title;
    button.className = `button ${kind}`;
    form.append(button);
  }
  box.append(said, form);
  box.addEventListener("close", () => { box.remove(); answer(box.returnValue === "yes"); });
  document.body.append(box);
  box.showModal();
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.ask || form.dataset.sure) return;
  event.preventDefault();
  if (await dialog(form.dataset.ask)) {
    form.dataset.sure = "yes";
    const sure = document.createElement("input");
    Object.assign(sure, { type: "hidden", name: "sure", value: "yes" });
    form.append(sure);
    form.requestSubmit();
  }
});

// Search while typing: the list follows the form, and the address follows the list.
for (const form of document.querySelectorAll("[data-filter]")) {
  let timer;
  const apply = () => {
    const asked = new URLSearchParams(new FormData(form));
    history.replaceState(null, "", `?${asked}`);
    document.dispatchEvent(new CustomEvent("refresh", { detail: ["jobs"] }));
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 200); });
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
}

localTimes(document);
follow();
