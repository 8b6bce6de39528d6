// Requests to the API of this server. Errors become `Problem`s (RFC 9457), which say what to do.

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `the server answered with status ${status}`);
    this.name = "Problem";
    this.status = status;
    this.remedy = body.remedy || "";
    this.body = body;
  }

  /** What is wrong and what to do, as one sentence for people. */
  get sentence() {
    const text = this.message.charAt(0).toUpperCase() + this.message.slice(1);
    return this.remedy ? `${text}: ${this.remedy}` : text;
  }
}

async function problemOf(response) {
  let body = {};
  if ((response.headers.get("content-type") || "").includes("json")) {
    body = await response.json().catch(() => ({}));
  }
  return new Problem(response.status, body);
}

/**
 * The response to a request. `options` are those of fetch; `options.json` is sent as a JSON body.
 * Throws `Problem` for an error status and for a server that cannot be reached (status 0).
 */
export async function request(path, { json, headers = {}, ...options } = {}) {
  const sent = { ...options, headers: { ...headers } };
  if (json !== undefined) {
    sent.body = JSON.stringify(json);
    sent.headers["content-type"] = "application/json";
    sent.method ??= "POST";
  }
  let response;
  try {
    response = await fetch(path, sent);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "the server cannot be reached", remedy: "check that it runs" });
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** The JSON body of a response; `null` if it has none. `path` is below /api/v1, such as "/assets". */
export async function api(path, options = {}) {
  const response = await request(`/api/v1${path}`, options);
  return response.status === 204 ? null : response.json();
}

/** Read a sentence to users of screen readers. */
export function announce(text) {
  const element = document.getElementById("announcements");
  if (element) element.textContent = text;
}
