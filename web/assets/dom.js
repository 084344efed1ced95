// Elements from data. Text goes in as text nodes only: whatever a host sends stays text.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function show(...children) {
  const content = document.getElementById("content");
  content.replaceChildren(...children);
  content.setAttribute("aria-busy", "false");
}

// A wide table scrolls in itself, and the keyboard can reach it to scroll.
export function scroller(label, table) {
  return el("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, table);
}
