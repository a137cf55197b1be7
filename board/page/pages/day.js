// The whole day: every run as a bar, grouped by domain, with what is due.
import { useEffect, useRef, useState } from "preact/hooks";
import { Filters } from "../bar.js";
import { date, day, now, rows } from "../day.js";
import { DayDrawing, HEIGHT } from "../day_drawing.js";
import { forecastFor } from "../forecast.js";
import { html } from "../html.js";
import { Badge, Empty, Loading, ProductLink, Table, Time, useTitle } from "../parts.js";
import { link, route } from "../routes.js";
import { longDate } from "../times.js";
import { sentence, shown } from "../words.js";

export function Day() {
  useTitle("Day");
  const [asTable, setAsTable] = useState(false);
  if (!day.value) return html`<${Loading} />`;
  const its = rows.value.filter((row) => row.opened_at || row.due_at || row.finished_at).map((row) => (row.finished_at ? row : { ...row, expected: forecastFor(row)?.expected }));
  return html`
    <div class="head"><h1>${longDate(date.value)}</h1><${Filters} />
      <button type="button" aria-pressed=${asTable} onClick=${() => setAsTable(!asTable)}>${asTable ? "Show the chart" : "Show as a table"}</button></div>
    ${its.length === 0 ? html`<${Empty} title="No runs">No product that is chosen has a run on this date.</${Empty}>` : asTable ? html`<${AsTable} rows=${its} />` : html`<${Chart} rows=${its} />`}`;
}

function Chart({ rows }) {
  const canvas = useRef(null);
  const holder = useRef(null);
  const drawing = useRef(null);
  useEffect(() => {
    drawing.current = new DayDrawing(canvas.current, holder.current, (row) => {
      location.hash = link(`product/${row.product}`, { date: route.value.about.date });
    });
    return () => drawing.current.end();
  }, []);
  useEffect(() => drawing.current.show(rows, now.value, date.value), [rows, now.value]);
  return html`<div class="chart" ref=${holder}>
    <div style=${{ height: `${HEIGHT(rows)}px` }}></div>
    <canvas ref=${canvas} role="img" aria-label=${`${rows.length} runs over the day; the same as a table with the button above`}></canvas>
  </div>
  <p class="legend"><span class="key calm"></span>waits <span class="key live"></span>runs <span class="key good"></span>done <span class="key bad"></span>failed <span class="key due"></span>due by <span class="key dashed"></span>expected <span class="key now"></span>now</p>`;
}

function AsTable({ rows }) {
  const its = date.value;
  const time = (name) => (row) => html`<${Time} moment=${row[name]} date=${its} />`;
  return html`<${Table} caption="Runs of the day" rows=${rows} id=${(row) => row.key} columns=${[
    ["Product", (row) => html`<${ProductLink} name=${row.product} date=${route.value.about.date} />`],
    ["Where it stands", (row) => html`<${Badge} ...${shown(row, now.value)} /> ${sentence(row, its, now.value)}`],
    ["Opened", time("opened_at"), "time"], ["Released", time("released_at"), "time"], ["Started", time("started_at"), "time"], ["Ended", time("finished_at"), "time"], ["Due", time("due_at"), "time"],
  ]} />`;
}
