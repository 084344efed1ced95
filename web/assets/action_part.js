// Buttons and forms that ask the server to do something: they say that they work, and what went wrong.
import { el, fill } from "./dom.js";

// Where the outcome of what was done stands; it is spoken.
export function outcomeLine() {
  return el("p", { class: "said", role: "alert" });
}

export function tell(line, error) {
  fill(line, error.message, ...(error.details ?? []).map((detail) => el("span", { class: "small" }, ` ${detail}`)));
}

// Whoever worked by keyboard goes on where they were: what is off for a while loses the focus.
function enable(button) {
  button.disabled = false;
  if (document.activeElement === document.body) {
    button.focus();
  }
}

// A button that runs `act`, is off meanwhile, and shows in `line` why it failed.
export function actionButton(text, line, act, attributes = {}) {
  const button = el("button", { type: "button", class: "button button-small", ...attributes, onclick: async () => {
    button.disabled = true;
    line.replaceChildren();
    try {
      await act();
    } catch (error) {
      tell(line, error);
    }
    enable(button);
  } }, text);
  return button;
}

// fields: elements with names. `act(content)` gets what was filled in, without what was left empty.
export function actionForm(label, text, fields, line, act) {
  const submit = el("button", { type: "submit", class: "button button-main" }, text);
  const form = el("form", { class: "decide", "aria-label": label, onsubmit: async (event) => {
    event.preventDefault();
    submit.disabled = true;
    line.replaceChildren();
    try {
      await act(Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== "")), form);
    } catch (error) {
      tell(line, error);
    }
    enable(submit);
  } }, fields, el("div", { class: "buttons" }, submit), line);
  return form;
}

export function inputField(name, label, attributes = {}, help = null) {
  const id = attributes.id ?? `field-${name}`;
  return el("div", { class: "field" }, el("label", { for: id }, label), el("input", { id, name, autocomplete: "off", "aria-describedby": help && `${id}-help`, ...attributes }),
    help && el("p", { id: `${id}-help`, class: "small muted" }, help));
}

export function choiceField(name, label, choices) {
  const id = `field-${name}`;
  return el("div", { class: "field" }, el("label", { for: id }, label),
    el("select", { id, name }, choices.map(([value, text]) => el("option", { value }, text))));
}
