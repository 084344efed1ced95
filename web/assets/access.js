// Tokens and the audit log: for admins. Whoever is none sees their own session.
import { actionButton, actionForm, choiceField, inputField, outcomeLine } from "./action_part.js";
import { get, send } from "./api.js";
import { badge } from "./badge.js";
import { el, show } from "./dom.js";
import { exactly, when } from "./format.js";
import { run } from "./state.js";
import { card, cardTable, listView } from "./view.js";
import { visible } from "./answer_part.js";

const view = listView(load);
const PAGE = 50;

function tokenState(token) {
  if (token.revoked_at !== null) {
    return badge(["Revoked", "", `By ${token.revoked_by}`]);
  }
  if (token.taken_at !== null) {
    return badge(["Used", "", "A link works once"]);
  }
  return token.expires_at !== null && Date.parse(token.expires_at) < Date.now() ? badge(["Expired", "", "It lets nobody in"])
    : badge(["Works", "good", "It lets its holder in"]);
}

const limits = (one) => [...one.realms, ...one.tags.map((tag) => `tag ${tag}`)].map(visible).join(", ") || "no limit";

function sessionCard(session) {
  const facts = [["Name", visible(session.name)], ["Role", session.role], ["May", session.scopes.join(", ") || "all that the role may"],
    ["Limited to", limits(session)], ["Until", session.expires_at === null ? "no end" : exactly(session.expires_at)]];
  return card("You", el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))));
}

// The secret is shown once, and gone with the page.
function secretBox(name, { token, expires_at: until }) {
  return el("div", { class: "fix", role: "status" }, el("strong", {}, `The token ${visible(name)}: copy it now, it is not shown again`),
    el("code", { class: "whole", id: "secret" }, token), el("p", { class: "small" }, until === null ? "It never ends." : ["Until ", exactly(until)]));
}

function createForm() {
  const line = outcomeLine();
  const place = el("div", {});
  return el("details", {}, el("summary", {}, "Make a token"), actionForm("Make a token", "Make it", [
    inputField("name", "Name", { required: true, maxlength: 100 }, "Who or what will use it."),
    choiceField("role", "Role", [["viewer", "Viewer: reads"], ["operator", "Operator: reads, decides, scans"], ["admin", "Admin: all of it"]]),
    inputField("realms", "Only these realms", {}, "Commas between; empty for all."),
    inputField("expires", "Ends after", { value: "90d" }, "90d, a date, or never."),
  ], line, async ({ realms, ...content }, form) => {
    const answer = await send("tokens", { ...content, ...(realms ? { realms: realms.split(",").map((one) => one.trim()).filter(Boolean) } : {}) });
    place.replaceChildren(secretBox(content.name, answer));
    form.reset();
  }), place);
}

function tokenCard(tokens) {
  const line = outcomeLine();
  const revoke = (token) => async () => {
    await send("tokens/revoke", { token: token.id });
    await run(load);
  };
  return card("Tokens", createForm(), cardTable("Youngest first", [
    ["Name", (token) => visible(token.name)],
    ["State", tokenState],
    ["Role", (token) => token.role, "nowrap"],
    ["Limited to", limits],
    ["Last used", (token) => when(token.last_used_at)],
    ["Expires", (token) => (token.expires_at === null ? "never" : exactly(token.expires_at))],
    ["Made", (token) => [exactly(token.created_at), el("span", { class: "muted" }, ` by ${visible(token.created_by)}`)]],
    ["Do", (token) => (token.revoked_at === null ? actionButton("Revoke", line, revoke(token), { "aria-label": `Revoke ${visible(token.name)}` }) : null)],
  ], tokens), line);
}

function logCard(page) {
  return card("Audit log", page.items.length === 0 ? el("p", { class: "quiet" }, "Nothing yet.") : cardTable("Youngest first", [
    ["What", (entry) => visible(entry.what)],
    ["Outcome", (entry) => (entry.outcome === "done" ? badge(["Done", "good", "It was done"]) : badge(["Refused", "high", "It was not done"]))],
    ["Who", (entry) => visible(entry.actor)],
    ["From", (entry) => (entry.address === null ? null : el("span", { class: "mono" }, entry.address))],
    ["When", (entry) => exactly(entry.at)],
    ["Detail", (entry) => visible(entry.detail), "whole"],
  ], page.items), view.pager("Further entries", page.next_cursor));
}

async function load() {
  const session = await get("session");
  const isAdmin = session.role === "admin" && session.realms.length === 0 && session.tags.length === 0;
  if (!isAdmin) {
    show(el("div", { class: "stack" }, sessionCard(session), el("p", { class: "quiet" }, "Tokens and the audit log are for admins whose token has no limits.")));
    return;
  }
  const [tokens, log] = await Promise.all([get("tokens", { limit: 200 }), get("audit-log", { limit: PAGE, ...view.state() })]);
  show(el("div", { class: "stack" }, sessionCard(session), tokenCard(tokens.items), logCard(log)));
}

run(load);
