/** Ways to pass on what the assistant gave, brought only where there are any. No address book is looked at. */

import { element } from "./dom.js";

const ACTS = {
  copy: (text) => navigator.clipboard?.writeText(text),
  sheet: (text) => navigator.share({ text }),
};

/** Addresses to open, a button that copies, and the system's own sheet where there is one. */
export function ways({ links, lang }) {
  const shown = links.filter(({ way }) => way !== "sheet" || navigator.share);
  return element("div", { class: "choices ways", lang }, ...shown.map(button));
}

function button({ way, label, target }) {
  if (!ACTS[way]) {
    const away = target.startsWith("https:") ? { target: "_blank", rel: "noopener noreferrer" } : {};
    return element("a", { href: target, ...away }, label);
  }
  const act = async (event) => {
    const pressed = event.currentTarget;
    try {
      await ACTS[way](target);
      pressed.textContent = `✓ ${label}`;
    } catch { /* closed again, or not allowed here: the words stand above and can be marked */ }
  };
  return element("button", { type: "button", click: act }, label);
}
