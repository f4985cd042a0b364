/** The way to the page where shoppers see and decide what is kept of them. */

/** The tab is opened at once, while the click still counts: its address comes later. */
export async function openOwnPage(api, token) {
  const tab = open("about:blank", "_blank");
  try {
    const { url } = await api.ownPage(await token());
    if (tab) tab.opener = null;
    (tab ?? window).location.assign(new URL(url, api.origin).href);
  } catch (error) {
    tab?.close();
    throw error;
  }
}
