/** Who is talking: one session with the gateway, kept so that a reload finds it again. */

import { Problem } from "./api.js";

const KEY = "askfirst.session";

/** Storage that may be blocked by the browser: reading then gives null, writing does nothing. */
export class Memory {
  #store;

  constructor(name) {
    try { this.#store = globalThis[name]; } catch { this.#store = null; }
  }

  read(key) {
    try { return JSON.parse(this.#store.getItem(key)); } catch { return null; }
  }

  write(key, value) {
    try {
      if (value == null) this.#store.removeItem(key);
      else this.#store.setItem(key, JSON.stringify(value));
    } catch { /* blocked or full: the page itself still remembers */ }
  }
}

/** The customer number inside a JWT, read without trust: only to notice a change of person. */
function subjectOf(token) {
  try {
    const body = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(body)).sub ?? null;
  } catch {
    return null;
  }
}

export class Session {
  #api;
  #describe;
  #identity;
  #durable = new Memory("localStorage");
  #tab = new Memory("sessionStorage");
  #acted = false;
  #current = null;
  #before = null; // the session of somebody unknown, which who signs in may claim
  #other = null; // the session of somebody else, over as soon as there is a new one
  #making = null;
  #found; // whose session there was as the page was loaded

  /** `describe()` gives what the gateway should know of the page: locale, zone, gpc. */
  constructor(api, describe, identity) {
    this.#api = api;
    this.#describe = describe;
    this.#identity = identity;
    this.#found = this.#owner;
    this.#current = this.#remembered();
    const stored = this.#current ? null : this.#stored();
    this.#before = this.#unknown(stored);
    this.#other = stored?.subject && this.subject !== null ? stored.token : null;
    this.#acted = this.#current !== null && this.#tab.read(KEY) === null;
  }

  get assistant() {
    return this.#current?.assistant;
  }

  /** The token of a session that is there already, or null. */
  get present() {
    return this.#current?.token ?? null;
  }

  /** The number of the last line that was seen, in whichever tab. */
  get seen() {
    return this.#current?.seen ?? 0;
  }

  set seen(seq) {
    if (!this.#current || seq <= this.seen) return;
    this.#current.seen = seq;
    this.#keep();
  }

  /** Another tab has changed what is kept: tells whether the session is another one now. */
  refresh() {
    const [before, stored] = [this.#current, this.#remembered()];
    if (!stored || !this.#acted) return false;
    this.#current = stored;
    return before?.token !== stored.token;
  }

  /** Whom the page names now, or null. */
  get subject() {
    return subjectOf(this.#identity.token);
  }

  /** The session's token; `made(answer)` is told when a new session had to be made. */
  async token(made) {
    if (this.#current) return this.#current.token;
    this.#making ??= this.#make(made).finally(() => { this.#making = null; });
    return this.#making;
  }

  /** The gateway no longer knows `token`; another tab may already have a newer one. */
  renew(token) {
    if (this.#current?.token !== token) return;
    const stored = this.#remembered();
    this.#current = stored?.token === token ? null : stored;
    if (!this.#current && this.#mayKeep) this.#durable.write(KEY, {}); // no token; taken away it would mean a logout
    if (!this.#current) this.#tab.write(KEY, null);
  }

  /** The shopper did something: from now on the session outlives the tab. */
  acted() {
    if (this.#acted) return;
    this.#acted = true;
    if (this.#current) this.#keep();
  }

  /** Gives what was there; if nobody was named in it, whoever is named now may claim it. */
  forget() {
    const before = this.#current;
    this.#before = this.#unknown(before);
    this.#current = null;
    this.#acted = false;
    this.#durable.write(KEY, null);
    this.#tab.write(KEY, null);
    return before;
  }

  /** Does the present session belong to whom the page now names? */
  get fits() {
    return this.#current === null || this.#current.subject === this.subject;
  }

  /** What this tab keeps, or all of them do; of the two rather what is of whom the page names. */
  #stored() {
    const kept = [this.#tab.read(KEY), this.#durable.read(KEY)].filter(Boolean);
    return kept.find(({ token, subject }) => token && subject === this.subject) ?? kept[0] ?? null;
  }

  /** Somebody signed in by another tab: a page from before that leaves what is theirs alone. */
  get #mayKeep() {
    return this.subject !== null || [null, this.#found].includes(this.#owner);
  }

  get #owner() {
    return this.#durable.read(KEY)?.subject ?? null;
  }

  /** The token of a session in which nobody was named, if somebody is named now. */
  #unknown(session) {
    if (this.subject === null || session?.subject !== null) return null;
    return session.token ?? null;
  }

  #remembered() {
    const stored = this.#stored();
    if (!stored?.token || stored.subject !== this.subject) return null;
    return stored;
  }

  #keep() {
    const forAll = this.#acted && this.#mayKeep;
    if (this.#mayKeep) this.#durable.write(KEY, forAll ? this.#current : null);
    this.#tab.write(KEY, forAll ? null : this.#current);
  }

  async #make(made) {
    const answer = await this.#ask();
    this.#current = {
      token: answer.session,
      assistant: answer.assistant,
      subject: this.subject,
    };
    if (this.#other) this.#api.endSession(this.#other).catch(() => {}); // it ends by itself, later
    this.#before = this.#other = null;
    this.#keep();
    made?.(answer);
    return answer.session;
  }

  async #ask() {
    const body = this.#describe();
    if (!this.#identity.token) return this.#api.createSession(body);
    const session = this.#before ?? undefined;
    try {
      return await this.#api.createSession({ ...body, session, identity: this.#identity.token });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
    }
    // The page has been open for longer than its identity lives: ask the shop for a new one,
    // and serve the shopper as a stranger where it has none.
    this.#identity.token = await this.#refreshed();
    const identity = this.#identity.token ?? undefined;
    return this.#api.createSession(identity ? { ...body, session, identity } : body);
  }

  async #refreshed() {
    if (!this.#identity.url) return null;
    try {
      const response = await fetch(this.#identity.url, { cache: "no-store" });
      return response.ok ? (await response.text()).trim() : null;
    } catch {
      return null;
    }
  }
}
