/** What is seen of the chat, in one language: the panel and all in it, and polls in the page. */

import { Composer } from "./composer.js";
import { Log } from "./log.js";
import { Menu } from "./menu.js";
import { Panel } from "./panel.js";

const spokenBy = (line) => (line.from === "shopper" ? "shopper" : "assistant");

export class Face {
  #root;
  #launcher;
  #acts;
  #views = new Set();

  /** `acts` are what a shopper can do here: say, retry, person and what else the menu has. */
  constructor(root, launcher, acts) {
    this.#root = root;
    this.#launcher = launcher;
    this.#acts = acts;
  }

  /** Draws all of it anew, in the language of `words`. */
  build(words, title) {
    const { say, retry, close, ...acts } = this.#acts;
    this.#views.delete(this.log);
    this.panel?.remove();
    this.log = new Log(words, { press: say, retry, release: () => this.panel.rest() });
    this.composer = new Composer(words, {
      say: (text) => say({ text }), focused: () => this.panel.grow(),
    });
    const items = Object.entries(acts).map(([name, act]) => [words[name], act]);
    this.panel = new Panel(words, {
      root: this.#root, launcher: this.#launcher, log: this.log, composer: this.composer,
      menu: new Menu(words.menu, items), close,
    });
    this.panel.title = title;
    this.#views.add(this.log);
  }

  /** The same in another language: what was said, what is on its way, what is being written. */
  rebuild(words, title, lines, unsent) {
    const [open, draft] = [this.panel.isOpen, this.composer.draft];
    const focused = this.#root.activeElement && this.#root.activeElement !== this.#launcher;
    this.build(words, title);
    this.composer.draft = draft;
    for (const line of lines) this.log[spokenBy(line)](line);
    for (const item of unsent) this.log.pending(item);
    if (open) this.panel.open(focused);
  }

  /** How many polls show the conversation beside the panel. */
  get polls() {
    return this.#views.size - 1;
  }

  join(view, lines) {
    this.#views.add(view);
    for (const line of lines) view[spokenBy(line)](line);
  }

  leave(view) {
    this.#views.delete(view);
  }

  show(act, what) {
    for (const view of this.#views) view[act]?.(what);
  }

  said(line) {
    this.show(spokenBy(line), line);
  }
}
