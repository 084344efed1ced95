// What answers at a port, as every page shows it. Whatever a server said is text, with what does not show made visible.
import { badge } from "./badge.js";
import { el, scroller } from "./dom.js";
import { isOver } from "./finding_part.js";
import { exactly, moment, plural } from "./format.js";

const SOON_DAYS = 30;
const SHOWN = 24;
const behaviours = { silent: "no service: says nothing", closes: "no service: closes", resets: "no service: resets",
  "zero-window": "no service: takes no data", "not-asked": "not asked: printers print", "every-port": "accepts every port" };

// Control characters, marks that turn writing, and what no font draws, as \\u001b.
export function visible(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/gu, (mark) => `\\u${mark.codePointAt(0).toString(16).padStart(4, "0")}`);
}

// A value that may be long: its beginning, and all of it to whoever points at it. Null when there is none.
export function shortened(value) {
  const text = value === null ? "" : visible(value);
  return value === null ? null : el("span", { title: text }, text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

export function serviceName(endpoint) {
  if (endpoint.recognised) {
    return `${visible(endpoint.service)}${endpoint.tls && endpoint.service !== "tls" ? " in TLS" : ""}`;
  }
  if (endpoint.facts !== null) {
    return behaviours[endpoint.facts.behaviour] ?? "not recognised";
  }
  return endpoint.service === null ? "–" : visible(endpoint.service);
}

// The product with its version, null when neither is known; its CPE name as title.
export function productName(endpoint) {
  const name = [endpoint.product, endpoint.version].filter((part) => part !== null).map(visible).join(" ");
  return name === "" ? null : el("span", { class: "product", title: endpoint.facts.cpe ? visible(endpoint.facts.cpe) : null }, name);
}

const isOld = (version) => version !== undefined && ["SSL3.0", "1.0", "1.1"].includes(version);

export function tlsState(endpoint) {
  const facts = endpoint.facts ?? {};
  if (facts["tls.version"] !== undefined) {
    const versions = `from ${visible(facts["tls.version"])} on`;
    return isOld(facts["tls.version"]) ? [badge(["Old", "high", "TLS before 1.2 is broken"]), ` ${versions}`] : versions;
  }
  if (endpoint.tls) {
    return "yes";
  }
  return facts.cleartext === true ? badge(["In clear", "medium", "It serves without encryption"]) : null;
}

export const daysLeft = (days) => (days < 0 ? `${plural(-days, "day")} ago` : `${plural(days, "day")} left`);

// When a certificate ends, by words first, by colour too. `end`: the moment, if it is known.
export function endBadge(days, end) {
  const [word, kind] = days < 0 ? ["Ended", "critical"] : days < SOON_DAYS ? ["Ends soon", "medium"] : ["Valid", "good"];
  return badge([word, kind, end ? `Ends ${moment(end)}` : word]);
}

export function certificateState(facts) {
  const days = facts?.["cert.days_left"];
  if (days === undefined) {
    return null;
  }
  const verdict = facts["cert.verdict"];
  const doubts = [verdict !== "trusted" && verdict !== "expired" && verdict !== undefined && verdict,
    facts["cert.name_mismatch"] && "names another host", facts["cert.weak"] && "weak key or signature"].filter(Boolean).map(visible);
  const state = [endBadge(days, facts["cert.not_after"]), ` ${daysLeft(days)}`];
  const shown = facts["cert.sha256"];
  return [shown === undefined ? state : el("a", { href: `/certificates?sha256=${encodeURIComponent(shown)}` }, state), doubts.length > 0 ? `; ${doubts.join(", ")}` : ""];
}

export function authState(endpoint) {
  const states = { none: badge(["No credential needed", "critical", "It answered a question although nobody had shown a credential"]),
    required: badge(["Asks for one", "good", "It asks for a credential"]) };
  return states[endpoint.auth] ?? null;
}

function turn(part) {
  const [who, said] = part.sent === undefined ? ["Received", part.received] : ["Sent", part.sent];
  return el("li", {}, el("span", { class: "muted small" }, `${who}, ${plural(part.bytes, "byte")}`), el("pre", {}, visible(said)));
}

export function evidenceList(evidence) {
  return el("ol", { class: "evidence" }, evidence.map(turn));
}

// The bytes that show what a finding says, where they still hold.
export function proof(finding, endpoints) {
  const endpoint = endpoints.find((one) => one.ended_at === null && one.port === finding.port && one.proto === finding.proto &&
    (one.evidence ?? []).length > 0);
  const isDoor = finding.rule_id === "baseline/open-door" || endpoint?.auth === "none";
  return isOver(finding) || endpoint === undefined ? null : el("details", { open: isDoor },
    el("summary", {}, isDoor ? "Evidence: what it answered without a credential" : "Evidence: what it answered"), evidenceList(endpoint.evidence));
}

function factTable(label, facts) {
  return scroller(label, el("table", { class: "cards fact-table" }, el("caption", {}, "All that is known of it"),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Fact"), el("th", { scope: "col" }, "Value"))),
    el("tbody", {}, Object.entries(facts).map(([name, value]) => el("tr", {},
      el("th", { scope: "row", class: "lead-cell" }, visible(name)), el("td", { "data-label": "Value", class: "mono whole" }, visible(value)))))));
}

// Everything that was learnt, and the bytes that prove it, behind one line; `titleTag` fits it into the page's headings.
export function answerDetails(summary, endpoint, titleTag = "h4") {
  const asked = endpoint.asked_at === null ? [] : [el("p", { class: "small muted" }, "Asked ", exactly(endpoint.asked_at))];
  const said = (endpoint.evidence ?? []).length === 0 ? el("p", { class: "quiet" }, "It said nothing.") : evidenceList(endpoint.evidence);
  return el("details", {}, el("summary", {}, summary), ...asked, el(titleTag, {}, "What was said"), said, factTable(`Facts: ${summary}`, endpoint.facts));
}
