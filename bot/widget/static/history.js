/** What was said in the conversation so far, by number, as the gateway tells it. */

const SETTLED_MS = 350; // the replay of the log is over when nothing came for so long
const BACK_AFTER_MS = 30 * 60_000; // who comes back after so long is as if newly come

export class History {
  lines = [];
  after = 0;
  settled = false;
  #lastWord = 0;
  #timer = 0;

  /** Tells whether the message is a new one. */
  take(message) {
    if (message.seq <= this.after) return false;
    this.after = message.seq;
    this.#lastWord = Date.parse(message.at) || Date.now();
    this.lines.push(message);
    return true;
  }

  /** How many answers came after the one numbered `seen`. */
  unread(seen) {
    return this.lines.filter(({ from, seq }) => from !== "shopper" && seq > seen).length;
  }

  get isLongAgo() {
    return Date.now() - this.#lastWord >= BACK_AFTER_MS;
  }

  /** Somebody is here, who need not be announced again. */
  touch() {
    this.#lastWord = Date.now();
  }

  /** Calls `act` once, when all that was said before is here. */
  settle(act) {
    if (this.settled) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { this.settled = true; act(); }, SETTLED_MS);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  clear() {
    this.stop();
    this.lines = [];
    this.after = this.#lastWord = 0;
    this.settled = false;
  }
}
