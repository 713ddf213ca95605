// Calls of the API as whoever is signed in. No key is here: the session's cookie says who calls.

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

export const organization = meta("organization");
export const mayWrite = meta("role") === "owner";
export const isOperator = meta("operator") === "yes";

// Pages that show what is going on ask again and again. That keeps nobody signed in who is not there.
const AWAY = 60000; // milliseconds without a touch
let touched = performance.now();
for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"]) {
  addEventListener(kind, () => (touched = performance.now()), { passive: true, capture: true });
}

/** What the API refused: `message` for people, `param` the field that is wrong, `status`, `code`. */
export class ApiError extends Error {
  constructor(status, error, retryAfter) {
    super(error.message);
    this.status = status;
    this.param = error.param ?? null;
    this.code = error.code ?? null;
    this.retryAfter = retryAfter;
  }
}

/**
 * Send a request to `/v1` + `path`, or to `/console/…` itself, and return the Response, whatever its status is worth reading for.
 * `project` names the project that is called in (chat, audio, models); `body` is an object or a FormData.
 * Throws ApiError; somebody who is no longer signed in is led to the sign-in page.
 */
export async function request(path, { method = "GET", body, project, headers = {}, signal } = {}) {
  const sent = { ...headers };
  if (method !== "GET") sent["X-CSRF-Token"] = meta("csrf");
  else if (performance.now() - touched > AWAY) sent["X-Unattended"] = "1";
  if (project) sent["OpenAI-Project"] = project;
  let content = body;
  if (body !== undefined && !(body instanceof FormData)) {
    sent["Content-Type"] = "application/json";
    content = JSON.stringify(body);
  }
  const answer = await fetch(path.startsWith("/console/") ? path : `/console/v1${path}`, { method, headers: sent, body: content, signal });
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  const error = new ApiError(answer.status, said.error ?? { message: answer.statusText }, answer.headers.get("retry-after"));
  if (error.code === "not_signed_in") {
    location.assign(`/console/sign-in?to=${encodeURIComponent(location.pathname)}`);
    await new Promise(() => {}); // the page is about to go
  }
  throw error;
}

const json = async (path, options) => (await request(path, options)).json();

/** `query` becomes the address's parameters: undefined, null and "" are left out, arrays are repeated. */
export const get = (path, query = {}, options = {}) => json(path + asQuery(query), options);
export const post = (path, body = {}, options = {}) => json(path, { ...options, method: "POST", body });
export const remove = (path, options = {}) => json(path, { ...options, method: "DELETE" });

/** Every item of a list that comes in pages, at most `most` of them. */
export async function all(path, query = {}, most = 1000) {
  const found = [];
  for (let after; ; ) {
    const page = await get(path, { limit: 100, ...query, after });
    found.push(...page.data);
    if (!page.has_more || page.data.length === 0 || found.length >= most) return found;
    after = page.last_id ?? page.data[page.data.length - 1].id;
  }
}

function asQuery(query) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") params.append(name, one);
    }
  }
  const text = params.toString();
  return text ? `?${text}` : "";
}

export async function signOut() {
  await fetch("/console/sign-out", { method: "POST", headers: { "X-CSRF-Token": meta("csrf") } });
  location.assign("/console/sign-in");
}
