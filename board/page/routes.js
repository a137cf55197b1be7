// Where the page is: `#/product/core/positions?date=2026-11-20`. Everything that somebody may want to send to a colleague is in the address.
import { signal } from "@preact/signals";

export const route = signal(read());

export function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [page, ...rest] = path.split("/").map(decodeURIComponent);
  const about = Object.fromEntries(new URLSearchParams(query));
  if (!isDate(about.date)) delete about.date;
  return { page: page || "today", rest, about };
}

// The page without the choice that is made in it.
export const placeOf = ({ page, rest }) => [page, ...rest].join("/");

// Whether there is such a date. Somebody may have typed it.
function isDate(text) {
  const noon = /^[12]\d{3}-\d\d-\d\d$/.test(text) ? new Date(`${text}T12:00:00Z`) : NaN;
  return !Number.isNaN(+noon) && noon.toISOString().startsWith(text);
}

export function link(path, about = {}) {
  const given = Object.entries(about).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(given).toString();
  return `#/${path.split("/").map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
}

// The same page with these fields changed; without a new entry in the history of the browser where `quiet`.
export function change(about, quiet = false) {
  const { page, rest, about: now } = route.value;
  const target = link([page, ...rest].join("/"), { ...now, ...about });
  if (quiet) {
    history.replaceState(null, "", target);
    route.value = read();
  } else {
    location.hash = target;
  }
}

// From now on, also what signing in has made of the address.
export function follow() {
  route.value = read();
  addEventListener("hashchange", () => {
    route.value = read();
  });
}
