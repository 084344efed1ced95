// What a text may hold that is not seen, or makes what stands beside it be read otherwise: controls but for line feeds and
// tabs, marks that turn writing, and what has no width. Whoever chose the text, all of a page goes through here.
export function plain(text) {
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu,
    (mark) => `\\u${mark.codePointAt(0).toString(16).padStart(4, "0")}`);
}

// Attributes that are read by people.
const SPOKEN = new Set(["title", "aria-label", "aria-description", "placeholder", "alt", "data-label"]);

// Elements from data. Text goes in as text nodes only: whatever a host sends stays text.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, SPOKEN.has(name) ? plain(value) : value);
    }
  }
  return fill(element, ...children);
}

// A sentence in which words between backticks are to be typed as they are: as children of an element.
export function sentence(text) {
  return String(text ?? "").split(/`([^`\n]+)`/).map((part, i) => (i % 2 === 1 ? el("code", {}, part) : part));
}

// Instead of what is in it.
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : plain(child))));
  return element;
}

export function show(...children) {
  const content = document.getElementById("content");
  content.replaceChildren(...children);
  content.setAttribute("aria-busy", "false");
  // What the address names stands there only now.
  if (location.hash !== "") {
    content.querySelector(`[id="${CSS.escape(location.hash.slice(1))}"]`)?.scrollIntoView();
  }
}

// A wide table scrolls in itself, and the keyboard can reach it to scroll.
export function scroller(label, table) {
  return el("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, table);
}
