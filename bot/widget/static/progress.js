/** What became of questions, permissions and the person who was called: told to the page as events. */

export class Progress {
  #emit;
  #changed;
  #known = null;

  /** `emit(name, detail)` tells the page; `changed()` hears that a person came or went. */
  constructor(emit, changed) {
    this.#emit = emit;
    this.#changed = changed;
  }

  get person() {
    return this.#known?.person ?? false;
  }

  /** A new conversation: whatever is heard of it from now on is news. */
  begin() {
    this.#known = { person: false, questions: [], consents: {} };
  }

  /** Another conversation that is there already: what is heard of it first is no news. */
  clear() {
    this.#known = null;
  }

  hear(now) {
    const before = this.#known;
    this.#known = now;
    if (!before) return;
    for (const { ask, question, outcome } of now.questions.toReversed()) {
      const known = before.questions.find((one) => one.ask === ask);
      if (!known) this.#emit("question:shown", { question });
      if (outcome && outcome !== known?.outcome) {
        this.#emit(outcome === "answered" ? "question:answered" : "question:skipped", { question, outcome });
      }
    }
    for (const [purpose, state] of Object.entries(now.consents)) {
      if (before.consents[purpose] !== state) this.#emit("consent:changed", { purpose, state });
    }
    if (now.person !== before.person) {
      this.#emit(now.person ? "handoff:start" : "handoff:end");
      this.#changed();
    }
  }
}
