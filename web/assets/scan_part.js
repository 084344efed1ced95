// A scan in words and figures, and its progress while it runs.
import { badge } from "./badge.js";
import { el } from "./dom.js";
import { number, percent, plural } from "./format.js";

const states = {
  running: ["Running", "new", "It is looking now"],
  complete: ["Complete", "good", "Everything that was planned was looked at"],
  incomplete: ["Incomplete", "medium", "A part was not looked at: what is silent there is not closed"],
  failed: ["Failed", "critical", "It ended with an error"],
};
const canaries = { none: "none", answered: "answered", silent: "silent: the scan proves nothing closed" };

export function scanBadge(scan) {
  return badge(states[scan.state] ?? [scan.state, "", scan.state]);
}

export function scanName(scan) {
  return `${scan.realm} from ${scan.vantage}`;
}

export function scanLink(scan, text = scanName(scan)) {
  return el("a", { href: `/scans/${scan.uuid}` }, text);
}

export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) {
    return `${hours} h ${minutes} min`;
  }
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : seconds === 0 ? "under 1 s" : `${seconds} s`;
}

export function took(scan) {
  return scan.ended_at === null ? null : duration(Date.parse(scan.ended_at) - Date.parse(scan.started_at));
}

export function missed(scan) {
  const high = scan.missed.high;
  return high === null ? null : high < 1 ? "less than 1" : `up to ${Math.ceil(high)}`;
}

export const scanFacts = [
  ["Probes planned", (scan) => number(scan.probes_planned, 0)],
  ["Probes answered for", (scan) => number(scan.probes_done, 0)],
  ["Packets sent", (scan) => number(scan.probes_sent, 0)],
  ["Hosts that answered", (scan) => number(scan.hosts_up, 0)],
  ["Hosts that did not", (scan) => number(scan.hosts_down, 0)],
  ["Open ports", (scan) => number(scan.ports_open, 0)],
  ["Loss", (scan) => (scan.loss === null ? "not measured" : percent(scan.loss))],
  ["Open ports that may have been missed", (scan) => missed(scan) ?? "not known yet"],
  ["Canary", (scan) => canaries[scan.canary] ?? scan.canary],
];

// Whole percent.
export const shareOf = (done, planned) => (planned === 0 ? 0 : Math.min(100, Math.floor((100 * done) / planned)));

// What progress says in words: how far, and, where the daemon tells it, how fast and how long it will take yet.
export function progressText(scan) {
  const left = scan.eta_s == null ? "" : `, ${duration(1000 * scan.eta_s)} left`;
  const speed = scan.rate_pps == null ? "" : `, ${number(scan.rate_pps, 0)} probes/s${left}`;
  return `${shareOf(scan.probes_done, scan.probes_planned)} % of ${plural(scan.probes_planned, "probe")}${speed}, ${plural(scan.ports_open, "open port")} so far`;
}

export function progressBar(scan) {
  return el("progress", { max: Math.max(1, scan.probes_planned), value: scan.probes_done, "aria-label": `Progress of ${scanName(scan)}` });
}
