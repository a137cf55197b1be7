// Back, or a reload, leads to where somebody was: how far they had read, what they had opened and which link they followed stay with the entry in the history of the browser.
import { useState } from "preact/hooks";
import { placeOf, read } from "./routes.js";

const WAIT = 10_000; // milliseconds in which a page may grow to where somebody was
let kept = history.state ?? {}; // of the entry that is shown: `top`, `link` and what has a name
let shown = null; // the place of the page
let arrival = new AbortController(); // until it is aborted the page is on its way, and what scrolls is not somebody

function note(what) {
  kept = { ...kept, ...what };
  history.replaceState(kept, "");
}

// As `useState`, for what is to be the same when somebody comes back.
export function useKept(name, first) {
  const [value, setValue] = useState(kept[name] ?? first);
  return [value, (next) => {
    note({ [name]: next });
    setValue(next);
  }];
}

export function keepPlace() {
  // comes before `hashchange`, and before the browser scrolls by itself
  addEventListener("popstate", () => {
    arrival.abort();
    arrival = new AbortController();
    kept = history.state ?? (placeOf(read()) === shown ? kept : {}); // with another choice the same page keeps what was opened in it
  });
  addEventListener("scrollend", () => arrival.signal.aborted && note({ top: scrollY }));
  addEventListener("click", ({ target }) => {
    const link = target.closest("main a[href]");
    if (link) note({ top: scrollY, link: link.getAttribute("href") });
  }, true);
}

// The page is drawn: goes to where somebody was, or to the top. Where more has been asked for, that is waited for, unless somebody moves.
export function arrive(place) {
  const [isFirst, isSame, { signal }, main] = [shown === null, shown === place, arrival, document.querySelector("main")];
  shown = place;
  if (isSame) {
    note({});
    return arrival.abort();
  }
  const { top = 0, link } = kept;
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
