/** The shop's colours, and what has to be changed in them so that everybody can read. */

const KINDS = { font: "font-family", radius: "width", gap: "width", "font-size": "width" };
const TEXT = 4.5; // WCAG 2.2, 1.4.3
const SHAPE = 3; // and 1.4.11
// What is read on which grounds, and how well it has to stand out.
const PAIRS = [
  ["--text", ["--surface"], TEXT],
  ["--bubble-text", ["--bubble"], TEXT],
  ["--muted", ["--surface"], TEXT],
  ["--alert", ["--surface"], TEXT],
  ["--ring", ["--surface"], SHAPE],
  ["--edge", ["--surface"], SHAPE],
];

/** What the page said of looks, in style sheets that follow whatever changes. */
export class Theme {
  #root;
  #said;
  #sheets = [new CSSStyleSheet(), new CSSStyleSheet()];

  constructor(root, said) {
    this.#root = root;
    this.#said = { ...said };
    root.adoptedStyleSheets.push(...this.#sheets);
  }

  dress(more = {}) {
    const { scheme: _, ...theme } = Object.assign(this.#said, more);
    const [declarations, corrections] = this.#sheets;
    declarations.replaceSync(declared(theme));
    corrections.replaceSync(""); // what was corrected before must not be measured
    corrections.replaceSync(corrected(this.#root));
  }
}

/** The shop's theme as custom properties. What is no value of its kind is left out. */
function declared(theme) {
  const lines = Object.entries(theme).filter(([name, value]) => (
    /^[a-z-]+$/.test(name) && CSS.supports(KINDS[name] ?? "color", value)
  ));
  return `:host{${lines.map(([name, value]) => `--askfirst-${name}:${value}!important;`).join("")}}`;
}

/** The declarations that lift what is too faint on its ground, as it shows right now. */
function corrected(root) {
  const probe = root.appendChild(document.createElement("i"));
  probe.className = "probe";
  const sheet = new CSSStyleSheet();
  root.adoptedStyleSheets.push(sheet);
  const colour = (name) => {
    sheet.replaceSync(`.probe{color:color(from var(${name}) srgb r g b)}`);
    return channels(getComputedStyle(probe).color);
  };
  const lines = PAIRS.flatMap(([name, grounds, least]) => {
    const [ink, ...papers] = [colour(name), ...grounds.map(colour)];
    if (!ink || !papers.every(Boolean)) return [];
    const fit = readable(ink, papers, least);
    return fit === ink && name !== "--bubble-text" ? [] : [`${name}:rgb(${fit.map((part) => Math.round(part * 255)).join(" ")})!important;`];
  });
  root.adoptedStyleSheets = root.adoptedStyleSheets.filter((one) => one !== sheet);
  probe.remove();
  return `:host{${lines.join("")}}`;
}

/** The same colour, mixed with as little black or white as makes it stand out from every ground. */
export function readable(ink, papers, least) {
  const worst = (one) => Math.min(...papers.map((paper) => contrast(one, paper)));
  if (worst(ink) >= least) return ink;
  const pole = worst([0, 0, 0]) > worst([1, 1, 1]) ? 0 : 1;
  for (let share = 0.05; share < 1; share += 0.05) {
    const mixed = ink.map((part) => part + (pole - part) * share);
    if (worst(mixed) >= least + 0.05) return mixed;
  }
  return [pole, pole, pole];
}

export function contrast(one, other) {
  const [bright, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (bright + 0.05) / (dark + 0.05);
}

function luminance(colour) {
  const [r, g, b] = colour.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Red, green and blue from 0 to 1, or null where the browser cannot say. */
function channels(text) {
  const numbers = text.match(/[\d.e+-]+/g)?.map(Number);
  if (text.startsWith("color(srgb")) return numbers.slice(0, 3).map((part) => Math.min(Math.max(part, 0), 1));
  return text.startsWith("rgb") ? numbers.slice(0, 3).map((part) => part / 255) : null;
}
