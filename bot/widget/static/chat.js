/** The chat: joins session, stream, outbox and what shows them. Fetched when it is first needed. */

import { Api, Problem } from "./api.js";
import { Composer } from "./composer.js";
import { element } from "./dom.js";
import { Log } from "./log.js";
import { Menu } from "./menu.js";
import { Outbox } from "./outbox.js";
import { Panel } from "./panel.js";
import { Progress } from "./progress.js";
import { Memory, Session } from "./session.js";
import { Stream } from "./stream.js";
import { styleSheet } from "./style.js";
import { corrected, declared } from "./theme.js";

const OPEN_KEY = "askfirst.open";
const SESSION_KEY = "askfirst.session";
const SETTLED_MS = 350; // the replay of the log is over when nothing came for so long
const BREAKS_BEFORE_SAYING_SO = 2;
const BACK_AFTER_MS = 30 * 60_000; // who comes back after so long is as if newly come
const EVENTS = { order: "purchased", product_view: "viewed" };
const SCHEME = matchMedia("(prefers-color-scheme: dark)");

export class Chat {
  #config;
  #root;
  #words;
  #api;
  #identity;
  #session;
  #outbox;
  #stream;
  #progress;
  #log;
  #composer;
  #panel;
  #views = new Set();
  #lines = [];
  #news = element("div", { class: "aside", role: "status" });
  #tab = new Memory("sessionStorage");
  #theme = {};
  #sheets = [new CSSStyleSheet(), new CSSStyleSheet()];
  #token = null;
  #after = 0;
  #state = "connecting";
  #breaks = 0;
  #refusal = "";
  #polls = 0;
  #begun = false;
  #resumed = false;
  #settled = false;
  #timer = 0;
  #lastWord = 0;
  #life = new AbortController();

  /** `config` is the loader's: where things are, what the page said, and its launcher. */
  static async start(config) {
    const chat = new Chat();
    await chat.#start(config);
    return chat;
  }

  async #start(config) {
    const { options } = this.#config = config;
    this.#root = config.host.shadowRoot;
    await this.#speak();
    this.#api = new Api(config.base);
    this.#identity = { token: options.identity || null, url: options.identityUrl ?? options["identity-url"] };
    for (const [name, given] of config.calls) if (name === "identify") this.#identity.token = given.token;
    this.#session = new Session(this.#api, () => this.#page(), this.#identity);
    this.#resumed = this.#session.present !== null;
    this.#outbox = new Outbox({
      owner: this.#session.subject,
      post: (body) => this.#post(body),
      changed: (item) => { if (!item.event) this.#show("pending", item); },
    });
    this.#stream = new Stream({
      connect: async (signal) => this.#api.stream(await this.#present(), this.#after, signal),
      poll: async (signal, known) => this.#api.poll(await this.#present(), this.#after, known, signal),
      receive: (name, data) => this.#receive(name, data),
      lost: (error) => this.#lost(error),
    });
    this.#progress = new Progress(config.emit, () => this.#status());
    this.#root.adoptedStyleSheets.push(styleSheet(), ...this.#sheets);
    Object.assign(this.#theme, options.theme);
    this.#build();
    this.#root.append(this.#news);
    this.#listen();
    await this.hear();
  }

  /** Takes the calls that the page made meanwhile. */
  async hear() {
    const { calls } = this.#config;
    while (calls.length) {
      const [name, given, more] = calls.shift();
      if (name === "identify") this.#identify(given);
      else if (name === "logout") this.#leave();
      else if (name === "track") this.#track(given, more);
      else if (name === "setLocale") await this.#translate();
      else if (name === "setTheme") this.#dress(given);
      else if (name === "stop") this.#stop();
    }
  }

  show({ focus = false, byShopper = focus } = {}) {
    if (byShopper) this.#session.acted();
    this.#tab.write(OPEN_KEY, true);
    const opened = !this.#panel.isOpen;
    this.#panel.open(focus);
    this.#dress();
    this.#attend();
    this.#paint();
    this.#log.scrollToEnd();
    if (opened) this.#config.emit("open");
  }

  hide() {
    if (!this.#panel.isOpen) return;
    this.#tab.write(OPEN_KEY, null);
    this.#panel.close();
    this.#paint();
    this.#config.emit("close");
  }

  /** Follows a conversation that is there already, to tell of what is new in it. */
  listen() {
    if (this.#session.present) this.#follow();
  }

  /**
   * Shows the conversation in `view` too, and asks what there is to be asked. Gives how to press
   * one of its buttons and how to take the view away.
   */
  join(view, byShopper) {
    if (byShopper) this.#session.acted();
    this.#polls += 1;
    this.#views.add(view);
    for (const line of this.#lines) view[line.from === "shopper" ? "shopper" : "assistant"](line);
    this.#attend();
    return {
      words: this.#words,
      press: (choice) => this.#say(choice),
      leave: () => { this.#views.delete(view); this.#polls -= 1; },
    };
  }

  async #speak() {
    this.#words = (await import(`./words/${this.#config.language()}.js`)).default;
  }

  #page() {
    return {
      locale: this.#words.locale,
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      gpc: navigator.globalPrivacyControl === true,
    };
  }

  #build() {
    const words = this.#words;
    this.#log = new Log(words, {
      press: (choice) => this.#say(choice),
      retry: () => { this.#outbox.retry(); this.#stream.hurry(); },
      release: () => this.#panel.rest(),
    });
    this.#composer = new Composer(words, {
      say: (text) => this.#say({ text }),
      focused: () => this.#panel.grow(),
    });
    this.#panel = new Panel(words, {
      root: this.#root,
      launcher: this.#config.launcher,
      log: this.#log,
      composer: this.#composer,
      menu: new Menu(words.menu, [
        [words.person, () => this.#say({ text: words.personText })],
        [words.stop, () => this.#say({ text: words.stopText })],
        [words.yourData, () => this.#showData()],
        [words.transcript, () => this.#print()],
        [words.notYou, () => this.#startAgain()],
      ]),
      close: () => this.#config.close(),
    });
    this.#panel.title = this.#session.assistant;
    this.#views.add(this.#log);
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
      else if (this.#begun) { this.#stream.start(); this.#paint(); }
    }, { signal });
    addEventListener("storage", (event) => this.#elsewhere(event), { signal });
    SCHEME.addEventListener("change", () => this.#dress(), { signal });
  }

  /** Another tab read on, began a new session, or signed out: here it is the same. */
  #elsewhere({ key, newValue, storageArea }) {
    if (key !== SESSION_KEY || storageArea !== localStorage) return;
    if (newValue === null) this.#forget();
    else if (this.#session.refresh()) this.#begin();
    else this.#paint();
  }

  #attend() {
    this.#follow();
    if (this.#settled) this.#announce();
  }

  #follow() {
    this.#begun = true;
    if (!document.hidden) this.#stream.start();
  }

  #say({ label, press, text }) {
    this.#session.acted();
    this.#outbox.add(press ? { press, label } : { text });
  }

  /** What the page tells is an occasion to look, never a proof; before the chat began it is none. */
  #track(name, data) {
    const event = EVENTS[name];
    if (!event) this.#config.emit("error", { reason: "track", message: `There is no event ${name}.` });
    else if (this.#begun) {
      const order = name === "order" && data?.id;
      this.#outbox.add({ event, ...(order && { id: `order-${order}`.replace(/[^\w-]/g, "-").slice(0, 64) }) });
    }
  }

  /** The page names somebody: their conversation, not the one of before. */
  #identify({ token = null, userId }) {
    const before = this.#identity.token;
    this.#identity.token = token;
    if (userId != null && String(userId) !== this.#session.subject) {
      this.#identity.token = before;
      this.#config.emit("error", { reason: "identity", message: "The token names somebody else." });
      return;
    }
    if (this.#session.fits) return;
    const old = this.#session.forget();
    if (old?.subject) this.#end(old.token); // that of a stranger ends when the new one takes over
    this.#outbox.clear(this.#session.subject);
    this.#begin();
  }

  #leave() {
    const old = this.#session.forget();
    if (old) this.#end(old.token);
    this.#forget();
  }

  #forget() {
    this.#config.close();
    this.hide();
    this.#stream.stop();
    this.#begun = false;
    this.#identity.token = null;
    this.#session.forget();
    this.#outbox.clear(null);
    this.#composer.clear();
    this.#clear();
    this.#config.emit("logout");
  }

  /** Whoever is here now is somebody else: nothing of before is shown to them. */
  #startAgain() {
    this.#leave();
    this.#config.open({ focus: true, byShopper: true });
  }

  #end(token) {
    this.#api.endSession(token).catch(() => {}); // it ends by itself, later
  }

  #stop() {
    this.#life.abort();
    this.#stream.stop();
    this.#outbox.stop();
    clearTimeout(this.#timer);
  }

  /** The same conversation in another language; what was said stays as it was said. */
  async #translate() {
    if (this.#config.language() === this.#words.locale) return;
    await this.#speak();
    const [open, draft] = [this.#panel.isOpen, this.#composer.draft];
    const focused = this.#root.activeElement && this.#root.activeElement !== this.#config.launcher;
    this.#views.delete(this.#log);
    this.#panel.remove();
    this.#build();
    this.#composer.draft = draft;
    for (const line of this.#lines) this.#log[line.from === "shopper" ? "shopper" : "assistant"](line);
    for (const item of this.#outbox.items) if (!item.event) this.#log.pending(item);
    this.#log.live = this.#settled;
    if (open) this.#panel.open(focused);
    this.#status();
    this.#paint();
    if (!this.#session.present) return;
    const { assistant } = await this.#api.changeSession(this.#session.present, this.#page()).catch(() => ({}));
    this.#panel.title = assistant;
  }

  #dress(more = {}) {
    Object.assign(this.#theme, more);
    const { scheme: _, ...theme } = this.#theme;
    this.#sheets[0].replaceSync(declared(theme));
    this.#sheets[1].replaceSync("");
    this.#sheets[1].replaceSync(corrected(this.#root));
  }

  async #print() {
    const { print } = await import("./transcript.js");
    print(this.#lines, this.#words, this.#session.assistant ?? this.#words.title);
  }

  /** Opens the page at once, while the click still counts: its address comes later. */
  async #showData() {
    const page = open("about:blank", "_blank");
    try {
      const { url } = await this.#api.ownPage(await this.#session.token((answer) => this.#made(answer)));
      if (page) page.opener = null;
      (page ?? window).location.assign(new URL(url, this.#api.origin).href);
    } catch {
      page?.close();
      this.#status();
    }
  }

  async #present() {
    this.#status();
    this.#token = await this.#session.token((answer) => this.#made(answer));
    return this.#token;
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
    this.#resumed = false;
    this.#begin();
    this.#progress.begin();
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
    this.#lines = [];
    this.#settled = false;
    this.#log.live = false;
    this.#progress.clear();
    this.#show("reset");
    this.#status();
    this.#paint();
  }

  #show(act, what) {
    for (const view of this.#views) view[act]?.(what);
  }

  #receive(name, data) {
    this.#breaks = 0;
    this.#refusal = "";
    if (name === "status") this.#state = data.state;
    if (name === "message") this.#message(data);
    if (name === "progress") this.#progress.hear(data);
    this.#status();
    if (this.#settled) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(), SETTLED_MS);
  }

  #message(message) {
    if (message.seq <= this.#after) return;
    this.#after = message.seq;
    this.#lastWord = Date.parse(message.at) || Date.now();
    this.#lines.push(message);
    if (message.from === "shopper") {
      this.#outbox.settle(message.client_message_id);
      this.#show("shopper", message);
    } else {
      if (this.#state === "thinking") this.#state = "ready";
      this.#show("assistant", message);
    }
    if (this.#settled) this.#paint();
    const { seq, from, kind } = message;
    this.#config.emit("message", { seq, from, kind });
  }

  /** The log is here: now show what is still unsent. */
  #settle() {
    this.#settled = true;
    const unsent = this.#outbox.items.filter(({ state }) => state !== "sent");
    for (const item of unsent) if (!item.event) this.#show("pending", item);
    if (this.#resumed && this.#lines.length && this.#isLongAgo) this.#log.resumed(() => this.#startAgain());
    this.#resumed = false;
    if (this.#outbox.items.length) this.#outbox.drain();
    else this.#announce();
    this.#log.live = true;
    this.#paint();
  }

  get #isLongAgo() {
    return Date.now() - this.#lastWord >= BACK_AFTER_MS;
  }

  /** Tells the assistant that somebody is here, if nothing was said yet or not for long. */
  #announce() {
    if (!this.#isLongAgo || !(this.#panel.isOpen || this.#polls)) return;
    this.#lastWord = Date.now();
    this.#outbox.add({ event: "opened" });
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
    else if (this.#progress.person) this.#panel.status(words.handoff);
    else if (this.#state === "waking") this.#panel.status(words.waking);
    else if (this.#state === "thinking") this.#panel.status(words.thinking, "thinking");
    else this.#panel.status(this.#state === "connecting" ? words.connecting : "");
  }

  /** What the launcher tells: of the answers that came while nobody looked, in any tab. */
  #paint() {
    const shown = this.#panel.isOpen || this.#polls > 0;
    if (shown && !document.hidden) this.#session.seen = this.#after;
    const { seen } = this.#session;
    const unread = shown ? 0
      : this.#lines.filter(({ from, seq }) => from !== "shopper" && seq > seen).length;
    const news = unread ? this.#words.news(unread) : "";
    if (this.#news.textContent !== news) {
      this.#news.textContent = news;
      this.#config.emit("unread", unread);
    }
    this.#config.paint({ open: this.#panel.isOpen, unread, news });
  }
}
