// Badges say in words what their colour says too.
import { el } from "./dom.js";

const presences = {
  NEW: ["New", "new", "Seen open once; a second probe will confirm it"],
  OPEN: ["Open", "", "Confirmed open"],
  VERIFYING: ["Verifying", "", "It was silent; the next complete scan decides"],
  FIXED: ["Fixed", "good", "Closed, and proven so"],
  REAPPEARED: ["Back again", "high", "It had been fixed and is open again"],
  ALLOWED: ["Allowed", "good", "The policy allows it"],
  FOLDED: ["Came and went", "", "Open at one look, closed at the next: one finding of the host stands for all such ports"],
};

const sights = {
  STALE: ["Stale", "medium", "We could not look: unreachable is not fixed"],
  RETIRED: ["Retired", "", "The host is gone"],
};

const dispositions = {
  ACKNOWLEDGED: ["Acknowledged", "new", "Somebody works on it; it keeps its penalty"],
  WAIVED: ["Waived", "", "Accepted until a date; it costs nothing until then"],
};

export function badge([text, kind, title]) {
  return el("span", { class: `badge${kind ? ` badge-${kind}` : ""}`, title }, text);
}

export function severityBadge(severity) {
  return badge([severity[0].toUpperCase() + severity.slice(1), severity, `Severity ${severity}`]);
}

export function presenceBadge(presence) {
  return badge(presences[presence] ?? [presence, "", presence]);
}

// Nothing for FRESH: it is the rule.
export function sightBadge(sight) {
  return sights[sight] ? badge(sights[sight]) : null;
}

// Nothing for NONE: nobody has decided.
export function dispositionBadge(disposition) {
  return dispositions[disposition] ? badge(dispositions[disposition]) : null;
}

export function moveLabel(state) {
  return presences[state]?.[0] ?? sights[state]?.[0] ?? dispositions[state]?.[0] ?? ({ FRESH: "In sight", NONE: "Undecided" }[state] ?? state);
}

export function gradeBadge(grade, isSmall = false) {
  const kind = grade === null ? "none" : grade.toLowerCase();
  return el("span", { class: `grade grade-${kind}${isSmall ? " grade-small" : ""}` },
    el("span", { class: "visually-hidden" }, "Grade "), grade ?? "–");
}
