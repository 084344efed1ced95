// The path by which the cloud lets something reach a port, or does not: internet → gateway → network ACL → group → interface.
import { el } from "./dom.js";

export const verdicts = {
  REACHABLE: "reachable", CONDITIONAL: "reachable in part", UNKNOWN: "not known", BLOCKED_RETURN: "answers blocked", BLOCKED: "blocked",
};

function step(one) {
  const mark = { yes: "passes", no: "stops here", unknown: "not known" }[one.passes];
  return el("li", { class: one.passes === "no" ? "whole stops" : "whole" }, el("strong", {}, one.stage), " ",
    one.id === null ? null : el("span", { class: "mono" }, one.id), one.id === null ? null : ": ", one.text ?? "", ` (${mark})`);
}

// row: of GET /reach or POST /reach/what-if. There and back.
export function path(row) {
  if (row.proof === null) {
    return el("p", { class: "quiet" }, row.balancer === null ? "Without a proof." : `By way of the balancer ${row.balancer.name ?? row.balancer.id}, port ${row.balancer.port}.`);
  }
  const back = row.proof.filter((one) => one.answer);
  return [el("ol", {}, el("li", {}, el("strong", {}, "internet")), row.proof.filter((one) => !one.answer).map(step),
    row.proof.every((one) => one.answer || one.passes !== "no") && el("li", {}, el("strong", {}, "interface"), " ", el("span", { class: "mono" }, row.interface ?? ""))),
  back.length === 0 ? null : [el("p", {}, "The answer:"), el("ol", {}, back.map(step))]];
}
