// The same API that scripts use. A failed answer becomes an ApiError with what the problem document says.
export class ApiError extends Error {
  constructor(message, status, isEmpty, details = []) {
    super(message);
    this.status = status;
    this.isEmpty = isEmpty;
    this.details = details;
  }
}

async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  const isEmpty = (problem.errors ?? []).some((error) => error.pointer === "#/database/empty");
  const details = (problem.errors ?? []).filter((error) => /^#\/(query\/)?[a-z]/.test(error.pointer) && !error.pointer.startsWith("#/database"))
    .map((error) => `${error.pointer.replace(/^#\/(query\/)?/, "")}: ${error.message}`);
  return new ApiError(problem.detail ?? `The server answered ${response.status}.`, response.status, isEmpty, details);
}

function leaveToSignIn() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  return new Promise(() => {}); // the page is left
}

// Of whoever is not there, an ApiError with status 0.
async function ask(path) {
  try {
    return await fetch(path, { headers: { Accept: "application/json" } });
  } catch {
    throw new ApiError("The server does not answer. Is leastport serve running?", 0, false);
  }
}

// Whether there is something to show. It needs no session, and so keeps none from ending.
export async function readiness() {
  const response = await ask("/readyz");
  if (!response.ok) {
    throw await problemOf(response);
  }
  return response.json();
}

export async function get(resource, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value != null));
  const response = await ask(`/api/v1/${resource}${query.size === 0 || `${query}` === "" ? "" : `?${query}`}`);
  if (response.status === 401) {
    return leaveToSignIn();
  }
  if (!response.ok) {
    throw await problemOf(response);
  }
  return response.json();
}

let session;

// Who is signed in; asked once a page.
export function whoAmI() {
  // Nobody is asked for ever because once there was no answer.
  session ??= get("session").catch((error) => {
    session = undefined;
    throw error;
  });
  return session;
}

// May this person decide? The server says no as well, but a button that cannot work is not shown.
export async function mayWrite() {
  const { role, scopes } = await whoAmI();
  return role !== "viewer" && (scopes.length === 0 || scopes.includes("write"));
}

// A key of its own for each request that a person makes: sent again after a broken connection it is not done twice.
const freshKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// What a request may hold, in bytes: web/framing.h.
const MAX_BYTES = 512 * 1024;

export async function send(resource, content, { method = "POST", key = freshKey() } = {}) {
  const body = content === undefined ? null : JSON.stringify(content);
  const bytes = body === null ? 0 : new TextEncoder().encode(body).length;
  if (bytes > MAX_BYTES) {
    throw new ApiError(`That makes a request of ${Math.ceil(bytes / 1024)} KiB, and the server takes at most ${MAX_BYTES / 1024}.`, 413, false);
  }
  const { csrf_token: token } = await whoAmI();
  let response;
  try {
    response = await fetch(`/api/v1/${resource}`, { method, body,
      headers: { Accept: "application/json", "Content-Type": "application/json", "Idempotency-Key": key, "X-CSRF-Token": token ?? "" } });
  } catch {
    throw new ApiError("The server does not answer. Is leastport serve running?", 0, false);
  }
  if (response.status === 401) {
    return leaveToSignIn();
  }
  if (!response.ok) {
    throw await problemOf(response);
  }
  return response.status === 204 ? null : response.json();
}
