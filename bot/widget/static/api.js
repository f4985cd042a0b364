/** The gateway's chat API as the widget calls it: sessions, messages, and the open stream. */

const PATIENCE_MS = 20_000;
const POLL_SECONDS = 20;

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
    return this.#send("POST", "sessions", body);
  }

  /** Another `locale` or `zone` for what follows. */
  changeSession(session, body) {
    return this.#send("PATCH", "session", body, session);
  }

  /** Where the gateway is. */
  get origin() {
    return new URL(this.#base).origin;
  }

  /** The address of the page where the shopper sees what is kept of them, for a quarter of an hour. */
  ownPage(session) {
    return this.#send("POST", "my-data", undefined, session);
  }

  /** From now on the session opens nothing, here or anywhere. */
  endSession(session) {
    return this.#send("DELETE", "session", undefined, session);
  }

  send(session, body) {
    return this.#send("POST", "messages", body, session);
  }

  /** The response whose body is the event stream after the message numbered `after`. */
  async stream(session, after, signal) {
    return this.#fetch(`stream?after=${after}`, session, { signal, headers: { Accept: "text/event-stream" } });
  }

  /** What the stream would tell, as [name, data]; with `known` only when there is news. */
  async poll(session, after, known, signal) {
    const path = `log?after=${after}&known=${Number(known)}&wait=${POLL_SECONDS}`;
    return (await (await this.#fetch(path, session, { signal })).json()).events;
  }

  async #send(method, path, body, session) {
    const response = await this.#fetch(path, session, {
      method, body: body && JSON.stringify(body), keepalive: true, signal: AbortSignal.timeout(PATIENCE_MS),
      headers: { "Content-Type": "application/json" },
    });
    return response.status === 204 ? null : response.json();
  }

  async #fetch(path, session, { headers, ...how }) {
    const response = await fetch(this.#base + path, {
      ...how, credentials: "omit", cache: "no-store",
      headers: session ? { ...headers, Authorization: `Bearer ${session}` } : headers,
    });
    if (!response.ok) throw await Problem.of(response);
    return response;
  }
}
