// A shop's engineer at work. Every line marked as an error has to be one.
import { boot, type Askfirst, type Call, type Events, type Theme } from "@askfirst/widget";

const chat: Askfirst = await boot({ gateway: "https://chat.example.com", locale: "de-AT", position: "start" });
const off: () => void = chat.on("question:answered", ({ question, outcome }) => {
  const words: string = question;
  const only: "answered" = outcome;
  console.log(words, only);
});
chat.on("unread", (count) => console.log(count.toFixed()));
chat.on("ready", () => chat.open({ focus: true }));
chat.on("error", ({ reason }) => { if (reason === "load") off(); });
await chat.identify({ token: "a.b.c", userId: 42 });
await chat.track("order", { id: 1042 });
await chat.track("product_view", { sku: "DRS-LIN-03" });
const theme: Theme = { accent: "teal", "font-size": "18px", scheme: "dark" };
await chat.setTheme(theme);
await chat.setLocale("es");
chat.push(["open"], ["identify", { token: "a.b.c" }], ["on", "open", () => {}]);
const queue: Call[] = [["setLocale", "de"]];
window.Askfirst = queue;
const poll: HTMLElement = document.createElement("askfirst-poll");
document.body.append(poll);
const consent = (detail: Events["consent:changed"]) => detail.state === "withdrawn";
chat.on("consent:changed", consent);
chat.destroy();

// @ts-expect-error there is no such event
chat.on("answered", () => {});
// @ts-expect-error nothing that was said is told
chat.on("message", ({ text }) => text);
// @ts-expect-error a token is needed
await chat.identify({ userId: 42 });
// @ts-expect-error an order has an id
await chat.track("order");
// @ts-expect-error a queue holds calls that there are
chat.push(["opne"]);
// @ts-expect-error there is no such corner
await boot({ gateway: "https://chat.example.com", position: "left" });
// @ts-expect-error the module has to know its gateway
await boot({ locale: "de" });
