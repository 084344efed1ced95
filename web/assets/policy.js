// The policy: what judges now, what a change would do, and every version that there was.
import { outcomeLine, tell } from "./action_part.js";
import { visible } from "./answer_part.js";
import { get, send, whoAmI } from "./api.js";
import { badge, severityBadge } from "./badge.js";
import { el, show } from "./dom.js";
import { exactly, number, plural } from "./format.js";
import { run } from "./state.js";
import { card, cardTable } from "./view.js";

const FIRST = "version: 1\nbaseline: 1\n# allow:\n#   - {id: https, to: any, ports: 443, from: world, why: the shop}\n";

function problemList(problems, kind) {
  return problems.length === 0 ? null : el("ul", { class: "problems" }, problems.map((one) => el("li", {}, badge([kind === "errors" ? "Error" : "Warning", kind === "errors" ? "critical" : "medium", ""]),
    one.line > 0 ? el("button", { type: "button", class: "link", onclick: () => goTo(one) }, `line ${one.line}, column ${one.column}`) : null, ` ${visible(one.message)}`)));
}

// The caret goes where the problem is.
function goTo({ line, column }) {
  const area = document.getElementById("policy-text");
  const before = area.value.split("\n").slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  area.focus();
  area.setSelectionRange(before + column - 1, before + column);
}

const side = (one) => (one === null ? "no finding" : el("span", { class: "badges" }, severityBadge(one.severity), ` ${one.rule_id} (${one.need})`));

function effect(result, isTrial) {
  const { endpoints, opened, allowed, altered } = result;
  const would = isTrial ? "would" : "";
  const words = opened + allowed + altered === 0 ? `Nothing ${isTrial ? "would change" : "changed"}.`
    : `${plural(opened, "finding")} ${would} ${isTrial ? "open" : "opened"}, ${allowed} ${would} ${isTrial ? "be" : "are"} allowed, ${altered} ${would} ${isTrial ? "read" : "read"} otherwise.`.replaceAll("  ", " ");
  const rows = result.changes ?? [];
  return el("div", {}, el("p", { role: "status" }, `${words} ${plural(endpoints, "open port")} looked at.`),
    rows.length === 0 ? null : cardTable(result.change_count > rows.length ? `The first ${rows.length} of ${result.change_count}` : "Each of them", [
      ["What", (one) => visible(one.title)],
      ["Where", (one) => `${visible(one.name || one.address)} ${one.port}/${one.proto}, ${one.realm}`],
      ["Now", (one) => side(one.was)],
      ["Then", (one) => side(one.becomes)],
    ], rows));
}

function editor(policy, isAdmin) {
  const area = el("textarea", { id: "policy-text", class: "editor", spellcheck: "false", rows: 22, autocapitalize: "off" });
  area.value = policy?.source || FIRST;
  const line = outcomeLine();
  const result = el("div", { "aria-live": "polite" });
  let tried = null;
  const apply = button("Apply", async () => {
    const answer = await send("policy", { policy: area.value, name: policy?.source ? policy.name : "edited on the page" }, { method: "PUT" });
    await run(load);
    document.getElementById("outcome").replaceChildren(effect(answer, false));
  }, "button button-main");
  const upTo = () => { apply.disabled = tried !== area.value; };

  function button(text, act, kind = "button") {
    const one = el("button", { type: "button", class: kind, onclick: async () => {
      one.disabled = true;
      line.replaceChildren();
      try {
        await act();
      } catch (error) {
        tell(line, error);
      }
      one.disabled = false;
      upTo();
    } }, text);
    return one;
  }

  async function check() {
    const answer = await send("policy/check", { policy: area.value });
    result.replaceChildren(el("p", {}, answer.good ? `It can be applied: ${plural(answer.allow, "allow rule")}, ${plural(answer.forbid, "forbid rule")}, ${plural(answer.groups, "group")}.`
      : `It cannot be applied: ${plural(answer.errors.length, "error")}.`), ...[problemList(answer.errors, "errors"), problemList(answer.warnings, "warnings")].filter(Boolean));
    return answer;
  }

  const trial = button("See what it would change", async () => {
    const text = area.value;
    const answer = await check();
    if (answer.good) {
      const what = await send("policy/dry-run", { policy: text });
      result.append(effect(what, true));
      tried = text;
    }
  });
  area.addEventListener("input", upTo);
  upTo();
  return card("Edit", el("label", { for: "policy-text", class: "visually-hidden" }, "The policy’s text"), area,
    el("div", { class: "buttons" }, button("Check", check), trial, isAdmin ? apply : null),
    el("p", { class: "small muted" }, isAdmin ? "Apply works once it has been seen what the text would change. It judges until the daemon is started anew; put it into the daemon’s file to keep it."
      : "Applying it is for admins."), line, result);
}

function versionsCard(versions) {
  return card("Versions", cardTable("Youngest first", [
    ["Name", (one) => [visible(one.name), one.judges ? [" ", badge(["Judges now", "good", "The one that judged last"])] : null]],
    ["Came", (one) => exactly(one.loaded_at)],
    ["Baseline", (one) => number(one.baseline, 0), "number"],
    ["Hash", (one) => el("code", { title: one.hash }, one.hash.slice(0, 12))],
    ["Text", (one) => (one.source === "" ? "the baseline alone" : el("details", {}, el("summary", {}, "Show"), el("pre", { class: "code", tabindex: "0" }, one.source)))],
  ], versions));
}

async function load() {
  const session = await whoAmI();
  if (session.realms.length + session.tags.length > 0) {
    show(el("p", { class: "quiet" }, "The policy is for those whose token has no limits."));
    return;
  }
  const [policy, versions] = await Promise.all([get("policy").catch((error) => (error.status === 404 ? null : Promise.reject(error))), get("policies", { limit: 50 })]);
  show(el("div", { class: "stack" }, el("div", { id: "outcome" }),
    card("Judges now", el("p", {}, policy === null ? "Nothing was judged yet." : [el("strong", {}, visible(policy.name)), ", since ", exactly(policy.loaded_at), `, on baseline ${policy.baseline}.`])),
    editor(policy, session.role === "admin"), versionsCard(versions.items)));
}

run(load);
