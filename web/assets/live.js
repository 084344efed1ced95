// What happens on the server, as it happens. Listens while the page is seen only: browsers open few connections to one
// server, and each stream takes one for itself.
import { get } from "./api.js";
import { el } from "./dom.js";

const CALM_MS = 400; // changes come in swarms
const SPREAD_MS = 2000; // not every page asks at the same moment
const AGAIN_MS = 5000;

function lineOf() {
  const line = el("p", { class: "connection", role: "status" });
  document.querySelector(".top-inner").append(line);
  return line;
}

// Calls `on.change` soon after findings, scores or scans changed, at most once at a time, and `on.progress` with what a
// running scan says of itself.
export function listen(on) {
  const line = lineOf();
  let source = null;
  let timer = null;
  let isBusy = false;
  let isAsked = false;

  async function change() {
    timer = null;
    if (isBusy) {
      isAsked = true;
      return;
    }
    isBusy = true;
    // Without an answer the page keeps what it shows; the stream says that the connection is lost.
    await on.change().catch(() => null);
    isBusy = false;
    if (isAsked) {
      isAsked = false;
      soon();
    }
  }

  function soon(after = CALM_MS) {
    timer ??= setTimeout(change, after);
  }

  function lost() {
    line.replaceChildren("Connection lost, trying again.");
    if (source.readyState === EventSource.CLOSED) {
      // An answer that is no stream: the browser does not ask again by itself. `get` leads to the login where that is why.
      source = null;
      setTimeout(() => get("session").catch(() => null).then(open), AGAIN_MS);
    }
  }

  function open() {
    if (source !== null || document.visibilityState !== "visible") {
      return;
    }
    source = new EventSource("/api/v1/events");
    source.addEventListener("open", () => line.replaceChildren());
    source.addEventListener("error", lost);
    for (const name of ["ready", "finding", "score", "scan"]) {
      source.addEventListener(name, () => soon());
    }
    source.addEventListener("reset", () => soon(CALM_MS + Math.random() * SPREAD_MS));
    source.addEventListener("progress", (event) => on.progress?.(JSON.parse(event.data)));
  }

  function close() {
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? open() : close()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}
