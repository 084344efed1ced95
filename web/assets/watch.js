// Says on every page while the server, its database or the daemon does not answer, and has the page read its data again
// once they do: nobody has to load it anew.
import { readiness } from "./api.js";
import { el, fill } from "./dom.js";
import { again, hasFailed } from "./state.js";

const CALM_MS = 5000;
const TROUBLED_MS = 2000;
const NOT_RUNNING = "leastport-auditd does not run";

let line = null;
let wasDown = false;

function say(text) {
  if (line === null && text !== "") {
    line = el("p", { class: "trouble", role: "status" });
    document.querySelector(".top").after(line);
  }
  // Said again only when it changes: it is spoken.
  if (line !== null && line.textContent !== text) {
    fill(line, text);
  }
}

// What is amiss, as a sentence; "" for nothing.
function troubleOf({ auditd: status, hindrance }) {
  if (status === "stopped" || status === "silent") {
    return `${status === "stopped" ? NOT_RUNNING : "leastport-auditd does not answer"}: what is stored can be read, but nothing can be scanned or decided until it is back.`;
  }
  return hindrance ?? "";
}

async function look() {
  let text = "";
  let isUp = true;
  try {
    text = troubleOf(await readiness());
  } catch (error) {
    // That there is no audit yet is not amiss.
    isUp = false;
    text = error.isEmpty ? "" : `${error.message} This page tries again by itself.`;
  }
  say(text);
  // Where the daemon was away, another database may be in its place.
  const isDown = !isUp || text.includes(NOT_RUNNING);
  if (!isDown && (wasDown || hasFailed())) {
    again();
  }
  wasDown = isDown;
  setTimeout(turn, text === "" && isUp && !hasFailed() ? CALM_MS : TROUBLED_MS);
}

// A page that nobody sees asks nothing.
function turn() {
  if (document.visibilityState === "visible") {
    look();
  } else {
    document.addEventListener("visibilitychange", turn, { once: true });
  }
}

setTimeout(turn, TROUBLED_MS);
