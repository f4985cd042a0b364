/** What the browser tells around the chat: of the network, of the tab, of other tabs, of colours. */

const SCHEME = matchMedia("(prefers-color-scheme: dark)");

/** Calls what there is to hear of it, until `signal` ends that. */
export function watch(signal, { online, offline, hidden, looked, stored, recoloured }) {
  const to = { signal };
  addEventListener("online", online, to);
  addEventListener("offline", offline, to);
  document.addEventListener("visibilitychange", () => (document.hidden ? hidden : looked)(), to);
  addEventListener("storage", ({ key, newValue, storageArea }) => {
    if (storageArea === localStorage) stored(key, newValue);
  }, to);
  SCHEME.addEventListener("change", recoloured, to);
}
