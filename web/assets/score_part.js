// A score in figures: grade, value, what holds it down, and every term.
import { gradeBadge } from "./badge.js";
import { el, scroller } from "./dom.js";
import { number, percent } from "./format.js";

export function scoreFigure(score) {
  return el("div", { class: "score" }, gradeBadge(score.grade),
    el("p", { class: "score-value" }, number(score.score, 0), el("small", {}, " of 100")));
}

export function scoreCaps(score) {
  const caps = score.caps ?? [];
  return caps.length === 0 ? null : el("ul", { class: "caps" }, caps.map((cap) => el("li", {}, cap)));
}

export function scoreFacts(score, more = []) {
  const facts = [["Exposure", number(score.exposure)], ["Coverage", percent(score.coverage)], ...more];
  return el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

export function scoreTerms(score) {
  const terms = score.terms ?? [];
  if (terms.length === 0) {
    return el("p", { class: "quiet" }, "Nothing takes away from 100.");
  }
  const heads = ["Service", "Open to", "Findings", "Penalty each", "Term", "Weight", "Costs"];
  const rows = terms.map((term) => el("tr", {},
    el("th", { scope: "row" }, term.service || "other"),
    el("td", {}, term.breadth_class),
    [term.count, term.penalty, term.term, term.weight, term.cost].map((value) =>
      el("td", { class: "number" }, number(value, 2)))));
  return scroller("The terms of the score", el("table", {},
    el("caption", {}, "Score = 100 − the sum of what the terms cost, not below 0. The worst counts in full, each next one half as much."),
    el("thead", {}, el("tr", {}, heads.map((head, i) => el("th", { scope: "col", class: i > 1 ? "number" : null }, head)))),
    el("tbody", {}, rows)));
}
