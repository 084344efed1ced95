// One finding: what is open, why it matters, how to fix it, which rule says so, what proves it, and all that happened to it.
import { answerDetails, proof, serviceName } from "./answer_part.js";
import { get, mayWrite } from "./api.js";
import { decideOne } from "./decide_part.js";
import { el, fill, plain, sentence, show } from "./dom.js";
import { findingBadges, fixBox, formula, hostLink, isOver, ruleLine, seenFrom, timeline } from "./finding_part.js";
import { flawList, flawsOf, isOfRules } from "./flaw_part.js";
import { exactly, portLabel } from "./format.js";
import { run, showFreshness } from "./state.js";
import { card, cardTable } from "./view.js";

const uuid = location.pathname.split("/").at(-1);

function showHeading(finding) {
  document.title = plain(`${finding.title} · Leastport`);
  fill(document.getElementById("finding-title"), finding.title);
  fill(document.getElementById("finding-place"), ...(isOfRules(finding) ? ["In the rules of ", hostLink(finding.host)]
    : ["On ", hostLink(finding.host), ` ${finding.port === 0 ? "" : "port "}${portLabel(finding)}, ${finding.host.realm}`]));
}

function dueLine({ due_at: due }) {
  return due === null ? null : el("p", { class: "prose" }, Date.parse(due) < Date.now() ? el("strong", {}, "Overdue since ", exactly(due)) : ["To be closed by ", exactly(due)]);
}

function whatCard(finding) {
  return card("What is wrong", findingBadges(finding), el("p", { class: "prose" }, sentence(finding.why)), isOver(finding) ? null : fixBox(finding),
    finding.fixed_at === null ? null : el("p", { class: "prose" }, "Fixed ", exactly(finding.fixed_at)), dueLine(finding));
}

function ruleCard(finding) {
  return card("Which rule says so, and what it costs", ruleLine(finding), formula(finding), seenFrom(finding));
}

function decideCard(finding, may) {
  return !may || isOver(finding) ? null : card("Decide", decideOne(finding, () => run(load)));
}

function withoutAnswer(finding) {
  return isOver(finding) ? "It is over: nothing answers there now that should not."
    : finding.terms.evidence.because.startsWith("declared") ? "What the cloud declares is the evidence; the host's page has it beside what was observed."
      : "That the port is open is the evidence; nothing was asked yet.";
}

function rulesCard(finding, flaws) {
  return card("Which rules", isOver(finding) || flaws === null
    ? el("p", { class: "quiet" }, isOver(finding) ? "It is over: the rules are mended." : "The cloud's rules cannot be asked now.") : flawList(flaws));
}

function evidenceCard(finding, endpoints) {
  const shown = endpoints.filter((one) => one.port === finding.port && one.proto === finding.proto && one.facts !== null);
  const bytes = proof(finding, endpoints);
  return card("Evidence", bytes ?? el("p", { class: "quiet" }, withoutAnswer(finding)),
    shown.filter((one) => one.ended_at === null).map((one) => answerDetails(`All that is known of ${serviceName(one)}, seen from ${one.vantage}`, one, "h3")));
}

function controlsCard(finding) {
  return finding.controls.length === 0 ? null : card("Controls that it speaks to", cardTable("Of published standards", [
    ["Control", (control) => control.control],
    ["Standard", (control) => `${control.standard} ${control.edition}`],
    ["Asks for", (control) => control.title],
  ], finding.controls));
}

async function load() {
  const [finding, { items: scans }] = await Promise.all([get(`findings/${uuid}`), get("scans", { limit: 1 })]);
  const may = await mayWrite();
  const flaws = isOfRules(finding) && !isOver(finding) ? await flawsOf(finding) : null;
  const endpoints = await get("endpoints", { host: finding.host.uuid, port: finding.port, proto: finding.proto, limit: 50 });
  showFreshness(scans);
  showHeading(finding);
  show(el("div", { class: "columns columns-even" },
    el("div", { class: "stack" }, whatCard(finding), isOfRules(finding) ? rulesCard(finding, flaws) : evidenceCard(finding, endpoints.items), controlsCard(finding)),
    el("div", { class: "stack" }, decideCard(finding, may), ruleCard(finding), card("History: when and why", timeline(finding.events)))));
}

run(load);
