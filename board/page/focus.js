// What has the focus keeps it when a refresh draws it elsewhere: a product that is late moves to another list, and its link with it.

export function keepFocus() {
  let held = null;
  const left = () => (held = null); // somebody goes elsewhere
  addEventListener("pointerdown", left, true);
  addEventListener("keydown", ({ key }) => key === "Tab" && left(), true);
  addEventListener("focusin", ({ target }) => (held = target.closest("main a[href]")));
  new MutationObserver(() => {
    if (!held || document.activeElement !== document.body) return;
    const where = held.getAttribute("href");
    (held.isConnected ? held : [...document.querySelectorAll("main a[href]")].find((each) => each.getAttribute("href") === where))?.focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true });
}
