// The whole day: every run as a bar, grouped by domain, with what is due and the critical path.
import { useEffect, useRef } from "preact/hooks";
import { Filters } from "../bar.js";
import { date, day, now, rows } from "../day.js";
import { DayDrawing, HEIGHT } from "../day_drawing.js";
import { forecastFor } from "../forecast.js";
import { html } from "../html.js";
import { Badge, Empty, Loading, ProductLink, Table, Time, useTitle } from "../parts.js";
import { named, PathChoice, PathList, placesIn, usePath } from "../path.js";
import { useKept } from "../place.js";
import { link, route } from "../routes.js";
import { longDate } from "../times.js";
import { sentence, shown } from "../words.js";

export function Day() {
  useTitle("Day");
  const [asTable, setAsTable] = useKept("table", false);
  const answer = usePath();
  if (!day.value) return html`<${Loading} />`;
  const places = placesIn(answer?.path ?? []);
  const its = rows.value
    .map((row) => ({ ...row, expected: row.finished_at ? null : forecastFor(row)?.expected, place: places.get(named(row)) }))
    .filter((row) => row.place || row.opened_at || row.due_at || row.finished_at);
  return html`
    <div class="head"><h1>${longDate(date.value)}</h1><${Filters} /><${PathChoice} answer=${answer} />
      <button type="button" aria-pressed=${asTable} onClick=${() => setAsTable(!asTable)}>${asTable ? "Show the chart" : "Show as a table"}</button></div>
    ${its.length === 0 ? html`<${Empty} title="No runs">No product that is chosen has a run on this date.</${Empty}>` : asTable ? html`<${AsTable} rows=${its} />` : html`<${Chart} rows=${its} />`}
    <${PathList} answer=${answer} its=${date.value} />`;
}

function Chart({ rows }) {
  const canvas = useRef(null);
  const holder = useRef(null);
  const drawing = useRef(null);
  useEffect(() => {
    drawing.current = new DayDrawing(canvas.current, holder.current, (row) => {
      location.hash = link(`product/${row.product}`, { date: route.value.about.date, cycle: row.cycle });
    });
    return () => drawing.current.end();
  }, []);
  useEffect(() => drawing.current.show(rows, now.value, date.value), [rows, now.value]);
  return html`<div class="chart" ref=${holder}>
    <div style=${{ height: `${HEIGHT(rows)}px` }}></div>
    <canvas ref=${canvas} role="img" aria-label=${`${rows.length} runs over the day; the same as a table with the button above, and the critical path as a list below`}></canvas>
  </div>
  <p class="legend"><span class="key calm"></span>waits <span class="key live"></span>runs <span class="key good"></span>done <span class="key bad"></span>✕ failed or late <span class="key warn"></span>! needs attention <span class="key due"></span>due by <span class="key dashed"></span>expected ${rows.some((row) => row.place) && html`<span class="key place">1</span>on the critical path `}<span class="key now"></span>now</p>`;
}

function AsTable({ rows }) {
  const its = date.value;
  const time = (name) => (row) => html`<${Time} moment=${row[name]} date=${its} zone=${row.timezone} />`;
  return html`<${Table} caption="Runs of the day" rows=${rows} id=${(row) => row.key} columns=${[
    ["Product", (row) => html`<${ProductLink} name=${row.product} date=${route.value.about.date} cycle=${row.cycle} />`],
    ...(rows.some((row) => row.place) ? [["Critical path", (row) => row.place ?? "", "number"]] : []),
    ["Where it stands", (row) => html`<${Badge} ...${shown(row, now.value)} /> ${sentence(row, its, now.value)}`],
    ["Opened", time("opened_at"), "time"], ["Released", time("released_at"), "time"], ["Started", time("started_at"), "time"], ["Ended", time("finished_at"), "time"], ["Due", time("due_at"), "time"],
  ]} />`;
}
