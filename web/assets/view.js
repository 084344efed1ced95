// A list whose filters, order and page live in the URL, so that a view can be sent to somebody.
import { el } from "./dom.js";
import { run } from "./state.js";

export function listView(load) {
  const state = () => Object.fromEntries(new URLSearchParams(location.search));

  function addressOf(changes) {
    const query = new URLSearchParams(Object.entries({ ...state(), cursor: "", ...changes }).filter(([, value]) => value));
    return `${location.pathname}${`${query}` === "" ? "" : `?${query}`}`;
  }

  function go(changes) {
    history.pushState(null, "", addressOf(changes));
    return run(load);
  }

  function link(text, changes, attributes = { class: "button" }) {
    return el("a", { ...attributes, href: addressOf(changes), onclick: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) {
        return; // a tab or a window of its own
      }
      event.preventDefault();
      go(changes).then(() => document.getElementById("main").focus());
      scrollTo(0, 0);
    } }, text);
  }

  // options: [value, text] each; the first is what holds without a choice.
  function select(name, label, options) {
    const id = `filter-${name}`;
    const current = state()[name] ?? "";
    const known = options.some(([value]) => value === current) ? options : [...options, [current, current]];
    return el("div", { class: "field" }, el("label", { for: id }, label),
      el("select", { id, name, onchange: (event) => go({ [name]: event.target.value }).then(() => document.getElementById(id)?.focus()) },
        known.map(([value, text]) => el("option", { value, selected: value === current }, text))));
  }

  // Part of a text, as the list's own filter takes it.
  function search(name, label) {
    const id = `filter-${name}`;
    return el("div", { class: "field" }, el("label", { for: id }, label), el("input", { id, name, type: "search", maxlength: 200, value: state()[name] ?? "",
      onchange: (event) => go({ [name]: event.target.value.trim() }).then(() => document.getElementById(id)?.focus()) }));
  }

  // What filters and has no field, each as a chip that takes it away: [name, label] each.
  function chips(names) {
    const items = names.filter(([name]) => state()[name]).map(([name, label]) => chip(label, state()[name].split(",").join(" or "), addressOf({ [name]: "" }), () => go({ [name]: "" })));
    return items.length === 0 ? el("span", { hidden: true }) : chipList(items);
  }

  // more: what the next page's address has besides its cursor.
  function pager(label, nextCursor, more = {}) {
    if (nextCursor === null && !state().cursor) {
      return null;
    }
    return el("nav", { class: "pages", "aria-label": label }, state().cursor ? link("First page", {}) : el("span", {}),
      nextCursor === null ? el("span", { class: "muted small" }, "End of the list") : link("Next page", { cursor: nextCursor, ...more }));
  }

  function showFilters(...fields) {
    document.getElementById("filters").replaceChildren(...fields);
  }

  document.getElementById("filters")?.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("popstate", () => run(load));
  return { state, addressOf, go, link, select, search, chips, pager, showFilters };
}

// A filter that a click takes away. text: what it filters by; remove: resolves when the list is shown without it.
export function chip(label, text, href, remove) {
  return el("li", {}, el("a", { class: "chip", href, onclick: (event) => {
    event.preventDefault();
    remove().then(() => document.getElementById("main").focus());
  } }, el("span", { class: "visually-hidden" }, "Remove the filter "), el("span", { class: "chip-text" }, `${label}: `, text),
  el("span", { class: "chip-cross", "aria-hidden": "true" }, "×")));
}

export function chipList(items) {
  return el("ul", { class: "chips", "aria-label": "Further filters" }, items);
}

// A table that becomes cards where it is narrow. columns: [head, cell of a row, class] each; the first is the row's head.
export function cardTable(caption, columns, items) {
  const head = columns.map(([title, , kind]) => el("th", { scope: "col", class: kind === "number" ? "number" : null }, title));
  const row = (item) => el("tr", {}, columns.map(([title, cell, kind], i) => {
    const value = cell(item);
    return i === 0 ? el("th", { scope: "row", class: "lead-cell" }, value)
      : el("td", { "data-label": title, class: value === null ? "unknown" : kind ?? null }, value === null ? "–" : el("span", {}, value));
  }));
  return el("table", { class: "cards" }, el("caption", {}, caption), el("thead", {}, el("tr", {}, head)), el("tbody", {}, items.map(row)));
}

export function card(title, ...children) {
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, title)), ...children);
}

// What few need, behind one line; open when the address names it.
export function foldedCard(id, title, ...children) {
  return el("details", { id, class: "card decide-many", open: location.hash === `#${id}` }, el("summary", {}, title), ...children);
}

export function nothing(title, text) {
  return el("section", { class: "card state" }, el("h2", {}, title), el("p", {}, text));
}
