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

start();
