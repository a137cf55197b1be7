// Back, or a reload, leads to where somebody was: how far they had read, what they had opened and which link they followed stay with the entry in the history of the browser.
import { useState } from "preact/hooks";

const WAIT = 10_000; // milliseconds in which a page may grow to where somebody was
let before = history.state ?? {}; // what was kept of the entry that is shown: `top`, `link` and what has a name
let shown = null; // the page
let arrival = new AbortController(); // until it is aborted the page is on its way, and what scrolls is not somebody

const note = (what) => history.replaceState({ ...history.state, ...what }, "");

// As `useState`, for what is to be the same when somebody comes back.
export function useKept(name, first) {
  const [value, setValue] = useState(history.state?.[name] ?? first);
  return [value, (next) => {
    note({ [name]: next });
    setValue(next);
  }];
}

export function keepPlace() {
  addEventListener("hashchange", () => {
    arrival.abort();
    arrival = new AbortController();
    before = history.state ?? {};
  });
  addEventListener("scrollend", () => arrival.signal.aborted && note({ top: scrollY }));
  addEventListener("click", ({ target }) => {
    const link = target.closest("main a[href]");
    if (link) note({ top: scrollY, link: link.getAttribute("href") });
  }, true);
}

// The page is drawn: goes to where somebody was, or to the top. Where more has been asked for, that is waited for, unless somebody moves.
export function arrive(page) {
  const { top = 0, link } = before;
  const [isFirst, { signal }, main] = [shown === null, arrival, document.querySelector("main")];
  if (shown === page) return arrival.abort();
  shown = page;
  const go = () => {
    scrollTo(0, top);
    const followed = [...main.querySelectorAll("a[href]")].find((each) => each.getAttribute("href") === link);
    if (!isFirst) (followed ?? main).focus({ preventScroll: true });
    if (scrollY >= top - 1) end();
  };
  const grown = new ResizeObserver(go);
  const end = arrival.abort.bind(arrival);
  signal.addEventListener("abort", () => grown.disconnect());
  for (const name of ["wheel", "keydown", "pointerdown"]) addEventListener(name, end, { signal });
  setTimeout(end, WAIT);
  go();
  if (!signal.aborted) grown.observe(main);
}
