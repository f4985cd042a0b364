/** The conversation as it is read: finished messages, in order, each added once. */

import { element } from "./dom.js";

export class Log {
  #words;
  #press;
  #retry;
  #release;
  #rows = new Map(); // by the id the shopper's message was sent under
  #day = new Date().toDateString();

  /**
   * `press(choice)` and `retry()` are the shopper's acts; `release()` is called where the
   * focus stood on something that goes away.
   */
  constructor(words, { press, retry, release }) {
    this.#words = words;
    this.#press = press;
    this.#retry = retry;
    this.#release = release;
    this.element = element("div", {
      class: "log", role: "log", tabindex: "0", "aria-label": words.log, "aria-live": "off",
      "aria-relevant": "additions",
    });
  }

  /** History is not read out; what comes after it is. */
  set live(value) {
    this.element.setAttribute("aria-live", value ? "polite" : "off");
  }

  reset() {
    this.element.replaceChildren();
    this.#rows.clear();
    this.#day = new Date().toDateString();
  }

  assistant(message) {
    this.#date(message.at);
    const row = this.#row("assistant", this.#words.assistant, message.text, message.lang);
    row.dataset.seq = message.seq;
    if (message.choices?.length && !message.closed) row.append(this.#choices(message));
    this.#append(row);
    if (message.links) import("./share.js").then(({ ways }) => row.append(ways(message)));
  }

  /** The gateway's own record of what the shopper said. */
  shopper(message) {
    const row = this.#rows.get(message.client_message_id);
    this.#closeChoices(message.seq);
    if (!row) {
      this.#date(message.at);
      const told = this.#row("shopper", this.#words.you, message.text, message.lang);
      told.dataset.seq = message.seq;
      if (message.client_message_id) this.#rows.set(message.client_message_id, told);
      this.#append(told);
      return;
    }
    row.dataset.seq = message.seq;
    this.#settle(row);
    const last = [...this.element.querySelectorAll("[data-seq]")].at(-1);
    if (last !== row) last.after(row);
  }

  /** What was said here and is on its way, or did not arrive. */
  pending(item) {
    let row = this.#rows.get(item.id);
    if (!row) {
      this.#closeChoices(Infinity);
      row = this.#row("shopper", this.#words.you, item.text ?? item.label);
      this.#rows.set(item.id, row);
      this.#append(row, true);
    }
    this.#settle(row);
    const atEnd = this.#isAtEnd;
    if (item.state === "failed") this.#failed(row, item);
    else if (item.state !== "sent") {
      row.append(element("p", { class: "note slow" }, this.#words.sending));
    }
    if (atEnd) this.scrollToEnd();
  }

  /** What was said before is here again: who is somebody else can say so. */
  resumed(act) {
    this.#append(element(
      "p", { class: "note again" }, `${this.#words.notYouWhy} `,
      element("button", { type: "button", click: act }, this.#words.notYou),
    ));
  }

  scrollToEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }

  #row(from, speaker, text, lang) {
    return element(
      "div", { class: `row ${from}` },
      element("span", { class: "aside" }, `${speaker} `),
      element("p", { class: "bubble", dir: "auto", lang }, text),
    );
  }

  #choices(message) {
    const id = `question-${message.seq}`;
    const buttons = message.choices.map((choice) => element(
      "button", { type: "button", dir: "auto", lang: message.lang, click: () => this.#press(choice) },
      choice.label,
    ));
    const group = element(
      "div", { class: "choices", role: "group", "aria-labelledby": id }, ...buttons,
    );
    queueMicrotask(() => { group.parentElement.querySelector(".bubble").id = id; });
    return group;
  }

  /** A question is answered once: after any later word of the shopper its buttons are gone. */
  #closeChoices(before) {
    for (const group of this.element.querySelectorAll(".choices:not(.ways)")) {
      if (Number(group.parentElement.dataset.seq) >= before) continue;
      const focused = group.contains(group.getRootNode().activeElement);
      group.remove();
      if (focused) this.#release();
    }
  }

  #failed(row, item) {
    const retry = element("button", { type: "button", click: this.#retry }, this.#words.retry);
    const reason = item.detail.trim();
    row.classList.add("failed");
    row.append(element(
      "p", { class: "note", role: "alert" },
      reason ? `${this.#words.unsent}: ${reason}` : `${this.#words.unsent} – `,
      item.detail ? null : retry,
    ));
  }

  #settle(row) {
    const note = row.querySelector(".note");
    const focused = note?.contains(note.getRootNode().activeElement);
    note?.remove();
    row.classList.remove("failed");
    if (focused) this.#release();
  }

  /** Messages of another day say which. */
  #date(at) {
    const date = new Date(at);
    if (Number.isNaN(date.getTime()) || date.toDateString() === this.#day) return;
    this.#day = date.toDateString();
    const text = date.toLocaleDateString(this.#words.locale, { dateStyle: "long" });
    this.element.append(element("p", { class: "day" }, text));
  }

  get #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < 80;
  }

  #append(row, follow = false) {
    const atEnd = this.#isAtEnd;
    this.element.append(row);
    if (follow || atEnd) this.scrollToEnd();
  }
}
