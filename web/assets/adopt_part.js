// Takes over what is open now, so that alerts tell of what comes after it: first how many findings that are, then done.
import { outcomeLine, tell } from "./action_part.js";
import { get, send, whoAmI } from "./api.js";
import { el, fill } from "./dom.js";
import { number, plural } from "./format.js";
import { foldedCard } from "./view.js";

// Whoever is limited to tags does not see all of a realm, and so adopts none.
export async function mayAdopt() {
  const { role, scopes, tags } = await whoAmI();
  return role !== "viewer" && tags.length === 0 && (scopes.length === 0 || scopes.includes("write"));
}

// What can be adopted at once, with how many findings: each realm, and all that this person sees, where the API takes it so.
async function readChoices() {
  const [{ groups }, { realms }] = await Promise.all([get("findings", { adopted: "false", group_by: "realm", limit: 500 }), whoAmI()]);
  const each = groups.map(({ realm, count }) => ({ name: realm, count, content: { realm } })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const all = { name: "every realm", count: each.reduce((sum, { count }) => sum + count, 0), content: { all: true } };
  return each.length > 1 && realms.length < 2 ? [all, ...each] : each;
}

const meaning = ({ name, count }) => `${plural(count, "finding")} of ${name} ${count === 1 ? "becomes" : "become"} the state that you begin with: what is new counts as open, `
  + "and no alert is sent of what happened to them until now. They stay open, keep their penalty and count in the score; what happens to them later is told. It cannot be taken back.";

// The choice, and behind a button what it means, to be said yes or no to. done(text): resolves when the page shows what was done.
function chooser(choices, line, done) {
  const place = el("div", {});
  const opener = el("button", { type: "button", class: "button", "aria-expanded": "false", onclick: () => ask() }, "Adopt…");
  const select = el("select", { id: "adopt-realm", onchange: () => close() }, choices.map(({ name, count }, i) => el("option", { value: i }, `${name} (${number(count, 0)})`)));

  function close() {
    place.replaceChildren();
    line.replaceChildren();
    opener.setAttribute("aria-expanded", "false");
  }

  function leave() {
    close();
    opener.focus();
  }

  function ask() {
    const choice = choices[Number(select.value)];
    const submit = el("button", { type: "submit", class: "button button-main", "aria-describedby": "adopt-meaning" }, `Adopt ${plural(choice.count, "finding")}`);
    close();
    opener.setAttribute("aria-expanded", "true");
    fill(place, el("form", { class: "decide", "aria-label": "Adopt the present state", onkeydown: (event) => event.key === "Escape" && leave(), onsubmit: async (event) => {
      event.preventDefault();
      submit.disabled = true;
      try {
        const { adopted } = await send("findings/adopt", choice.content);
        await done(`${plural(adopted, "finding")} adopted. Alerts tell of what happens from now on.`);
      } catch (error) {
        tell(line, error);
        submit.disabled = false;
        submit.focus();
      }
    } }, el("p", { id: "adopt-meaning" }, meaning(choice)), el("div", { class: "buttons" }, submit, el("button", { type: "button", class: "button", onclick: leave }, "Cancel"))));
    submit.focus();
  }

  return [el("div", { class: "decide" }, el("div", { class: "field" }, el("label", { for: "adopt-realm" }, "Findings of"), select), el("div", { class: "buttons" }, opener)), place];
}

// said: what was done last; the card is open then, and when the address names it. It counts when it is opened.
export function adoptCard(said, done) {
  const line = outcomeLine();
  const body = el("div", {});
  const card = foldedCard("adopt", "Adopt the present state", said === "" ? null : el("p", { role: "status", tabindex: "-1" }, said),
    el("p", { class: "small muted" }, "After a first scan: what is open now is known, and alerts are to tell of what changes. The filters above do not count here."), body, line);
  card.addEventListener("toggle", async () => {
    if (card.open) {
      try {
        const choices = await readChoices();
        fill(body, choices.length === 0 ? el("p", {}, "All that is open was adopted already.") : chooser(choices, line, done));
      } catch (error) {
        tell(line, error);
      }
    }
  });
  card.open = card.open || said !== "";
  return card;
}
