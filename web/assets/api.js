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
  const details = (problem.errors ?? []).filter((error) => error.pointer.startsWith("#/query/"))
    .map((error) => `${error.pointer.slice("#/query/".length)}: ${error.message}`);
  return new ApiError(problem.detail ?? `The server answered ${response.status}.`, response.status, isEmpty, details);
}

export async function get(resource, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value != null));
  let response;
  try {
    response = await fetch(`/api/v1/${resource}${query.size === 0 || `${query}` === "" ? "" : `?${query}`}`,
      { headers: { Accept: "application/json" } });
  } catch {
    throw new ApiError("The server does not answer. Is leastport serve running?", 0, false);
  }
  if (response.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    return new Promise(() => {}); // the page is left
  }
  if (!response.ok) {
    throw await problemOf(response);
  }
  return response.json();
}
