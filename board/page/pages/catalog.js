// Every product: what it is, who owns it, where it stands.
import { Filters } from "../bar.js";
import { date, day, now, rows } from "../day.js";
import { html } from "../html.js";
import { Badge, Empty, Loading, ProductLink, Table, Time, useTitle } from "../parts.js";
import { route } from "../routes.js";
import { shown } from "../words.js";

export function Catalog() {
  useTitle("Catalog");
  if (!day.value) return html`<${Loading} />`;
  return html`<div class="head"><h1>Catalog</h1><${Filters} /></div>
    <p class="summary">${rows.value.length.toLocaleString()} ${rows.value.length === 1 ? "product" : "products"}</p>
    ${rows.value.length === 0 ? html`<${Empty} title="No product is shown">No product matches the search and the choices above.</${Empty}>` : html`<${Table} caption="Products" rows=${rows.value} id=${(row) => row.key} columns=${[
      ["Product", (row) => html`<${ProductLink} name=${row.product} date=${route.value.about.date} />`],
      ["Description", (row) => row.description ?? ""],
      ["Owner", (row) => row.owner ?? ""],
      ["Due", (row) => html`<${Time} moment=${row.due_at} date=${date.value} />`, "time"],
      ["Today", (row) => html`<${Badge} ...${shown(row, now.value)} />`],
    ]} />`}`;
}
