/** The gateway's chat API as the widget calls it: sessions, messages, and the open stream. */

const PATIENCE_MS = 20_000;

/** A refusal by the gateway; `detail` is a sentence fit for a person, `retryAfter` in seconds. */
export class Problem extends Error {
  constructor(status, detail, retryAfter) {
    super(`The gateway answered ${status}`);
    this.status = status;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }

  static async of(response) {
    let detail = "";
    try {
      const body = await response.json();
      if (typeof body.detail === "string") detail = body.detail;
    } catch { /* not a problem document */ }
    return new Problem(response.status, detail, Number(response.headers.get("Retry-After")) || 0);
  }

  /** Will the same request do better later? */
  get passing() {
    return this.status >= 500 || this.status === 408 || this.status === 429;
  }
}

export class Api {
  #base;

  constructor(base) {
    this.#base = new URL("../v1/chat/", base).href;
  }

  createSession(body) {
    return this.#post("sessions", body);
  }

  send(session, body) {
    return this.#post("messages", body, session);
  }

  /** The response whose body is the event stream after the message numbered `after`. */
  async stream(session, after, signal) {
    const headers = { Authorization: `Bearer ${session}`, Accept: "text/event-stream" };
    const response = await fetch(`${this.#base}stream?after=${after}`, {
      headers, signal, credentials: "omit", cache: "no-store",
    });
    if (!response.ok) throw await Problem.of(response);
    return response;
  }

  async #post(path, body, session) {
    const headers = { "Content-Type": "application/json" };
    if (session) headers.Authorization = `Bearer ${session}`;
    const response = await fetch(this.#base + path, {
      method: "POST", headers, body: JSON.stringify(body), credentials: "omit", cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (!response.ok) throw await Problem.of(response);
    return response.json();
  }
}
