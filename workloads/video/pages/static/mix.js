// Writes what was chosen as a style's name: `great-wave:0.7+auvers:0.3@0.6`.
const form = document.querySelector("[data-form]");
const field = (name) => form.elements[name];

function written() {
  const chosen = form.querySelector("[name=model]:checked");
  const first = chosen?.value ?? "";
  const second = field("second").value;
  const mixes = chosen && "mixes" in chosen.dataset;
  const share = Number(field("share").value);
  const strength = Number(field("strength").value) / 100;
  const mixed = mixes && second && second !== first;
  form.querySelector("[data-share]").hidden = !mixed;
  const name = mixed ? `${first}:${(100 - share) / 100}+${second}:${share / 100}` : first;
  return strength < 1 && first !== "original" ? `${name}@${strength}` : name;
}

function show() {
  const name = written();
  form.dataset.model = name;
  field("strength-said").textContent = `${field("strength").value} %`;
  field("share-said").textContent = `${field("share").value} %`;
  form.querySelector("[data-written]").textContent = name;
}

const wanted = decodeURIComponent(location.hash.slice(1));
for (const radio of form.querySelectorAll("[name=model]")) if (radio.value === wanted) radio.checked = true;
form.addEventListener("input", show);
show();
