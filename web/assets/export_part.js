// The menu that saves what a list shows, whole, in the formats that the API has of it.
import { el } from "./dom.js";

const formats = {
  findings: [["csv", "CSV, for spreadsheets"], ["jsonl", "JSON Lines"], ["sarif", "SARIF 2.1.0"], ["ocsf", "OCSF 1.8"],
    ["defectdojo", "DefectDojo"], ["html", "Report of one file (HTML)"]],
  hosts: [["csv", "CSV, for spreadsheets"], ["jsonl", "JSON Lines"]],
  certificates: [["csv", "CSV, for spreadsheets"], ["jsonl", "JSON Lines"]],
  endpoints: [["csv", "CSV, for spreadsheets"], ["jsonl", "JSON Lines"], ["xml", "nmap's XML"]],
};

// `filters`: the list's parameters; its page and order are left out.
export function exportMenu(list, filters, summary = "Export") {
  const { cursor, sort, limit, ...kept } = filters;
  const address = (format) => `/api/v1/${list}/export?${new URLSearchParams({ ...kept, format })}`;
  return el("details", {}, el("summary", {}, summary),
    el("ul", {}, formats[list].map(([format, text]) => el("li", {}, el("a", { href: address(format), download: "" }, text)))));
}
