/* Makes the calls that the controls stand for, and writes down each with the events that come. */
(() => {
  "use strict";
  const EVENTS = ["ready", "open", "close", "unread", "message", "question:shown", "question:answered",
    "question:skipped", "consent:changed", "handoff:start", "handoff:end", "logout", "error"];
  const THEME = ["accent", "surface", "text", "bubble", "scheme", "radius", "font-size"];
  const log = document.getElementById("log");
  const value = (name) => document.querySelector(`[name="${name}"]`).value;

  function write(kind, text) {
    const line = document.createElement("li");
    line.className = kind;
    line.textContent = text;
    log.append(line);
    log.scrollTop = log.scrollHeight;
  }

  function call(name, ...given) {
    const shown = given.map((one) => JSON.stringify(one, (key, told) => (key === "token" ? "…" : told)));
    write("call", `Askfirst.${name}(${shown.join(", ")})`);
    if (window.Askfirst) window.Askfirst.push([name, ...given]);
    else write("event", "the chat was destroyed: load this page again");
  }

  const ACTS = {
    async identify() {
      const response = await fetch(`/demo/identity?shopper=${encodeURIComponent(value("shopper"))}`);
      call("identify", { token: await response.text() });
    },
    "track-order": () => call("track", "order", { id: Date.now() }),
    "track-view": () => call("track", "product_view", { sku: "DRS-LIN-01" }),
  };

  const CHANGES = {
    position(corner) {
      write("call", `<askfirst-chat position="${corner}">`);
      document.querySelector("askfirst-chat").setAttribute("position", corner);
    },
    direction: (dir) => { document.documentElement.dir = dir; },
    locale: (locale) => call("setLocale", locale),
    shopper: () => {},
  };

  document.addEventListener("click", ({ target }) => {
    const name = target.dataset?.call;
    if (name) (ACTS[name] ?? (() => call(name)))();
  });
  document.addEventListener("change", ({ target: { name, value: chosen } }) => {
    if (THEME.includes(name)) call("setTheme", { [name]: chosen });
    else CHANGES[name]?.(chosen);
  });
  window.Askfirst ??= [];
  for (const name of EVENTS) {
    const hear = (detail) => write("event", detail === undefined ? name : `${name} ${JSON.stringify(detail)}`);
    window.Askfirst.push(["on", name, hear]);
  }
})();
