/** The conversation on paper: a page of its own with the words, who said them and when. */

import { element } from "./dom.js";

const STYLE = `body{font:12pt/1.5 system-ui,sans-serif;max-inline-size:42em;margin:2em auto;padding:0 1em;color:#000;background:#fff}
h1{font-size:1.2em}dl{margin:0}dt{margin-block-start:1em;font-size:.85em;color:#444}dd{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
dd ul{margin:.2em 0;padding-inline-start:1.2em}`;

/** Opens it and the browser's own printing, which can save it as a file too. */
export function print(lines, words, title) {
  const page = window.open("", "_blank", "popup,width=720,height=800");
  if (!page) return;
  const { document: paper } = page;
  const sheet = new page.CSSStyleSheet();
  sheet.replaceSync(STYLE);
  paper.adoptedStyleSheets = [sheet];
  paper.title = title;
  paper.documentElement.lang = words.locale;
  const date = new Date().toLocaleDateString(words.locale, { dateStyle: "long" });
  const said = lines.flatMap(({ from, at, lang, text, choices = [] }) => [
    element("dt", {}, `${words[from === "shopper" ? "you" : "assistant"]} ${time(at, words.locale)}`),
    element("dd", { lang, dir: "auto" }, text, choices.length
      ? element("ul", {}, ...choices.map(({ label }) => element("li", {}, label))) : null),
  ]);
  paper.body.replaceChildren(
    element("h1", {}, title), element("p", {}, `${words.printed} ${date}`), element("dl", {}, ...said),
  );
  page.print();
}

function time(at, locale) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  return `(${date.toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" })})`;
}
