// What would open to the internet, and what would close, if security groups or network ACLs were others than they are.
import { outcomeLine, tell } from "./action_part.js";
import { ApiError, send } from "./api.js";
import { el, fill, scroller } from "./dom.js";
import { exactly, number, plural } from "./format.js";
import { path, verdicts } from "./path_part.js";

const SOURCES_SHOWN = 4;

// The groups that decide about the ports of a host. rows: of GET /reach, with proofs.
const groupsOf = (rows) => [...new Set(rows.flatMap(({ proof }) => proof ?? []).filter(({ stage, id }) => stage === "group" && id !== null).map(({ id }) => id))];

// To begin with: the host's own group, which lets in HTTPS and nothing else, and lets everything out.
const example = (group) => `{
  "SecurityGroups": [
    {
      "GroupId": ${JSON.stringify(group)},
      "IpPermissions": [
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
         "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
      ],
      "IpPermissionsEgress": [
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
      ]
    }
  ]
}`;

function portsOf({ ports }) {
  const [first, last = first] = ports.split("-").map(Number);
  return ports === "all" ? 65536 : Number.isNaN(first + last) ? 1 : last - first + 1;
}

// What is certain before what is not, then by how much of the internet reaches how many ports.
function worstFirst(rows) {
  const order = ["REACHABLE", "CONDITIONAL", "UNKNOWN"];
  const rank = ({ verdict }) => (order.includes(verdict) ? order.indexOf(verdict) : order.length);
  return rows.toSorted((a, b) => rank(a) - rank(b) || b.share - a.share || portsOf(b) - portsOf(a));
}

function sourcesOf({ share, sources }) {
  const rest = sources.length - SOURCES_SHOWN;
  return share >= 1 || sources.length === 0 ? "all of the internet" : `${sources.slice(0, SOURCES_SHOWN).join(", ")}${rest > 0 ? ` and ${number(rest, 0)} more` : ""}`;
}

function line(row, when) {
  const port = [row.ports, row.proto].filter(Boolean).join("/");
  return el("tr", {}, el("th", { scope: "row", class: "lead-cell" }, port),
    el("td", { "data-label": "Of", class: "whole" }, el("span", {}, row.owner ?? row.interface ?? "", " ", el("span", { class: "mono" }, row.public_address || row.address))),
    el("td", { "data-label": "From", class: "whole" }, el("span", {}, sourcesOf(row))),
    el("td", { "data-label": "Reachable" }, verdicts[row.verdict]),
    el("td", { "data-label": "Path", class: "whole" }, el("details", {}, el("summary", {}, when), path(row))));
}

function list(title, rows, count, when) {
  return count === 0 ? null : [el("h3", {}, title), scroller(title, el("table", { class: "cards" },
    el("caption", {}, `Worst first${count > rows.length ? `, of the first ${number(rows.length, 0)} of ${number(count, 0)}` : ""}`),
    el("thead", {}, el("tr", {}, ["Port", "Of", "From", "Reachable", "Path"].map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, worstFirst(rows).map((row) => line(row, when)))))];
}

function outcome({ opens, open_count: opened, closes, close_count: closed, inventory, as_of: at }) {
  const words = opened + closed === 0 ? "Nothing that the internet reaches would be otherwise"
    : `${plural(opened, "row")} would open to the internet, ${number(closed, 0)} would close`;
  return [el("p", {}, `${words}, by the cloud ${inventory} as it was read `, exactly(at), ". Nothing was changed."),
    list("Would open", opens, opened, "How it would be reached"), list("Would close", closes, closed, "How it is reached now")];
}

// The caret goes where it cannot be read.
function read(area) {
  try {
    const change = JSON.parse(area.value);
    if (change !== null && typeof change === "object" && !Array.isArray(change)) {
      return change;
    }
  } catch (error) {
    const at = /position (\d+)/.exec(error.message)?.[1];
    if (at !== undefined) {
      area.focus();
      area.setSelectionRange(Number(at), Number(at));
    }
    throw new ApiError(`That is no JSON: ${error.message}.`, 400, false);
  }
  throw new ApiError("What changes is an object, such as {\"SecurityGroups\": […]} or {\"NetworkAcls\": […]}.", 400, false);
}

// asset: the host, as the API calls it; answer: of GET /reach about it.
export function whatIfPart(asset, { items, inventory }) {
  const [group = "sg-…", ...others] = groupsOf(items);
  const error = outcomeLine();
  const result = el("div", { "aria-live": "polite", class: "stack" });
  const area = el("textarea", { id: "what-if-change", class: "editor", rows: 14, spellcheck: "false", autocapitalize: "off", "aria-describedby": "what-if-help what-if-error",
    oninput: () => area.removeAttribute("aria-invalid") }, example(group));
  const scope = el("select", { id: "what-if-scope" }, el("option", { value: asset }, "This host alone"), el("option", { value: "" }, "The whole cloud"));
  const submit = el("button", { type: "submit", class: "button button-main" }, "See what would open and close");
  error.id = "what-if-error";

  async function ask(event) {
    event.preventDefault();
    submit.disabled = true;
    fill(error);
    fill(result);
    try {
      const change = read(area);
      fill(result, outcome(await send("reach/what-if", { change, inventory, ...(scope.value === "" ? {} : { to: scope.value }) })));
    } catch (fault) {
      area.setAttribute("aria-invalid", "true");
      tell(error, fault);
    }
    submit.disabled = false;
    if (document.activeElement === document.body) {
      submit.focus();
    }
  }

  return el("details", { id: "what-if", open: location.hash === "#what-if" }, el("summary", {}, "What if the rules were others?"),
    el("form", { "aria-label": "What if the rules were others?", class: "stack", onsubmit: ask },
      el("p", { id: "what-if-help", class: "small muted" }, "Security groups or network ACLs, each of which stands in for the one with its id, with all of its rules. Here is an example to be written over; ",
        el("code", {}, `aws ec2 describe-security-groups --group-ids ${[group, ...others].join(" ")}`), " prints what there is. Nothing is changed, here or in the cloud."),
      el("div", { class: "field" }, el("label", { for: "what-if-change" }, "Groups or ACLs, as JSON"), area),
      el("div", { class: "field" }, el("label", { for: "what-if-scope" }, "Tell of"), scope),
      el("div", { class: "buttons" }, submit), error, el("div", {}, result)));
}
