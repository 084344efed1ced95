// A form that brings in what another scanner saw: its file is read here and goes to the API as text.
import { actionForm, choiceField, inputField, outcomeLine } from "./action_part.js";
import { ApiError, send } from "./api.js";
import { el, fill } from "./dom.js";
import { exactly, number, plural } from "./format.js";
import { scanLink } from "./scan_part.js";
import { foldedCard } from "./view.js";

// What comes in here at all, in bytes. Escapes count: of a file that is hardly shorter the request may yet be too long.
const MAX_BYTES = 512 * 1024;
const classes = [["", "As it is declared, or worked out"], ["world", "The internet"], ["public-range", "A public range"], ["peer", "A peer’s network"],
  ["vpn", "A VPN"], ["own-vpc", "The same network"], ["self", "The hosts themselves"]];
const formats = { nmap: "nmap’s XML", "masscan-json": "masscan’s JSON", "masscan-list": "masscan’s list" };

// Of a file that cannot be sent nothing is read.
function assertFits(file) {
  if (file.size > MAX_BYTES) {
    throw new ApiError(`${file.name} has ${number(file.size / 1024, 0)} KiB, and at most ${MAX_BYTES / 1024} come in here. leastport import takes it on the command line, whatever its size.`, 413, false);
  }
}

// What came in, in words, and where it is to be seen.
function taken({ realm, vantage, format, scanned_at: at, hosts, open, left_out: leftOut, finished, scans }) {
  return [`Taken from ${formats[format]}: ${plural(hosts, "host")} with ${plural(open, "open port")}, seen from ${vantage} in ${realm} at `, exactly(at), ". ",
    leftOut === 0 ? null : `${plural(leftOut, "port")} left out, of other protocols or states. `,
    finished ? null : "The file does not say that its scan came to its end: it opens findings and closes none. ",
    scans.map((uuid, i) => [i === 0 ? null : ", ", scanLink({ uuid }, scans.length === 1 ? "See the scan that it became" : `Scan ${i + 1} of ${scans.length}`)]), "."];
}

// done: resolves when the page shows what came in.
export function importCard(done) {
  const line = outcomeLine();
  const result = el("p", { role: "status", tabindex: "-1" });
  const form = actionForm("Bring in another scanner’s file", "Bring it in", [
    inputField("file", "File", { type: "file", required: true, accept: ".xml,.json,.txt,.list", onchange: (event) => {
      fill(result);
      fill(line);
      try {
        [...event.target.files].forEach(assertFits);
      } catch (error) {
        fill(line, error.message);
      }
    } }, "nmap’s XML (-oX), masscan’s list (-oL) or JSON (-oJ); up to 512 KiB and 2,000 hosts. All of it is taken, or nothing."),
    inputField("vantage", "Seen from", { maxlength: 128 }, "A name for the place where that scanner stood; empty: nmap or masscan."),
    choiceField("vantage_class", "What that place is to the hosts", classes),
    inputField("realm", "Realm", { id: "import-realm", list: "realms", maxlength: 128 }, "Which network it is; empty for the daemon’s own."),
  ], line, async ({ file, ...content }) => {
    fill(result);
    assertFits(file);
    const answer = await send("imports", { ...content, text: await file.text() });
    form.reset();
    fill(result, taken(answer));
    await done();
    result.focus();
  });
  return foldedCard("import", "Bring in another scanner’s file", form, result);
}
