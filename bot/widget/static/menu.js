/** What is always at hand beside writing: a person, an end to the questions, a copy, another name. */

import { element, icon } from "./dom.js";

export class Menu {
  #button;
  #list;
  #away = (event) => { if (!event.composedPath().includes(this.element)) this.close(); };

  /** `items` are [label, act]. */
  constructor(label, items) {
    this.#button = element(
      "button",
      { type: "button", class: "more", "aria-label": label, "aria-expanded": "false", click: () => this.#toggle() },
      icon("M5 12h.01M12 12h.01M19 12h.01"),
    );
    this.#list = element("ul", { class: "menu", hidden: true }, ...items.map(([name, act]) => element(
      "li", {}, element("button", { type: "button", click: () => { this.close(); act(); } }, name),
    )));
    this.element = element(
      "div",
      {
        class: "choose",
        keydown: (event) => {
          if (event.key !== "Escape" || !this.close()) return;
          event.preventDefault(); // else a modal dialog closes with it
          event.stopPropagation();
        },
        focusout: ({ relatedTarget }) => { if (relatedTarget && !this.element.contains(relatedTarget)) this.close(); },
      },
      this.#button, this.#list,
    );
  }

  /** Tells whether it was open; the focus that stood in it goes back to its button. */
  close() {
    const open = !this.#list.hidden;
    const inside = this.#list.contains(this.element.getRootNode().activeElement);
    this.#show(false);
    if (open && inside) this.#button.focus();
    return open;
  }

  #toggle() {
    this.#show(this.#list.hidden);
  }

  #show(open) {
    this.#list.hidden = !open;
    this.#button.setAttribute("aria-expanded", String(open));
    if (open) addEventListener("pointerdown", this.#away);
    else removeEventListener("pointerdown", this.#away);
  }
}
