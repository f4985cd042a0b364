/*
 * The loader a shop embeds. It draws the launcher; until the chat is opened nothing else is
 * requested and nothing is stored. `askfirst:ready` on window tells that window.Askfirst is there.
 * Events for Askfirst.on: open, close, unread, message, error.
 */
(() => {
  "use strict";
  if (window.Askfirst) return;

  const WORDS = {
    en: ["Open chat", "Close chat", "The chat could not be loaded. Try again"],
    es: ["Abrir el chat", "Cerrar el chat", "No se pudo cargar el chat. Reintentar"],
    de: ["Chat öffnen", "Chat schließen", "Der Chat wurde nicht geladen. Erneut versuchen"],
  };
  const OPEN_KEY = "askfirst.open";
  // Text on the accent is black or white by the accent's luminance (y): always 4.5 to 1 or better.
  const STYLE = `
:host{all:initial;color-scheme:light dark;
--accent:var(--askfirst-accent,light-dark(#1d5b4c,#8fd0ba));
--on-accent:light-dark(#fff,#000);
position:fixed;inset-block-end:0;inset-inline-end:0;z-index:var(--askfirst-z-index,2147483000)}
@supports (color:color(from red xyz-d65 x y z)){:host{--white:clamp(0,(.179 - y)*9999,1);
--on-accent:color(from var(--accent) xyz-d65 calc(.9505*var(--white)) var(--white) calc(1.089*var(--white)))}}
.launcher{all:unset;box-sizing:border-box;position:fixed;cursor:pointer;
inset-block-end:max(20px,env(safe-area-inset-bottom));inset-inline-end:20px;
inline-size:56px;block-size:56px;border-radius:50%;display:grid;place-items:center;
background:var(--accent);color:var(--on-accent);
box-shadow:0 1px 2px rgb(0 0 0/.2),0 6px 20px rgb(0 0 0/.18);transition:transform .15s}
.launcher:hover{transform:translateY(-2px)}
.launcher:focus-visible{outline:3px solid var(--ring,var(--accent));outline-offset:3px}
.launcher[aria-busy=true]{opacity:.75}
.launcher svg{inline-size:26px;block-size:26px;fill:none;stroke:currentcolor;stroke-width:1.8;
stroke-linecap:round;stroke-linejoin:round}
.launcher .shut,.launcher[aria-expanded=true] .talk{display:none}
.launcher[aria-expanded=true] .shut{display:block}
@media (prefers-reduced-motion:reduce){.launcher{transition:none}.launcher:hover{transform:none}}
@media (forced-colors:active){.launcher{border:2px solid}}
@media print{:host{display:none}}`;

  const script = document.currentScript ?? document.querySelector('script[src*="widget/askfirst.js"]');
  const base = new URL(".", script.src).href;
  const language = script.dataset.locale || document.documentElement.lang || navigator.language;
  const locale = Object.keys(WORDS).find((tag) => language.toLowerCase().startsWith(tag)) ?? "en";
  const words = WORDS[locale];
  const listeners = new Map();

  function emit(name, detail) {
    for (const listener of [...(listeners.get(name) ?? [])]) {
      try { listener(detail); } catch (error) { setTimeout(() => { throw error; }); }
    }
  }

  function draw(...paths) {
    return paths.map(([className, d]) => {
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", "0 0 24 24");
      svg.setAttribute("aria-hidden", "true");
      svg.setAttribute("class", className);
      const path = svg.appendChild(document.createElementNS(svg.namespaceURI, "path"));
      path.setAttribute("d", d);
      return svg;
    });
  }

  const host = document.createElement("askfirst-chat");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  const launcher = document.createElement("button");
  const badge = document.createElement("span");
  launcher.type = "button";
  launcher.className = "launcher";
  badge.className = "badge";
  badge.setAttribute("aria-hidden", "true");
  launcher.append(
    ...draw(
      ["talk", "M5 4.5h14a2 2 0 0 1 2 2v8.6a2 2 0 0 1-2 2h-7.2L7 21v-3.9H5a2 2 0 0 1-2-2V6.5a2 2 0 0 1 2-2ZM8 9.2h8M8 12.5h5"],
      ["shut", "M6 9.5l6 6 6-6"],
    ),
    badge,
  );
  root.append(launcher);

  let chat = null;
  let wanted = false;
  let tries = 0;

  function paint({ open = wanted, unread = 0, news = "", failed = false } = {}) {
    launcher.setAttribute("aria-expanded", String(open));
    const label = failed ? words[2] : words[open ? 1 : 0];
    launcher.setAttribute("aria-label", news ? `${label}, ${news}` : label);
    badge.textContent = unread > 9 ? "9+" : String(unread);
    badge.hidden = !unread;
  }

  async function load() {
    launcher.setAttribute("aria-busy", "true");
    try {
      // A browser remembers a module that failed to load: ask again under another name.
      await import(`${base}chat.js${tries++ ? `?try=${tries}` : ""}`);
      await host.start({ base, locale, launcher, paint, emit, identity, close });
      return host;
    } finally {
      launcher.removeAttribute("aria-busy");
    }
  }

  async function open({ focus = false, byShopper = focus } = {}) {
    wanted = true;
    chat ??= load();
    try {
      const element = await chat;
      if (wanted) element.show({ focus, byShopper });
    } catch (error) {
      chat = null;
      wanted = false;
      paint({ failed: true });
      emit("error", { reason: "load", message: String(error) });
    }
  }

  async function close() {
    wanted = false;
    if (chat) (await chat.catch(() => null))?.hide();
  }

  const identity = {
    token: script.dataset.identity || null,
    url: script.dataset.identityUrl || null,
  };

  function keepOnPage() {
    if (!host.isConnected && document.body) document.body.append(host);
  }
  // Shops that swap <body> on navigation keep their one launcher.
  const observer = new MutationObserver(keepOnPage);

  function start() {
    keepOnPage();
    observer.observe(document.documentElement, { childList: true });
    launcher.addEventListener("click", () => (wanted ? close() : open({ focus: true })));
    paint();
    try {
      if (sessionStorage.getItem(OPEN_KEY)) open();
    } catch { /* storage is blocked: nothing to come back to */ }
  }

  window.Askfirst = Object.freeze({
    open: (options) => open(options),
    close,
    toggle: () => (wanted ? close() : open()),
    on(name, listener) {
      listeners.set(name, (listeners.get(name) ?? new Set()).add(listener));
      return () => listeners.get(name).delete(listener);
    },
    async identify({ token }) {
      identity.token = token;
      if (chat) (await chat.catch(() => null))?.identify();
    },
    async logout() {
      identity.token = null;
      wanted = false;
      try {
        for (const store of [localStorage, sessionStorage]) {
          for (const key of Object.keys(store)) if (key.startsWith("askfirst.")) store.removeItem(key);
        }
      } catch { /* storage is blocked: nothing was kept */ }
      if (chat) (await chat.catch(() => null))?.logout();
    },
    destroy() {
      observer.disconnect();
      host.stop?.();
      host.remove();
      listeners.clear();
      delete window.Askfirst;
    },
  });

  if (document.body) start();
  else addEventListener("DOMContentLoaded", start, { once: true });
  window.dispatchEvent(new Event("askfirst:ready"));
})();
