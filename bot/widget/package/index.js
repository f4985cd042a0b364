/** Askfirst for shops that bundle: loads the widget from the gateway, never a copy of it. */

/**
 * Boots the chat of a gateway, once for a page; gives it as soon as the launcher can be drawn.
 * `options.gateway` is the address of the gateway, the rest what the script tag's attributes say.
 */
export async function boot({ gateway, ...options }) {
  if (!window.Askfirst?.boot) {
    window.AskfirstSettings = { ...options, autoload: false, base: new URL("/widget/", gateway).href };
    await import(/* webpackIgnore: true */ /* @vite-ignore */ new URL("/widget/askfirst.js", gateway).href);
  }
  window.Askfirst.boot(options);
  return window.Askfirst;
}
