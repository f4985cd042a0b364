/** <askfirst-chat>: joins session, stream, outbox and panel. Fetched when first opened. */

import { Api, Problem } from "./api.js";
import { Composer } from "./composer.js";
import { element } from "./dom.js";
import { Log } from "./log.js";
import { Outbox } from "./outbox.js";
import { Panel } from "./panel.js";
import { Memory, Session } from "./session.js";
import { Stream } from "./stream.js";
import { styleSheet } from "./style.js";

const OPEN_KEY = "askfirst.open";
const SETTLED_MS = 350; // the replay of the log is over when nothing came for so long
const BREAKS_BEFORE_SAYING_SO = 2;
const BACK_AFTER_MS = 30 * 60_000; // who comes back after so long is as if newly come

class AskfirstChat extends HTMLElement {
  #config;
  #words;
  #api;
  #session;
  #outbox;
  #stream;
  #log;
  #composer;
  #panel;
  #news = element("div", { class: "aside", role: "status" });
  #tab = new Memory("sessionStorage");
  #token = null;
  #after = 0;
  #state = "connecting";
  #breaks = 0;
  #refusal = "";
  #unread = 0;
  #begun = false;
  #settled = false;
  #timer = 0;
  #lastWord = 0;
  #life = new AbortController();

  async start(config) {
    this.#config = config;
    this.#words = (await import(`./words/${config.locale}.js`)).default;
    this.#api = new Api(config.base);
    this.#session = new Session(this.#api, config.locale, config.identity);
    this.#outbox = new Outbox({
      owner: this.#session.subject,
      post: (body) => this.#post(body),
      changed: (item) => { if (!item.event) this.#log.pending(item); },
    });
    this.#stream = new Stream({
      connect: (signal) => this.#connect(signal),
      receive: (name, data) => this.#receive(name, data),
      lost: (error) => this.#lost(error),
    });
    this.#build();
    this.#listen();
  }

  show({ focus, byShopper }) {
    if (byShopper) this.#session.acted();
    this.#tab.write(OPEN_KEY, true);
    this.#panel.open(focus);
    this.#begun = true;
    this.#stream.start();
    this.#unread = 0;
    this.#paint();
    this.#log.scrollToEnd();
    if (this.#settled) this.#announce();
    this.#config.emit("open");
  }

  hide() {
    if (!this.#panel.isOpen) return;
    this.#tab.write(OPEN_KEY, null);
    this.#panel.close();
    this.#paint();
    this.#config.emit("close");
  }

  /** The page names somebody else: their conversation, not the one of before. */
  identify() {
    if (this.#session.fits) return;
    this.#session.forget();
    this.#outbox.clear(this.#session.subject);
    this.#begin();
  }

  logout() {
    this.hide();
    this.#stream.stop();
    this.#begun = false;
    this.#session.forget();
    this.#outbox.clear(null);
    this.#composer.clear();
    this.#clear();
    this.#paint();
  }

  stop() {
    this.#life.abort();
    this.#stream?.stop();
    this.#outbox?.stop();
    clearTimeout(this.#timer);
  }

  #build() {
    const words = this.#words;
    this.#log = new Log(words, {
      press: ({ label, press }) => this.#say({ press, label }),
      retry: () => { this.#outbox.retry(); this.#stream.hurry(); },
      release: () => this.#panel.rest(),
    });
    this.#composer = new Composer(words, {
      say: (text) => this.#say({ text }),
      focused: () => this.#panel.grow(),
    });
    this.shadowRoot.adoptedStyleSheets.push(styleSheet());
    this.#panel = new Panel(words, {
      root: this.shadowRoot,
      launcher: this.#config.launcher,
      log: this.#log,
      composer: this.#composer,
      close: () => this.#config.close(),
    });
    this.#panel.title = this.#session.assistant;
    this.shadowRoot.append(this.#news);
  }

  #listen() {
    const { signal } = this.#life;
    // A connection that lived through an outage may be dead without saying so: begin a new one.
    addEventListener("online", () => {
      if (this.#stream.running) { this.#stream.stop(); this.#stream.start(); }
      this.#status();
      this.#outbox.retry();
    }, { signal });
    addEventListener("offline", () => this.#status(), { signal });
    // A tab nobody looks at holds no connection; it catches up when it is looked at again.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#stream.stop();
      else if (this.#begun) this.#stream.start();
    }, { signal });
  }

  #say(act) {
    this.#session.acted();
    this.#outbox.add(act);
  }

  async #connect(signal) {
    this.#status();
    this.#token = await this.#session.token((answer) => this.#made(answer));
    return this.#api.stream(this.#token, this.#after, signal);
  }

  async #post(body) {
    const token = await this.#session.token((answer) => this.#made(answer));
    try {
      return await this.#api.send(token, body);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      this.#session.renew(token);
      this.#begin();
      return this.#api.send(await this.#session.token((answer) => this.#made(answer)), body);
    }
  }

  /** A new session has a log of its own. */
  #made(answer) {
    this.#panel.title = answer.assistant;
    this.#state = answer.state === "waking" ? "waking" : "connecting";
    this.#begin();
  }

  #begin() {
    this.#clear();
    if (!this.#begun) return;
    this.#stream.stop();
    this.#stream.start();
  }

  #clear() {
    clearTimeout(this.#timer);
    this.#after = 0;
    this.#lastWord = 0;
    this.#unread = 0;
    this.#settled = false;
    this.#log.live = false;
    this.#log.reset();
    this.#status();
  }

  #receive(name, data) {
    this.#breaks = 0;
    this.#refusal = "";
    if (name === "status") this.#state = data.state;
    if (name === "message") this.#message(data);
    this.#status();
    if (this.#settled) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(), SETTLED_MS);
  }

  #message(message) {
    if (message.seq <= this.#after) return;
    this.#after = message.seq;
    this.#lastWord = Date.parse(message.at) || Date.now();
    if (message.from === "shopper") {
      this.#outbox.settle(message.client_message_id);
      this.#log.shopper(message);
    } else {
      if (this.#state === "thinking") this.#state = "ready";
      this.#log.assistant(message);
      if (this.#settled && !this.#panel.isOpen) this.#notice();
    }
    const { seq, from, kind } = message;
    this.#config.emit("message", { seq, from, kind });
  }

  /** The log is here: now show what is still unsent. */
  #settle() {
    this.#settled = true;
    const unsent = this.#outbox.items.filter(({ state }) => state !== "sent");
    for (const item of unsent) if (!item.event) this.#log.pending(item);
    if (this.#outbox.items.length) this.#outbox.drain();
    else this.#announce();
    this.#log.live = true;
  }

  /** Tells the assistant that somebody is here, if nothing was said yet or not for long. */
  #announce() {
    if (Date.now() - this.#lastWord < BACK_AFTER_MS) return;
    this.#lastWord = Date.now();
    this.#outbox.add({ event: "opened" });
  }

  #notice() {
    this.#unread += 1;
    this.#paint();
    this.#config.emit("unread", this.#unread);
  }

  #lost(error) {
    if (error instanceof Problem && error.status === 401) {
      this.#session.renew(this.#token);
      this.#clear();
      return undefined;
    }
    if (error) this.#breaks += 1;
    this.#refusal = error instanceof Problem && error.status < 500 ? error.detail : "";
    this.#status();
    if (error && this.#breaks === BREAKS_BEFORE_SAYING_SO) {
      this.#config.emit("error", { reason: "connection", message: String(error) });
    }
    return error?.retryAfter ? error.retryAfter * 1000 : undefined;
  }

  #status() {
    const words = this.#words;
    const cut = navigator.onLine === false || this.#breaks >= BREAKS_BEFORE_SAYING_SO;
    if (this.#refusal) this.#panel.status(this.#refusal);
    else if (cut) this.#panel.status(words.offline);
    else if (this.#state === "waking") this.#panel.status(words.waking);
    else if (this.#state === "thinking") this.#panel.status(words.thinking, "thinking");
    else this.#panel.status(this.#state === "connecting" ? words.connecting : "");
  }

  #paint() {
    const news = this.#unread ? this.#words.news(this.#unread) : "";
    this.#news.textContent = news;
    this.#config.paint({ open: this.#panel.isOpen, unread: this.#unread, news });
  }
}

customElements.get("askfirst-chat") ?? customElements.define("askfirst-chat", AskfirstChat);
