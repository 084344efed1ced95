// Signing in: by a token that is typed, or by a link's, which stands behind the # and so was sent nowhere.
const said = document.getElementById("said");
const field = document.getElementById("token");

// Where the reader wanted to go: a path of this server, never another's address.
function target() {
  const wanted = new URL(new URLSearchParams(location.search).get("next") ?? "/", location.origin);
  return wanted.origin === location.origin && wanted.pathname !== "/login" ? wanted.pathname + wanted.search : "/";
}

async function signIn(token) {
  said.textContent = "";
  let response;
  try {
    response = await fetch("/api/v1/session", { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }) });
  } catch {
    said.textContent = "The server does not answer. Is leastport serve running?";
    return;
  }
  if (response.ok) {
    location.replace(target());
    return;
  }
  const problem = await response.json().catch(() => ({}));
  said.textContent = problem.detail ?? `The server answered ${response.status}.`;
  field.focus();
}

document.getElementById("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(field.value.trim());
});

// A link from another site brings no cookie along; from here it goes with the question.
async function start() {
  const link = location.hash.slice(1);
  if (link.startsWith("lstp_")) {
    history.replaceState(null, "", location.pathname + location.search);
    await signIn(link);
  } else if (new URLSearchParams(location.search).has("next")) {
    const response = await fetch("/api/v1/session").catch(() => null);
    if (response?.ok) {
      location.replace(target());
    }
  }
}

start();
