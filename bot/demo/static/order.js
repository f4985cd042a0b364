/* What a shop does on its order page: the assistant opens by itself, once for each order. */
(() => {
  "use strict";
  const key = `shop.opened.${document.currentScript.dataset.order}`;
  if (sessionStorage.getItem(key)) return;
  sessionStorage.setItem(key, "yes");
  (window.Askfirst ??= []).push(["open"]);
})();
