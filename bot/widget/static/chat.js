/** The chat: joins the connection and what is seen of it. Fetched when it is first needed. */

import { Connection } from "./connection.js";
import { element } from "./dom.js";
import { Face } from "./face.js";
import { History } from "./history.js";
import { openOwnPage } from "./ownpage.js";
import { Progress } from "./progress.js";
import { Memory } from "./session.js";
import { styleSheet } from "./style.js";
import { watch } from "./surroundings.js";
import { Theme } from "./theme.js";

const OPEN_KEY = "askfirst.open";
const SESSION_KEY = "askfirst.session";
const EVENTS = { order: "purchased", product_view: "viewed", surroundings: "surroundings" };
const LOOK_MS = 10_000; // who looked at a question for longer did not dismiss it

export class Chat {
  #config;
  #words;
  #identity;
  #connection;
  #progress;
  #theme;
  #face;
  #history = new History();
  #news = element("div", { class: "aside", role: "status" });
  #tab = new Memory("sessionStorage");
  #resumed = false;
  #asked = null; // the question that came last, and since when it is to be seen
  #life = new AbortController();

  /** `config` is the loader's: where things are, what the page said, and its launcher. */
  static async start(config) {
    const chat = new Chat();
    await chat.#start(config);
    return chat;
  }

  async #start(config) {
    const { options, host, launcher } = this.#config = config;
    const root = host.shadowRoot;
    await this.#speak();
    this.#identity = { token: options.identity || null, url: options.identityUrl ?? options["identity-url"] };
    for (const [name, given] of config.calls) if (name === "identify") this.#identity.token = given.token;
    this.#connection = new Connection(config.base, this.#identity, {
      page: () => this.#page(), after: () => this.#history.after, tell: this.#tell(),
    });
    this.#resumed = this.#session.present !== null;
    this.#progress = new Progress(config.emit, () => this.#status());
    root.adoptedStyleSheets.push(styleSheet());
    this.#theme = new Theme(root, options.theme);
    this.#face = new Face(root, launcher, this.#acts());
    this.#face.build(this.#words, this.#session.assistant);
    root.append(this.#news);
    this.#watch();
    await this.hear();
  }

  get #session() {
    return this.#connection.session;
  }

  get #outbox() {
    return this.#connection.outbox;
  }

  #tell() {
    return {
      received: (name, data) => this.#receive(name, data),
      pending: (item) => this.#face.show("pending", item),
      made: (answer) => this.#made(answer),
      over: (again) => (again ? this.#begin() : this.#clear()),
      changed: () => this.#status(),
      broken: (error) => this.#config.emit("error", { reason: "connection", message: String(error) }),
    };
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
      else if (name === "setTheme") this.#theme.dress(given);
      else if (name === "stop") this.#stop();
    }
  }

  show({ focus = false, byShopper = focus } = {}) {
    const { panel, log } = this.#face;
    if (byShopper) this.#session.acted();
    this.#tab.write(OPEN_KEY, true);
    const opened = !panel.isOpen;
    panel.open(focus);
    this.#look();
    this.#theme.dress();
    this.#attend();
    this.#paint();
    log.scrollToEnd();
    if (opened) this.#config.emit("open");
  }

  hide(byShopper) {
    const { panel } = this.#face;
    if (!panel.isOpen) return;
    if (byShopper) this.#dismiss();
    this.#tab.write(OPEN_KEY, null);
    panel.close();
    this.#paint();
    this.#config.emit("close");
  }

  #look() {
    if (this.#asked && this.#face.panel.isOpen) this.#asked.since ??= Date.now();
  }

  /** Closed as soon as it was seen, a question is not merely left: the gateway tells the two apart. */
  #dismiss() {
    const { seq, since } = this.#asked ?? {};
    const looked = Date.now() - since;
    this.#asked = null;
    if (looked < LOOK_MS) this.#outbox.add({ event: "dismissed", about: { seq, seconds: looked / 1000 } });
  }

  /** Follows a conversation that is there already, to tell of what is new in it. */
  listen() {
    if (this.#session.present) this.#connection.follow();
  }

  /**
   * Shows the conversation in `view` too, and asks what there is to be asked. Gives how to press
   * one of its buttons and how to take the view away.
   */
  join(view, byShopper) {
    if (byShopper) this.#session.acted();
    this.#face.join(view, this.#history.lines);
    this.#attend();
    return {
      words: this.#words,
      press: (choice) => this.#say(choice),
      leave: () => this.#face.leave(view),
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

  /** The last five are the menu's, in its order, by the name of their words. */
  #acts() {
    return {
      say: (act) => this.#say(act),
      retry: () => this.#connection.retry(),
      close: () => this.#config.close(true),
      person: () => this.#say({ text: this.#words.personText }),
      stop: () => this.#say({ text: this.#words.stopText }),
      yourData: () => openOwnPage(this.#connection.api, () => this.#connection.hold()).catch(() => this.#status()),
      transcript: () => this.#print(),
      notYou: () => this.#startAgain(),
    };
  }

  #watch() {
    watch(this.#life.signal, {
      online: () => { this.#connection.online(); this.#status(); },
      offline: () => this.#status(),
      hidden: () => this.#connection.pause(),
      looked: () => { if (this.#connection.followed) { this.#connection.follow(); this.#paint(); } },
      stored: (key, value) => { if (key === SESSION_KEY) this.#elsewhere(value); },
      recoloured: () => this.#theme.dress(),
    });
  }

  /** Another tab read on, began a new session, or signed out: here it is the same. */
  #elsewhere(value) {
    if (value === null) this.#forget();
    else if (this.#session.refresh()) this.#begin();
    else this.#paint();
  }

  #attend() {
    this.#connection.follow();
    if (this.#history.settled) this.#announce();
  }

  #say({ label, press, text }) {
    this.#session.acted();
    this.#outbox.add(press ? { press, label } : { text });
  }

  /** What the page tells is an occasion to look, never a proof; before the chat began it is none. */
  #track(name, data) {
    const event = EVENTS[name];
    if (!event) this.#config.emit("error", { reason: "track", message: `There is no event ${name}.` });
    else if (this.#connection.followed) {
      const order = name === "order" && data?.id;
      const { place, weather } = name === "surroundings" && data || {};
      this.#outbox.add({ event, about: { place, weather }, ...(order && { id: `order-${order}`.replace(/[^\w-]/g, "-").slice(0, 64) }) });
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
    if (old?.subject) this.#connection.end(old); // that of a stranger ends when the new one takes over
    this.#outbox.clear(this.#session.subject);
    this.#begin();
  }

  #leave() {
    this.#connection.end(this.#session.forget());
    this.#forget();
  }

  #forget() {
    this.#clear(); // first: what is shown no more would be counted as unread
    this.#config.close();
    this.hide();
    this.#identity.token = null;
    this.#connection.leave();
    this.#face.composer.clear();
    this.#config.emit("logout");
  }

  /** Whoever is here now is somebody else: nothing of before is shown to them. */
  #startAgain() {
    this.#leave();
    this.#config.open({ focus: true, byShopper: true });
  }

  #stop() {
    this.#life.abort();
    this.#connection.stop();
    this.#history.stop();
  }

  /** The same conversation in another language; what was said stays as it was said. */
  async #translate() {
    if (this.#config.language() === this.#words.locale) return;
    await this.#speak();
    const { assistant, present } = this.#session;
    this.#face.rebuild(this.#words, assistant, this.#history.lines, this.#outbox.items.filter(({ event }) => !event));
    this.#face.log.live = this.#history.settled;
    this.#status();
    this.#paint();
    if (!present) return;
    const changed = await this.#connection.api.changeSession(present, this.#page()).catch(() => ({}));
    this.#face.panel.title = changed.assistant;
  }

  async #print() {
    const { print } = await import("./transcript.js");
    print(this.#history.lines, this.#words, this.#session.assistant ?? this.#words.title);
  }

  /** A new session has a log of its own. */
  #made(answer) {
    this.#face.panel.title = answer.assistant;
    this.#resumed = false;
    this.#begin();
    this.#progress.begin();
  }

  #begin() {
    this.#clear();
    this.#connection.restart();
  }

  #clear() {
    this.#history.clear();
    this.#face.log.live = false;
    this.#progress.clear();
    this.#face.show("reset");
    this.#status();
    this.#paint();
  }

  #receive(name, data) {
    if (name === "message") this.#message(data);
    if (name === "progress") this.#progress.hear(data);
    this.#status();
    this.#history.settle(() => this.#settle());
  }

  #message(message) {
    if (!this.#history.take(message)) return;
    if (message.from === "shopper") this.#outbox.settle(message.client_message_id);
    else this.#connection.condition.answered();
    this.#face.said(message);
    const { seq, from, kind, choices } = message;
    if (from === "shopper") this.#asked = null;
    else if (choices?.length && this.#history.settled) this.#asked = { seq };
    this.#look();
    if (this.#history.settled) this.#paint();
    this.#config.emit("message", { seq, from, kind });
  }

  /** The log is here: now show what is still unsent. */
  #settle() {
    const { lines, isLongAgo } = this.#history;
    const unsent = this.#outbox.items.filter(({ state, event }) => state !== "sent" && !event);
    for (const item of unsent) this.#face.show("pending", item);
    if (this.#resumed && lines.length && isLongAgo) this.#face.log.resumed(() => this.#startAgain());
    this.#resumed = false;
    if (this.#outbox.items.length) this.#outbox.drain();
    else this.#announce();
    this.#face.log.live = true;
    this.#paint();
  }

  get #shown() {
    return this.#face.panel.isOpen || this.#face.polls > 0;
  }

  /** Tells the assistant that somebody is here, if nothing was said yet or not for long, or by a mail. */
  #announce() {
    const poll = /^#askfirst=(.+)/.exec(location.hash)?.[1];
    if (!(poll || this.#history.isLongAgo) || !this.#shown) return;
    this.#history.touch();
    const entry = this.#config.options.entry || new URLSearchParams(location.search).get("utm_campaign");
    this.#outbox.add({ event: "opened", about: poll ? { poll } : entry && { entry } });
    if (poll) history.replaceState(history.state, "", location.pathname + location.search); // once
  }

  #status() {
    const { condition } = this.#connection;
    this.#face.panel.status(...condition.told(this.#words, this.#progress.person));
  }

  /** What the launcher tells: of the answers that came while nobody looked, in any tab. */
  #paint() {
    const shown = this.#shown;
    if (shown && !document.hidden) this.#session.seen = this.#history.after;
    const unread = shown ? 0 : this.#history.unread(this.#session.seen);
    const news = unread ? this.#words.news(unread) : "";
    if (this.#news.textContent !== news) {
      this.#news.textContent = news;
      this.#config.emit("unread", unread);
    }
    this.#config.paint({ open: this.#face.panel.isOpen, unread, news });
  }
}
