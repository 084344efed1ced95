// What a person decides about findings: seen, accepted until a date, or taken back. One form for one finding and for many.
import { send } from "./api.js";
import { el, fill } from "./dom.js";

const DAY = 24 * 3600e3;
const verbs = {
  acknowledge: { title: "Acknowledge", done: "acknowledged", help: "Somebody works on it. It keeps its penalty, and opens again when it becomes wider." },
  waive: { title: "Waive", done: "waived", help: "Accepted until a date. At its end, or when the exposure becomes wider, it is open again." },
  unacknowledge: { title: "Take the acknowledgement back", done: "open again", help: "Nobody works on it any more." },
  unwaive: { title: "End the waiver", done: "open again", help: "It is accepted no longer, and counts again." },
};

// What can be decided about a finding as it stands.
export function choicesFor(disposition) {
  return { ACKNOWLEDGED: ["waive", "unacknowledge"], WAIVED: ["unwaive"] }[disposition] ?? ["acknowledge", "waive"];
}

const inDays = (count) => new Date(Date.now() + count * DAY).toISOString().slice(0, 10);

function field(name, label, attributes, help = null) {
  const id = `decide-${name}`;
  return el("div", { class: "field" }, el("label", { for: id }, label), el("input", { id, name, required: true, "aria-describedby": help && `${id}-help`, ...attributes }),
    help && el("p", { id: `${id}-help`, class: "small muted" }, help));
}

function fields(verb) {
  const reason = field("reason", "Reason", { maxlength: 500, autocomplete: "off" });
  return verb === "waive" ? [field("owner", "Who answers for it", { maxlength: 500 }), reason,
    field("until", "Until", { type: "date", min: inDays(0), value: inDays(30) }, "The day counts to its end (UTC).")] : [reason];
}

function failure(error) {
  return [error.message, ...(error.details ?? []).map((detail) => el("span", { class: "small" }, ` ${detail}`))];
}

// A box with a button for each verb. `ask(verb, content)` sends it; `done(verb, answer)` shows what became of it.
export function decideBox(choices, ask, done) {
  const said = el("p", { role: "alert", class: "said" });
  const place = el("div", {});
  const buttons = choices.map((verb) => el("button", { type: "button", class: "button", "aria-expanded": "false", onclick: () => open(verb) }, verbs[verb].title));

  function close() {
    place.replaceChildren();
    buttons.forEach((button) => button.setAttribute("aria-expanded", "false"));
  }

  function leave(verb) {
    close();
    buttons[choices.indexOf(verb)].focus();
  }

  function open(verb) {
    said.replaceChildren();
    buttons.forEach((button, i) => button.setAttribute("aria-expanded", String(choices[i] === verb)));
    const submit = el("button", { type: "submit", class: "button button-main" }, verbs[verb].title);
    const form = el("form", { class: "decide", "aria-label": verbs[verb].title, onkeydown: (event) => event.key === "Escape" && leave(verb), onsubmit: async (event) => {
      event.preventDefault();
      submit.disabled = true;
      try {
        const answer = await ask(verb, Object.fromEntries(new FormData(form)));
        close();
        done(verb, answer);
      } catch (error) {
        fill(said, ...failure(error));
        submit.disabled = false;
      }
    } }, el("p", { class: "small muted" }, verbs[verb].help), ...fields(verb),
    el("div", { class: "buttons" }, submit, el("button", { type: "button", class: "button", onclick: () => leave(verb) }, "Cancel")));
    place.replaceChildren(form);
    form.querySelector("input").focus();
  }

  return el("div", {}, el("div", { class: "buttons" }, buttons), place, said);
}

export function decideOne(finding, done) {
  return decideBox(choicesFor(finding.disposition), (verb, content) => send(`findings/${finding.uuid}/${verb}`, content), done);
}

// which: {findings: [uuid]} or {filter: "…"}.
export function decideMany(which, done) {
  return decideBox(["acknowledge", "waive", "unacknowledge", "unwaive"], (action, content) => send("findings/bulk", { action, ...which(), ...content }), done);
}

export function outcome(verb, { changed, matched }) {
  return `${changed} ${verbs[verb].done}${changed === matched ? "" : `; ${matched - changed} could not be, and stand as they did`}.`;
}
