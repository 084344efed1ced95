// Who is signed in, and the way out.
import { whoAmI } from "./api.js";
import { el } from "./dom.js";

async function signOut(session) {
  await fetch("/api/v1/session", { method: "DELETE", headers: { "X-CSRF-Token": session.csrf_token ?? "" } }).catch(() => null);
  location.assign("/login");
}

async function start() {
  const session = await whoAmI().catch(() => null);
  if (session?.csrf_token) {
    document.querySelector(".top-inner").append(el("button", { type: "button", class: "sign-out",
      title: `Signed in as ${session.name}, ${session.role}`, onclick: () => signOut(session) }, "Sign out"));
  }
}

// Where the pages' names do not fit beside one another, the one at hand is seen.
const place = document.querySelector(".top nav");
const current = place.querySelector("[aria-current]");
place.scrollLeft = current === null ? 0 : current.offsetLeft - place.offsetLeft - (place.clientWidth - current.offsetWidth) / 2;

start();
