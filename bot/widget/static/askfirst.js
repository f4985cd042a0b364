// The loader: docs/widget.md
(() => {
  "use strict";
  const queued = window.Askfirst ?? [];
  if (!Array.isArray(queued)) return;

  const WORDS = {
    en: ["Open chat", "Close chat", "Chat not loaded, retry"],
    es: ["Abrir chat", "Cerrar chat", "Chat no cargado, reintentar"],
    de: ["Chat öffnen", "Chat schließen", "Chat nicht geladen, erneut versuchen"],
  };
  const STYLE = `
:host{all:initial!important;position:fixed!important;inset:auto 0 0 auto!important;
z-index:var(--askfirst-z-index,2147483000)!important;
color-scheme:light dark!important;font-size:var(--askfirst-font-size,medium)!important;
--accent:var(--askfirst-accent,light-dark(#1d5b4c,#8fd0ba))!important;
--on-accent:light-dark(#fff,#000)!important;--gap:var(--askfirst-gap,20px)!important}
@supports (color:color(from red xyz-d65 x y z)){:host{--white:clamp(0,(.179 - y)*9999,1)!important;
--on-accent:color(from var(--accent) xyz-d65 calc(.9505*var(--white)) var(--white) calc(1.089*var(--white)))!important}}
.launcher{all:unset;position:fixed;cursor:pointer;display:grid;place-items:center;
inset-block-end:max(var(--gap),env(safe-area-inset-bottom));inset-inline-end:var(--gap);
inline-size:56px;block-size:56px;border-radius:50%;background:var(--accent);color:var(--on-accent);
box-shadow:0 6px 20px #00000040}
:host([position=start]) .launcher{inset-inline:var(--gap) auto}
.launcher:before{content:"";inline-size:26px;block-size:26px;background:currentcolor;
clip-path:path(evenodd,"M4 2H22Q25 2 25 5V17Q25 20 22 20H13L7 25V20H4Q1 20 1 17V5Q1 2 4 2ZM7 8V10H19V8ZM7 12V14H15V12Z")}
.launcher[aria-expanded=true]:before{clip-path:polygon(8% 38%,16% 30%,50% 63%,84% 30%,92% 38%,50% 79%)}
.launcher:focus-visible{outline:3px solid var(--ring,var(--accent));outline-offset:3px}
.launcher[aria-busy=true]{opacity:.75}
@media (forced-colors:active){.launcher{border:2px solid}.launcher:before{background:ButtonText!important;forced-color-adjust:none}}
@media print{:host{display:none!important}}:host([hidden]){display:none!important}`;

  const query = (selector) => document.querySelector(selector);
  const make = (name, className) => Object.assign(document.createElement(name), { className });
  const script = document.currentScript ?? query('[src*="widget/askfirst.js"]');
  const options = { ...script?.dataset, ...window.AskfirstSettings };
  const base = new URL(".", options.base ?? script.src).href;
  const listeners = {};
  const calls = [];
  const sheets = [new CSSStyleSheet(), new CSSStyleSheet()];
  const launcher = make("button", "launcher");
  const badge = make("span", "badge");
  let host, chat, wanted, tries = 0;

  function emit(name, detail) {
    for (const listener of listeners[name] ?? []) queueMicrotask(() => listener(detail));
  }

  function language() {
    const tag = options.locale || document.documentElement.lang || navigator.language;
    return Object.keys(WORDS).find((known) => tag.toLowerCase().startsWith(known)) ?? "en";
  }

  function paint({ open = wanted, unread = 0, news, failed } = {}) {
    const label = WORDS[language()][failed ? 2 : open ? 1 : 0];
    launcher.ariaExpanded = !!open;
    launcher.ariaLabel = news ? `${label}, ${news}` : label;
    badge.textContent = unread > 9 ? "9+" : unread;
    badge.hidden = !unread;
  }

  function dress({ accent, scheme }) {
    sheets[1].replaceSync(`:host{${CSS.supports("color", accent) ? `--askfirst-accent:${accent}!important;` : ""}
${/^(light|dark)$/.test(scheme) ? `color-scheme:${scheme}!important` : ""}}`);
  }

  async function load() {
    launcher.ariaBusy = true;
    try {
      const [{ Chat }] = await Promise.all([`chat.js${tries++ ? `?try=${tries}` : ""}`, `words/${language()}.js`]
        .map((name) => import(base + name)));
      return await Chat.start({ base, options, host, launcher, calls, language, emit, paint, open, close });
    } catch (error) {
      chat = wanted = null;
      paint({ failed: true });
      emit("error", { reason: "load", message: String(error) });
    } finally {
      launcher.ariaBusy = false;
    }
  }

  async function open(how) {
    start();
    wanted = true;
    const made = await (chat ??= load());
    if (wanted) made?.show(how);
  }

  async function close(byShopper) {
    wanted = false;
    (await chat)?.hide(byShopper);
  }

  const later = (name, now) => async (...given) => {
    now?.(...given);
    calls.push([name, ...given]);
    await (await chat)?.hear();
  };

  function stores() {
    try { return [localStorage, sessionStorage]; } catch { return []; }
  }
  const kept = (key) => stores().some((store) => key in store);

  const keep = () => host.isConnected || document.body?.append(host);
  const observer = new MutationObserver(keep);

  function start() {
    if (host) return;
    host = query("askfirst-chat") ?? make("askfirst-chat");
    for (const { name, value } of host.attributes) options[name] ??= value;
    if (options.position) host.setAttribute("position", options.position);
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = sheets;
    root.replaceChildren(launcher);
    dress({ ...options.theme, ...options });
    paint();
    keep();
    observer.observe(document.documentElement, { childList: true });
    if (/#askfirst=/.test(location) || kept("askfirst.open")) open();
    else if (kept("askfirst.session")) (chat ??= load()).then((made) => made?.listen());
    if (query("askfirst-poll")) import(`${base}poll.js`);
    emit("ready");
  }

  const api = {
    boot(more) { Object.assign(options, more); start(); },
    open, close: () => close(),
    toggle: () => (wanted ? close() : open()),
    show() { start(); host.hidden = false; },
    hide() { start(); close(); host.hidden = true; },
    on(name, listener) {
      (listeners[name] ??= new Set()).add(listener);
      if (host && name === "ready") listener();
      return () => { listeners[name].delete(listener); };
    },
    identify: later("identify"),
    async logout() {
      wanted = false;
      if (kept("askfirst.session")) api.load();
      await later("logout")();
      for (const store of stores()) {
        for (const key in store) if (key.startsWith("askfirst.")) delete store[key];
      }
    },
    track: later("track"),
    setLocale: later("setLocale", (locale) => { options.locale = locale; paint(); }),
    setTheme: later("setTheme", (theme) => dress(Object.assign(options, theme))),
    destroy() {
      observer.disconnect();
      later("stop")();
      host?.remove();
      delete window.Askfirst;
    },
    push(...waiting) { for (const [name, ...given] of waiting) api[name](...given); },
    load() { start(); return chat ??= load(); },
  };

  sheets[0].replaceSync(STYLE);
  badge.ariaHidden = true;
  launcher.append(badge);
  launcher.onclick = () => (wanted ? close(true) : open({ focus: true, byShopper: true }));
  window.Askfirst = Object.freeze(api);
  const early = () => {
    api.push(...queued);
    if (String(options.autoload) !== "false") start();
  };
  if (document.readyState !== "loading") early();
  else addEventListener("DOMContentLoaded", early);
  dispatchEvent(new Event("askfirst:ready"));
})();
