/** How it stands with the assistant and the way to it: the line below the log. */

import { Problem } from "./api.js";

const BREAKS_BEFORE_SAYING_SO = 2;

export class Condition {
  #state = "connecting";
  #breaks = 0;
  #refusal = "";

  /** A new session: the gateway says whether the assistant is awake. */
  begin(state) {
    this.#state = state === "waking" ? "waking" : "connecting";
  }

  /** Something came, so the way is open; `state` where the assistant says how it is. */
  heard(state) {
    this.#breaks = 0;
    this.#refusal = "";
    if (state) this.#state = state;
  }

  answered() {
    if (this.#state === "thinking") this.#state = "ready";
  }

  /** The connection broke, or ended without an error; tells whether the page should hear of it. */
  lost(error) {
    if (error) this.#breaks += 1;
    this.#refusal = error instanceof Problem && error.status < 500 ? error.detail : "";
    return Boolean(error) && this.#breaks === BREAKS_BEFORE_SAYING_SO;
  }

  /** The words and how they are shown; `person` while one from the shop is called. */
  told(words, person) {
    if (this.#refusal) return [this.#refusal];
    if (navigator.onLine === false || this.#breaks >= BREAKS_BEFORE_SAYING_SO) return [words.offline];
    if (person) return [words.handoff];
    if (this.#state === "thinking") return [words.thinking, "thinking"];
    return [{ waking: words.waking, connecting: words.connecting }[this.#state] ?? ""];
  }
}
