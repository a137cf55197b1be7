// The mesh: each domain a box of tiles, one for each product, what needs attention first.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Filters, NoProduct } from "../bar.js";
import { date, day, now, rows, scope } from "../day.js";
import { Fresh, graph, levels, useFreshness } from "../graph.js";
import { html } from "../html.js";
import { Badge, Loading, ProductLink, Table, useTitle } from "../parts.js";
import { useKept } from "../place.js";
import { change, route } from "../routes.js";
import { sentence, shown } from "../words.js";
import { Wall } from "../wall.js";

const MARKS = [["bad", "✕", "failed or late"], ["warn", "❘", "needs attention"], ["live", "▪", "runs"], ["calm", "▫", "waits or comes later"], ["good", "", "done"], ["mute", "–", "skipped, cancelled or not on this date"]];

export function Mesh() {
  useTitle("Mesh");
  const [asTable, setAsTable] = useKept("table", false);
  if (!day.value) return html`<${Loading} />`;
  const { selected } = route.value.about;
  return html`
    <div class="head"><h1>Mesh</h1><${Filters} /><button type="button" aria-pressed=${asTable} onClick=${() => setAsTable(!asTable)}>${asTable ? "Show the tiles" : "Show as a table"}</button></div>
    ${rows.value.length === 0 && html`<${NoProduct} />`}
    ${asTable ? html`<${Domains} />` : html`<${Tiles} selected=${selected} />`}
    ${selected && html`<${Selected} name=${selected} />`}`;
}

function Tiles({ selected }) {
  const canvas = useRef(null);
  const wall = useRef(null);
  useEffect(() => {
    wall.current = new Wall(canvas.current, (product) => change({ selected: product ?? "" }));
    return () => wall.current.end();
  }, []);
  useEffect(() => wall.current.show(rows.value, now.value), [rows.value]);
  useEffect(() => wall.current.select(selected, selected && graph.value ? around(graph.value, selected) : new Map()), [selected, graph.value]);
  const shownDomains = useMemo(() => new Set(rows.value.map((row) => row.product.split("/")[0])).size, [rows.value]);
  return html`<canvas class="wall" ref=${canvas} tabindex="0" role="img" aria-label=${`${rows.value.length} products in ${shownDomains} domains; the same as a table with the button above`}></canvas>
  <p class="legend">${MARKS.map(([tone, mark, word]) => html`<span key=${tone} class="key mark ${tone}" aria-hidden="true">${mark}</span>${word} `)}</p>`;
}

// Everything that the product is made of, and everything that is made of it.
function around({ before, after }, name) {
  return new Map([...levels(before, name).flat().map((each) => [each, "before"]), ...levels(after, name).flat().map((each) => [each, "after"])]);
}

function Selected({ name }) {
  const fresh = useFreshness(scope());
  const row = rows.value.find((each) => each.product === name);
  if (!row) return "";
  return html`<section class="selected" aria-label="The selected product"><p><${ProductLink} name=${name} date=${route.value.about.date} /> <${Badge} ...${shown(row, now.value)} /> ${sentence(row, date.value, now.value)}</p>
    ${row.description && html`<p class="description">${row.description}</p>`}
    <p>${fresh?.get(name)?.refreshed_at ? html`Data of <${Fresh} of=${fresh.get(name)} />. ` : fresh && "It has never been refreshed. "}${graph.value && reach(name)}</p>
    <p class="legend"><span class="key before"></span>it is made of <span class="key after"></span>is made of it <button type="button" class="plain" onClick=${() => change({ selected: "" })}>Close</button></p></section>`;
}

function reach(name) {
  const after = levels(graph.value.after, name);
  const all = after.flat().length;
  return all ? `If it fails, ${all.toLocaleString()} ${all === 1 ? "product" : "products"} cannot be refreshed as usual, ${after[0].length.toLocaleString()} of them at once.` : "No product depends on it.";
}

function Domains() {
  const fresh = useFreshness(scope());
  const found = new Map();
  for (const row of rows.value) {
    const domain = row.product.split("/")[0];
    const tone = shown(row, now.value).tone;
    const its = found.get(domain) ?? { domain, all: 0, bad: 0, warn: 0, live: 0, good: 0 };
    its.all += 1;
    const since = fresh?.get(row.product)?.business_date;
    if (since && !(its.oldest < since)) its.oldest = since;
    if (tone in its) its[tone] += 1;
    found.set(domain, its);
  }
  const sorted = [...found.values()].sort((one, other) => other.bad - one.bad || other.warn - one.warn || one.domain.localeCompare(other.domain));
  return html`<${Table} caption="Domains" rows=${sorted} id=${(each) => each.domain} columns=${[
    ["Domain", (each) => html`<button type="button" class="plain" onClick=${() => change({ domain: each.domain })}>${each.domain}</button>`],
    ["Products", (each) => each.all, "number"], ["Failed or late", (each) => each.bad || "", "number"], ["Need attention", (each) => each.warn || "", "number"], ["Running", (each) => each.live || "", "number"], ["Done", (each) => each.good || "", "number"], ["Oldest data", (each) => each.oldest ?? "", "time"],
  ]} />`;
}
