/** What a shop's page says of the chat; each is also an attribute of the script tag (`data-…`). */
export interface Options {
  /** Language of the chat: `en`, `es` or `de`, with or without a region. Default: the page's. */
  locale?: string;
  /** A JWT signed by the shop that says who is signed in. */
  identity?: string;
  /** Where the page fetches a new one, as text, when that ran out. */
  identityUrl?: string;
  /** What brought the shopper to this page: an entry of `entries.yml`. Default: its `utm_campaign`. */
  entry?: string;
  /** The corner, in the page's direction of writing. Default: `end`. */
  position?: "start" | "end";
  /** The shop's colour. */
  accent?: string;
  /** Default: what the shopper's system prefers. */
  scheme?: "light" | "dark";
  theme?: Theme;
}

/** Colours are CSS colours; what is too faint to be read is corrected. */
export interface Theme {
  accent?: string;
  surface?: string;
  text?: string;
  muted?: string;
  line?: string;
  bubble?: string;
  scheme?: "light" | "dark";
  /** CSS lengths. */
  radius?: string;
  gap?: string;
  "font-size"?: string;
  /** A CSS font-family. */
  font?: string;
}

export type Outcome =
  | "answered" | "declined" | "skipped" | "dont_know" | "no_preference" | "not_relevant"
  | "already_sorted" | "unclear" | "ignored" | "dismissed" | "withdrawn" | "sensitive";

export type ConsentState = "given" | "refused" | "withdrawn" | "objected" | "expired";

/** What a page may hear. Never what was said. */
export interface Events {
  ready: undefined;
  open: undefined;
  close: undefined;
  logout: undefined;
  unread: number;
  message: { seq: number; from: "assistant" | "shopper"; kind: string };
  "question:shown": { question: string };
  "question:answered": { question: string; outcome: "answered" };
  "question:skipped": { question: string; outcome: Exclude<Outcome, "answered"> };
  "consent:changed": { purpose: string; state: ConsentState };
  "handoff:start": undefined;
  "handoff:end": undefined;
  error: { reason: "load" | "connection" | "identity" | "track"; message: string };
}

export interface OpenOptions {
  /** Move the focus into the chat: only where the shopper asked for it. */
  focus?: boolean;
}

export interface Askfirst {
  boot(options?: Options): void;
  open(options?: OpenOptions): Promise<void>;
  close(): Promise<void>;
  toggle(): Promise<void>;
  show(): void;
  hide(): void;
  on<Name extends keyof Events>(name: Name, listener: (detail: Events[Name]) => void): () => void;
  /** `userId`, if given, must be the one that the token names. */
  identify(who: { token: string; userId?: string | number }): Promise<void>;
  logout(): Promise<void>;
  track(name: "order", order: { id: string | number }): Promise<void>;
  track(name: "product_view", product?: { sku: string }): Promise<void>;
  /** Where the shopper is, by short words of the shop's own: kept under their permission alone. */
  track(name: "surroundings", where?: { place?: string; weather?: string }): Promise<void>;
  setLocale(locale: string): Promise<void>;
  setTheme(theme: Theme): Promise<void>;
  destroy(): void;
  /** Makes calls, as the queue before loading does: `push(["open"])`. */
  push(...calls: Call[]): void;
}

/** A call as it waits in the queue: the method's name, then what it is given. */
export type Call = {
  [Name in Exclude<keyof Askfirst, "push">]: [Name, ...Parameters<Askfirst[Name]>];
}[Exclude<keyof Askfirst, "push">];

export function boot(options: Options & { gateway: string }): Promise<Askfirst>;

declare global {
  interface Window {
    /** A queue of calls until the loader is there, then the chat itself. */
    Askfirst?: Askfirst | Call[];
  }
  interface HTMLElementTagNameMap {
    "askfirst-chat": HTMLElement;
    "askfirst-poll": HTMLElement;
  }
}
