/** The frame of the chat: a window beside the page, or on a small screen a sheet over it. */

import { element, icon } from "./dom.js";

const SMALL = matchMedia("(max-width: 480px), (max-height: 480px)");
const TOUCH = matchMedia("(pointer: coarse)");

export class Panel {
  #root;
  #launcher;
  #dialog;
  #title;
  #status;
  #text;
  #composer;
  #log;
  #menu;
  #height = new CSSStyleSheet();
  #fit = () => this.#fitKeyboard();
  #turn = () => this.#layOut();
  #peeking = false;

  /** `close()` is called when the shopper closes the panel from inside. */
  constructor(words, { root, launcher, log, composer, menu, close }) {
    this.#root = root;
    this.#launcher = launcher;
    this.#composer = composer;
    this.#log = log.element;
    this.#title = element("h2", { id: "title", dir: "auto" });
    this.title = words.title;
    this.#text = element("span");
    this.#status = element(
      "div", { class: "status", role: "status" },
      element("span", { class: "dots", "aria-hidden": "true" }, ...[1, 2, 3].map(() => element("i"))),
      this.#text,
    );
    this.#dialog = element(
      "dialog",
      {
        class: "panel", id: "panel", "aria-labelledby": "title",
        cancel: (event) => { event.preventDefault(); close(); },
        keydown: (event) => { if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); close(); } },
      },
      element(
        "header", {}, this.#title, menu.element,
        element("button", { type: "button", class: "close", "aria-label": words.close, click: close },
          icon("M6 6l12 12M18 6L6 18")),
      ),
      log.element, this.#status, composer.element,
    );
    root.append(this.#dialog);
    root.adoptedStyleSheets.push(this.#height);
    this.#menu = menu;
    launcher.setAttribute("aria-controls", "panel");
  }

  get isOpen() {
    return this.#dialog.open;
  }

  /** What stands in brackets at the end, that it is automated, has a line of its own. */
  set title(text) {
    if (!text || text === this.#title.textContent) return;
    const [, name, kind] = text.match(/^(.+) (\([^()]+\))$/) ?? [, text];
    this.#title.replaceChildren(name, ...(kind ? [" ", element("span", {}, kind)] : []));
  }

  /** `kind` is "", "quiet" (words only) or "thinking" (with the dots). */
  status(text, kind = "quiet") {
    this.#status.dataset.kind = text ? kind : "";
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }

  /** Opened by the shopper it takes the focus; opened by the page it leaves it where it is. */
  open(focus) {
    if (!this.isOpen) {
      this.#peeking = SMALL.matches && !focus;
      this.#layOut(true);
      SMALL.addEventListener("change", this.#turn);
      visualViewport?.addEventListener("resize", this.#fit);
      this.#fitKeyboard();
    }
    if (focus) this.rest();
  }

  /** The focus goes where writing begins; by touch not, lest the keyboard covers the question. */
  rest() {
    if (TOUCH.matches) this.#log.focus({ preventScroll: true });
    else this.#composer.focus();
  }

  close() {
    if (!this.isOpen) return;
    this.#menu.close();
    const inside = this.#dialog.contains(this.#root.activeElement);
    this.#dialog.close();
    SMALL.removeEventListener("change", this.#turn);
    visualViewport?.removeEventListener("resize", this.#fit);
    if (inside) this.#launcher.focus();
  }

  /** On a small screen a sheet the page opened grows to the full when the shopper writes. */
  grow() {
    if (!this.#peeking) return;
    this.#peeking = false;
    // Not within the event that gave the focus: the browser is still moving it.
    setTimeout(() => { this.#layOut(); });
  }

  remove() {
    this.close();
    this.#dialog.remove();
    this.#root.adoptedStyleSheets = this.#root.adoptedStyleSheets.filter((sheet) => sheet !== this.#height);
  }

  /** A full sheet is modal: the page behind it is inert. Everything else leaves the page usable. */
  #layOut(opening = false) {
    if (!opening && !this.isOpen) return;
    const focused = this.#dialog.contains(this.#root.activeElement) ? this.#root.activeElement : null;
    this.#dialog.classList.toggle("peek", this.#peeking && SMALL.matches);
    this.#dialog.removeAttribute("open");
    if (this.#dialog.matches(":modal")) this.#dialog.close();
    if (SMALL.matches && !this.#peeking) this.#dialog.showModal();
    else this.#dialog.setAttribute("open", ""); // unlike show() this moves no focus
    focused?.focus();
  }

  /** Where the on-screen keyboard covers the page instead of shrinking it. */
  #fitKeyboard() {
    const height = visualViewport?.height;
    this.#height.replaceSync(height ? `:host{--visible:${Math.round(height)}px}` : "");
  }
}
