// Small pieces that every page uses.
import { useEffect, useState } from "preact/hooks";
import { html } from "./html.js";
import { at, elsewhere, there } from "./times.js";
import { useKept } from "./place.js";
import { link } from "./routes.js";
import { inputName } from "./words.js";

const LONG = 6_000; // milliseconds after which somebody wonders
export const FIRST = 100; // rows of a list that are drawn at once
const SHAPES = {
  cross: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.5l3.5 3.5L13 4.5",
  clock: "M8 4v4.2l2.6 1.6M8 1.5a6.5 6.5 0 1 0 .01 0z",
  alert: "M8 6v3.2M8 11.6v.1M8 1.8L14.6 13.6H1.4z",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M5 3l8 5-8 5z",
  hourglass: "M4 2h8M4 14h8M5 2c0 4 6 4 6 6s-6 2-6 6M11 2c0 4-6 4-6 6s6 2 6 6",
  circle: "M8 3a5 5 0 1 0 .01 0z",
  skip: "M3 4l6 4-6 4zM12 4v8",
  repeat: "M3 8a5 5 0 0 1 9-3M13 8a5 5 0 0 1-9 3M12 2v3H9M4 14v-3h3",
  box: "M2 5l6-3 6 3v6l-6 3-6-3zM2 5l6 3 6-3M8 8v6",
};

export function useTitle(title) {
  useEffect(() => {
    document.title = `${title} · Headgate`;
  }, [title]);
}

export function Icon({ shape }) {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${SHAPES[shape] ?? SHAPES.circle} /></svg>`;
}

export function Badge({ word, tone, icon }) {
  return html`<span class="badge ${tone}"><${Icon} shape=${icon} />${word}</span>`;
}

export function Time({ moment, date, zone }) {
  if (!moment) return "";
  const other = there(moment, zone);
  return html`<time datetime=${moment} title=${elsewhere(moment, zone)}>${at(moment, date)}</time>${other && html` <span class="note">${other}</span>`}`;
}

export const clock = (cycle) => `${cycle.slice(0, 2)}:${cycle.slice(2)}`;

export function ProductLink({ name, date, cycle }) {
  const product = name.endsWith("#files") ? name.slice(0, -6) : name;
  const [domain, rest] = inputName(name).split("/");
  return html`<a class="product" href=${link(`product/${product}`, { date, cycle })}><span class="domain">${domain}/</span><wbr />${rest}</a>`;
}

export function Outside({ href, children }) {
  return href && /^https:\/\//.test(href) ? html`<a href=${href} target="_blank" rel="noopener noreferrer">${children}</a>` : children;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><p class="title">${title}</p><p>${children}</p></div>`;
}

export function Failure({ error, title = "This could not be answered.", product }) {
  const unknown = product && error.kind === "UnknownProduct";
  return html`<div class="failure" role="alert"><p class="title">${error.status === 401 ? "You are not signed in." : unknown ? "This product is not known." : title}</p>
    <p><${Said} text=${error.message} />${unknown && html`. It was removed, or its name is another one: the <a href=${link("catalog")}>catalog</a> has all.`}</p></div>`;
}

// A sentence of the application, in which commands and keys stand between backquotes.
export function Said({ text = "" }) {
  return text.split("`").map((part, number) => (number % 2 ? html`<code>${part}</code>` : part));
}

export function Loading() {
  const [long, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), LONG);
    return () => clearTimeout(timer);
  }, []);
  return html`<p class="loading" role="status">${long ? "Still loading. A database that sleeps takes about half a minute to wake up." : "Loading…"}</p>`;
}

export function Facts({ facts }) {
  const given = facts.filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false);
  return html`<dl class="facts">${given.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

// Rows in groups that a browser need not lay out before they are seen.
export function chunks(rows, size = 50) {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, number) => rows.slice(number * size, (number + 1) * size));
}

// `columns` are [heading, cell of a row, class]; `caption` is read out. Of a long list the first rows are drawn, and the rest if somebody asks.
export function Table({ caption, columns, rows, id }) {
  const [all, setAll] = useKept(`${caption} all`, false);
  const drawn = all ? rows : rows.slice(0, FIRST);
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${caption}><table>
    <caption class="hidden">${caption}</caption>
    <thead><tr>${columns.map(([name, , style]) => html`<th scope="col" class=${style ?? ""}>${name}</th>`)}</tr></thead>
    ${chunks(drawn).map((chunk, part) => html`<tbody key=${part}>${chunk.map((row, number) => html`<tr key=${id ? id(row) : number}>${columns.map(([, cell, style]) => html`<td class=${style ?? ""}>${cell(row)}</td>`)}</tr>`)}</tbody>`)}
  </table></div>
  ${drawn.length < rows.length && html`<button type="button" class="more" onClick=${() => setAll(true)}>Show all ${rows.length.toLocaleString()}</button>`}`;
}
