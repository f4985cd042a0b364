/** What the shopper said and the gateway has not yet: sent in order, once each, never lost. */

import { Problem } from "./api.js";
import { Memory } from "./session.js";

const KEY = "askfirst.outbox";
const PAUSES_MS = [800, 2500];

/** Unlike crypto.randomUUID this also works on a plain-http address of a shop's own network. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export class Outbox {
  #owner;
  #post;
  #changed;
  #items = [];
  #draining = false;
  #stopped = false;
  #memory = new Memory("sessionStorage");

  /**
   * `post(body)` sends one, `changed(item)` hears of every new state of an item. What was left
   * unsent before a reload is taken up again, if it was said by the same `owner`.
   */
  constructor({ owner, post, changed }) {
    this.#owner = owner;
    this.#post = post;
    this.#changed = changed;
    const left = this.#memory.read(KEY);
    if (left?.owner === owner) {
      this.#items = left.items.map((item) => ({ ...item, state: "waiting" }));
    }
  }

  get items() {
    return this.#items;
  }

  /** `act` is {text}, {press, label} or {event, about}; one with an `id` of its own goes once. */
  add(act) {
    if (act.id && this.#items.some(({ id }) => id === act.id)) return;
    const item = { id: uuid(), ...act, state: "waiting", detail: "" };
    this.#items.push(item);
    this.#note(item);
    this.drain();
  }

  /** The log shows it: it need not be sent again. */
  settle(id) {
    for (const item of this.#items) if (item.id === id) item.settled = true;
    this.#items = this.#items.filter((item) => !item.settled);
    this.#save();
  }

  /** Tries everything again that is not sent. */
  retry() {
    for (const item of this.#items) {
      if (item.state === "failed" && !item.detail) this.#note(item, "waiting");
    }
    this.drain();
  }

  clear(owner) {
    this.#owner = owner;
    for (const { id } of this.#items) this.settle(id);
    this.#save();
  }

  stop() {
    this.#stopped = true;
  }

  async drain() {
    if (this.#draining) return;
    this.#draining = true;
    let item;
    while (!this.#stopped && (item = this.#items.find(({ state }) => state === "waiting"))) {
      await this.#send(item);
      // Later words must not overtake an earlier one that may still go.
      if (item.state === "failed" && !item.detail) this.#fail();
    }
    this.#draining = false;
  }

  async #send(item) {
    this.#note(item, "sending");
    for (let attempt = 0; !item.settled; attempt += 1) {
      try {
        await this.#post({
          client_message_id: item.id,
          ...(item.event ? { event: item.event, ...item.about } : item.press ? { press: item.press } : { text: item.text }),
        });
        this.#note(item, "sent");
        if (item.event) this.settle(item.id); // an event has no line in the log
        return;
      } catch (error) {
        const refused = error instanceof Problem && !error.passing;
        if (refused || this.#stopped || attempt >= PAUSES_MS.length) {
          this.#note(item, "failed", refused ? error.detail || " " : "");
          return;
        }
        const asked = (error instanceof Problem && error.retryAfter * 1000) || 0;
        await new Promise((resolve) => { setTimeout(resolve, Math.max(asked, PAUSES_MS[attempt])); });
      }
    }
  }

  #fail() {
    for (const item of this.#items) if (item.state === "waiting") this.#note(item, "failed");
  }

  #note(item, state = item.state, detail = "") {
    if (item.settled) return;
    item.state = state;
    item.detail = detail;
    this.#save();
    this.#changed(item);
  }

  #save() {
    const unsent = this.#items.filter(({ state, detail }) => state !== "sent" && !detail);
    this.#memory.write(KEY, unsent.length ? { owner: this.#owner, items: unsent } : null);
  }
}
