/** <askfirst-poll>: the open question in the page itself, answered by one tap. */

import { element } from "./dom.js";
import { styleSheet } from "./style.js";

const WORDS = { en: "A question for you", es: "Una pregunta para ti", de: "Eine Frage an dich" };
const CSS = `
:host{all:initial!important;display:block!important;color-scheme:light dark!important;
--accent:var(--askfirst-accent,light-dark(#1d5b4c,#8fd0ba))!important;--on-accent:light-dark(#fff,#000)!important}
:host([hidden]){display:none!important}
section{padding:18px 20px;border:1px solid var(--line);border-radius:var(--radius);background:var(--surface);color:var(--text)}
p{margin:0 0 10px;overflow-wrap:anywhere}div:last-child>p:last-child{margin:0}
.invite,.own{min-block-size:44px;background:none;color:inherit}
.invite{padding:8px 20px;border:1px solid var(--ring);border-radius:22px;font-weight:600}
.invite:hover{background:var(--bubble)}
.own{padding:6px 0;border:0;margin-block:6px -8px;color:var(--muted);text-decoration:underline}
.choices{margin-block-start:14px}`;

class AskfirstPoll extends HTMLElement {
  #card = element("section");
  #said = element("div", { role: "status" });
  #place = element("div");
  #chat = null;
  #joined = null;

  connectedCallback() {
    if (this.#joined) this.#joined = this.#chat.join(this, false); // moved to another place of the page
    if (this.shadowRoot) return;
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [styleSheet(CSS), styleSheet()];
    this.#card.append(this.#said, this.#place);
    root.append(this.#card);
    if (this.getAttribute("consent") === "given") this.#seen();
    else this.#invite();
  }

  disconnectedCallback() {
    this.#joined?.leave();
  }

  /** Where nothing may be asked for yet, the shopper's own tap is what asks. */
  #invite() {
    const tag = this.lang || document.documentElement.lang || navigator.language;
    const label = this.getAttribute("label") || WORDS[tag.slice(0, 2).toLowerCase()] || WORDS.en;
    const button = element("button", { type: "button", class: "invite", click: () => this.#join(true) }, label);
    this.#place.replaceChildren(button);
  }

  /** Consent was given to the shop's own banner: it asks as soon as it is looked at. */
  #seen() {
    const watcher = new IntersectionObserver(([{ isIntersecting }]) => {
      if (!isIntersecting) return;
      watcher.disconnect();
      this.#join(false);
    });
    watcher.observe(this.#card);
  }

  async #join(byShopper) {
    const chat = await window.Askfirst?.load();
    if (!chat || this.#joined) return;
    this.#place.replaceChildren();
    this.#chat = chat;
    this.#joined = chat.join(this, byShopper);
  }

  reset() {
    this.#said.replaceChildren();
    this.#place.replaceChildren();
  }

  assistant({ text, lang, choices, closed }) {
    this.#said.append(element("p", { lang, dir: "auto" }, text));
    this.#place.replaceChildren();
    if (choices?.length && !closed) queueMicrotask(() => this.#offer({ text, lang, choices }));
  }

  shopper() {
    this.reset();
  }

  pending({ text, label, state }) {
    if (state !== "failed") return;
    this.reset();
    const { words } = this.#joined;
    this.#said.append(element("p", { dir: "auto" }, `${words.unsent}: ${text ?? label}`));
    this.#own();
  }

  #offer({ text, lang, choices }) {
    const { press } = this.#joined;
    this.#place.replaceChildren(element(
      "div", { class: "choices", role: "group", "aria-label": text },
      ...choices.map((choice) => element(
        "button", { type: "button", dir: "auto", lang, click: () => { this.#place.replaceChildren(); press(choice); } },
        choice.label,
      )),
    ));
    this.#own();
  }

  #own() {
    const { words } = this.#joined;
    this.#place.append(element(
      "button",
      { type: "button", class: "own", click: () => window.Askfirst.open({ focus: true, byShopper: true }) },
      words.words,
    ));
  }
}

customElements.get("askfirst-poll") ?? customElements.define("askfirst-poll", AskfirstPoll);
