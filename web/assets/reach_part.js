// What the cloud declares of a host's ports beside what was observed, each with the path that proves it.
import { get } from "./api.js";
import { el, scroller } from "./dom.js";
import { isOver } from "./finding_part.js";
import { exactly, portLabel } from "./format.js";
import { path, verdicts } from "./path_part.js";
import { whatIfPart } from "./what_if_part.js";

const lets = (row) => row.verdict === "REACHABLE" || row.verdict === "CONDITIONAL";

// Interfaces are known of the hosts of a cloud alone; an instance has all of its own.
function assetOf(host) {
  const now = host.identities.filter((identity) => identity.valid_to === null);
  const eni = now.find((identity) => identity.kind === "interface" && identity.value.startsWith("eni-"));
  return eni && (now.find((identity) => identity.kind === "instance" && identity.value.startsWith("i-")) ?? eni);
}

// What is not stored, or not for this token to see, is no fault of the page.
async function ask(asset) {
  try {
    return await get("reach", { to: asset.value, limit: 500 });
  } catch (error) {
    if ([403, 404, 503].includes(error.status)) {
      return null;
    }
    throw error;
  }
}

// An endpoint, or a finding by the first of its ports.
function covers(row, endpoint) {
  const [first, last = first] = row.ports.split("-").map(Number);
  return row.proto === endpoint.proto && (row.ports === "all" || (first <= endpoint.port && endpoint.port <= last));
}

const ranks = ["BLOCKED", "BLOCKED_RETURN", "UNKNOWN", "CONDITIONAL", "REACHABLE"];
const widest = (rows) => rows.reduce((best, row) => (best === undefined || ranks.indexOf(row.verdict) > ranks.indexOf(best.verdict) ? row : best), undefined);

// What was seen of ports that nobody saw open, by the finding that holds it.
const claims = {
  "declared-silent": { observed: "no answer to the internet", says: [2, "Declared open and silent: a firewall of the host's own, or something on the way that is not declared."] },
  "declared-unlooked": { observed: "nobody has looked from where it is let in", says: [3, "Declared open, and what answers there is not known."] },
  "empty-room": { observed: "closed", says: [4, "A rule without a listener: close it before something moves in."] },
};

// What both together say; the loudest first.
function saying(row, endpoint, claim) {
  if (claim !== undefined) {
    return claims[claim.kind].says;
  }
  const open = endpoint?.state === "open";
  if (row.verdict === "UNKNOWN") {
    return [3, "Something on the way was not read: whether the internet reaches it is not known."];
  }
  if (lets(row)) {
    return open ? [1, "Exposed: the internet may reach it, and it answers."]
      : endpoint === undefined ? [4, "Declared open, and nobody saw it open."]
        : endpoint.state === "closed" ? [4, "A rule without a listener: close it before something moves in."]
          : [2, "Declared open and silent: a firewall of the host's own, or something on the way that is not declared."];
  }
  if (open && endpoint.vantage_class === "world") {
    return [0, "Contradiction: it answers the internet, and nothing that is declared lets it. The model, the scan or an undeclared path is wrong."];
  }
  if (row.verdict === "BLOCKED_RETURN") {
    return [2, "The network ACL trap: what comes in gets no answer out."];
  }
  return [5, open ? "Open inside; the internet does not reach it." : "Neither open nor declared open."];
}

// Of a range it is told which ports: the finding's title begins with them.
function observed(row, endpoint, claim) {
  if (endpoint !== undefined) {
    return `${endpoint.state}, from ${endpoint.vantage}`;
  }
  const isRange = row.ports === "all" || row.ports.includes("-");
  return claim === undefined ? "never seen open" : `${claims[claim.kind].observed}${isRange ? `: ${claim.title.split(": the cloud")[0]}` : ""}`;
}

function line({ row, endpoint, claim, says }) {
  const port = endpoint === undefined ? `${row.ports}/${row.proto}` : portLabel(endpoint);
  return el("tr", {},
    el("th", { scope: "row", class: "lead-cell nowrap" }, port),
    el("td", { "data-label": "Declared" }, verdicts[row.verdict]),
    el("td", { "data-label": "Observed" }, observed(row, endpoint, claim)),
    el("td", { "data-label": "Says", class: "whole" }, el("span", {}, says[0] === 0 ? el("strong", {}, says[1]) : says[1])),
    el("td", { "data-label": "Path", class: "whole" }, el("details", {}, el("summary", {}, `Why ${verdicts[row.verdict]}`), path(row))));
}

// What is declared open and was never seen so: by each finding about it, else once.
function unseen(row, endpoints, findings) {
  const about = findings.filter((finding) => finding.kind in claims && !isOver(finding) && lets(row) && covers(row, finding));
  return about.length > 0 ? about.map((claim) => ({ row, claim })) : endpoints.some((endpoint) => covers(row, endpoint)) ? [] : [{ row }];
}

// Each port that was seen, with the widest that is declared of it; and the others that are declared open.
function pairs(rows, endpoints, findings) {
  const seen = endpoints.map((endpoint) => ({ endpoint, row: widest(rows.filter((row) => covers(row, endpoint))) }))
    .filter(({ row }) => row !== undefined);
  const others = rows.filter((row) => ["tcp", "udp"].includes(row.proto) && row.verdict !== "BLOCKED" && row.verdict !== "UNKNOWN")
    .flatMap((row) => unseen(row, endpoints, findings));
  return [...seen, ...others].map((pair) => ({ ...pair, says: saying(pair.row, pair.endpoint, pair.claim) })).sort((a, b) => a.says[0] - b.says[0]);
}

// NULL where no cloud that is stored has the host.
export async function declaredCard(host, endpoints, findings) {
  const asset = assetOf(host);
  const answer = asset === undefined ? null : await ask(asset);
  if (answer === null) {
    return null;
  }
  const lines = pairs(answer.items, endpoints.filter((endpoint) => endpoint.ended_at === null), findings);
  return el("section", { class: "card", id: "declared", "aria-labelledby": "declared-title" },
    el("div", { class: "card-head" }, el("h2", { id: "declared-title" }, "Declared and observed")),
    el("p", { class: "quiet" }, "From the internet, by the cloud ", answer.inventory, " as it was read ", exactly(answer.as_of), "."),
    lines.length === 0 ? el("p", {}, "Nothing of it is declared to be reachable, and nothing was seen open.")
      : scroller("Ports, declared and observed", el("table", { class: "cards" }, el("caption", {}, "Ports, contradictions first"),
        el("thead", {}, el("tr", {}, ["Port", "Declared", "Observed", "Says", "Path"].map((head) => el("th", { scope: "col" }, head)))),
        el("tbody", {}, lines.map(line)))),
    whatIfPart(asset.value, answer));
}
