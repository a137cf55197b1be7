// A small Gantt chart: rows with bars over one axis of time, as HTML that can be read and tabbed through.
import { html } from "./html.js";
import { Outside } from "./parts.js";
import { at, lasting } from "./times.js";

export function Bars({ bars, date, now, marks = [] }) {
  if (!bars.length) return html`<p class="quiet">Nothing has happened yet.</p>`;
  const first = Math.min(...bars.map((each) => +new Date(each.from)), ...marks.map((each) => +new Date(each.at)));
  const last = Math.max(first + 60_000, ...bars.map((each) => +new Date(each.to)), ...marks.map((each) => +new Date(each.at)));
  const place = (moment) => `${((+new Date(moment) - first) / (last - first)) * 100}%`;
  return html`<div class="bars">
    <div class="axis" aria-hidden="true"><span></span><div>${ticks(first, last).map((tick) => html`<span key=${tick} style=${{ left: place(tick) }}>${at(tick, date)}</span>`)}</div></div>
    <ul>${bars.map((bar, number) => html`<li key=${number}>
      <span class="name">${bar.row}</span>
      <div class="track"><div class="span ${bar.tone}${bar.open ? " goes-on" : ""}" style=${{ left: place(bar.from), width: `max(3px, ${((+new Date(bar.to) - +new Date(bar.from)) / (last - first)) * 100}%)` }}></div></div>
      <span class="words"><${Outside} href=${bar.link}>${bar.text}</${Outside}>, ${at(bar.from, date)}${bar.open ? `, goes on for ${lasting(bar.from, now)}` : ` to ${at(bar.to, date)}, ${lasting(bar.from, bar.to)}`}</span>
    </li>`)}</ul>
  </div>`;
}

// Round moments of the axis, at most eight.
export function ticks(first, last) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080].map((minutes) => minutes * 60_000);
  const step = steps.find((each) => (last - first) / each <= 7) ?? steps.at(-1);
  const offset = new Date(first).getTimezoneOffset() * 60_000;
  const found = [];
  for (let moment = Math.ceil((first - offset) / step) * step + offset; moment <= last; moment += step) found.push(moment);
  return found;
}
