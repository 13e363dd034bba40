// Makes one element like another, and leaves alone what is the same, and what has `data-keep`.
const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || null : null);

function sameKind(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);
}

function attributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

export function morph(old, fresh) {
  if (old.isEqualNode(fresh) || "keep" in (old.dataset ?? {})) return;
  attributes(old, fresh);
  const keyed = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let next = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const same = keyOf(wanted) && keyed.get(keyOf(wanted));
    if (same && same.nodeName === wanted.nodeName) {
      if (same === next) next = next.nextSibling; else old.insertBefore(same, next);
      morph(same, wanted);
    } else if (next && sameKind(next, wanted) && !keyOf(wanted)) {
      const current = next;
      next = next.nextSibling;
      if (wanted.nodeType === Node.ELEMENT_NODE) morph(current, wanted);
      else if (current.nodeValue !== wanted.nodeValue) current.nodeValue = wanted.nodeValue;
    } else {
      old.insertBefore(document.importNode(wanted, true), next);
    }
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}
