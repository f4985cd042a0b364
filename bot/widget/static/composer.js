/** Where the shopper writes: free text is always possible, whatever the assistant asked. */

import { element, icon } from "./dom.js";

const LONGEST = 1000;
const WARN_FROM = 850;

export class Composer {
  #words;
  #say;
  #input;
  #counter;

  /** `say(text)` takes what was written; `focused()` hears that the shopper begins to write. */
  constructor(words, { say, focused }) {
    this.#words = words;
    this.#say = say;
    this.#counter = element("p", { class: "counter", id: "counter", hidden: true });
    this.#input = element("textarea", {
      rows: "1", dir: "auto", enterkeyhint: "send", autocomplete: "off",
      "aria-label": words.write, placeholder: words.write, "aria-describedby": "counter",
      input: () => this.#count(),
      focus: () => focused(),
      keydown: (event) => this.#key(event),
    });
    const send = element(
      "button", { type: "submit", class: "send", "aria-label": words.send },
      icon("M12 19V5M6 11l6-6 6 6"),
    );
    this.element = element(
      "form", { class: "composer", submit: (event) => this.#submit(event) },
      this.#counter, this.#input, send,
    );
  }

  focus() {
    this.#input.focus({ preventScroll: true });
  }

  get draft() {
    return this.#input.value;
  }

  set draft(text) {
    this.#input.value = text;
    this.#count();
  }

  clear() {
    this.draft = "";
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.element.requestSubmit();
  }

  #submit(event) {
    event.preventDefault();
    const text = this.#input.value.trim();
    if (text && text.length <= LONGEST) {
      this.clear();
      this.#say(text);
    }
    this.focus();
  }

  /** Longer text is neither cut nor lost: it says how much is too much, and waits. */
  #count() {
    const { length } = this.#input.value.trim();
    const over = length > LONGEST;
    this.#counter.hidden = length < WARN_FROM;
    this.#counter.textContent = over
      ? this.#words.over(length - LONGEST) : this.#words.left(LONGEST - length);
    this.#counter.classList.toggle("over", over);
    if (over) this.#counter.setAttribute("role", "alert");
    else this.#counter.removeAttribute("role");
    this.#input.setAttribute("aria-invalid", String(over));
  }
}
