// The alerts: what waits, what was delivered, what was given up; tried again, dropped, and a test for each receiver.
import { actionButton, actionForm, choiceField, outcomeLine } from "./action_part.js";
import { visible } from "./answer_part.js";
import { get, mayWrite, send, whoAmI } from "./api.js";
import { badge, severityBadge } from "./badge.js";
import { el, show } from "./dom.js";
import { number, plural, when } from "./format.js";
import { run } from "./state.js";
import { card, cardTable, nothing } from "./view.js";

const states = { waiting: ["Waits", "new", "It will be tried"], delivered: ["Delivered", "good", "The receiver took it"],
  dead: ["Given up", "critical", "Tried for too long; somebody has to look"], dropped: ["Dropped", "", "Somebody dropped it"] };

function buttons(alert, line) {
  const act = (verb) => async () => {
    await send(`alerts/${verb}`, { alert: alert.id });
    await run(load);
  };
  return alert.state === "dead" || alert.state === "waiting" ? el("span", { class: "buttons" },
    actionButton("Try again", line, act("retry"), { "aria-label": `Try ${alert.title} again` }),
    actionButton("Drop", line, act("drop"), { "aria-label": `Drop ${alert.title}` })) : null;
}

function alertCard(title, alerts, may) {
  const line = outcomeLine();
  return card(title, cardTable("Youngest first", [
    ["What", (one) => visible(one.title)],
    ["State", (one) => badge(states[one.state] ?? [one.state, "", one.state])],
    ["Severity", (one) => severityBadge(one.severity)],
    ["Receiver", (one) => [visible(one.receiver), one.rule === "" ? null : el("span", { class: "product" }, `by ${visible(one.rule)}`)]],
    ["Findings", (one) => number(one.findings, 0), "number"],
    ["Made", (one) => when(one.created_at)],
    ["Delivered", (one) => (one.delivered_at === null ? null : when(one.delivered_at))],
    ["Tries", (one) => [String(one.attempts), one.error ? el("span", { class: "product" }, visible(one.error)) : null]],
    ...(may ? [["Do", (one) => buttons(one, line)]] : []),
  ], alerts), line);
}

function testCard(alerts) {
  const line = outcomeLine();
  const known = [...new Set(alerts.map((one) => one.receiver))].sort();
  return card("Test", actionForm("Send a test", "Send a test", [choiceField("receiver", "To", [["", "Each receiver"], ...known.map((name) => [name, name])])], line, async (content) => {
    const { alerts: sent } = await send("alerts/test", content);
    await run(load);
    document.getElementById("outcome").textContent = `${plural(sent.length, "test")} on the way.`;
  }));
}

async function load() {
  const { realms, tags } = await whoAmI();
  if (realms.length + tags.length > 0) {
    show(el("p", { class: "quiet" }, "Alerts are for those whose token has no limits."));
    return;
  }
  const [{ items }, may] = await Promise.all([get("alerts"), mayWrite()]);
  const dead = items.filter((one) => one.state === "dead");
  const rest = items.filter((one) => one.state !== "dead");
  show(el("div", { class: "stack" }, el("p", { id: "outcome", role: "status" }), dead.length === 0 ? null : alertCard("Given up", dead, may),
    rest.length > 0 ? alertCard("Alerts", rest, may) : dead.length === 0 ? nothing("Nobody was told anything yet", "Receivers and rules stand in the daemon’s file, under alerts.") : null,
    may ? testCard(items) : null));
}

run(load);
