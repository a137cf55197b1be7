// Every product: what it is, who owns it, when it comes, who uses it.
import { Filters, NoProduct } from "../bar.js";
import { date, day, now, rows, scope } from "../day.js";
import { Fresh, graph, useFreshness } from "../graph.js";
import { html } from "../html.js";
import { Badge, Loading, ProductLink, Table, useTitle } from "../parts.js";
import { route } from "../routes.js";
import { shown } from "../words.js";

export function Catalog() {
  useTitle("Catalog");
  const fresh = useFreshness(scope());
  const said = (row) => graph.value?.products.get(row.product) ?? {};
  if (!day.value) return html`<${Loading} />`;
  return html`<div class="head"><h1>Catalog</h1><${Filters} /></div>
    <p class="summary">${rows.value.length.toLocaleString()} ${rows.value.length === 1 ? "product" : "products"}</p>
    ${rows.value.length === 0 ? html`<${NoProduct} />` : html`<${Table} caption="Products" rows=${rows.value} id=${(row) => row.key} columns=${[
      ["Product", (row) => html`<${ProductLink} name=${row.product} date=${route.value.about.date} />`],
      ["Description", (row) => said(row).description ?? ""],
      ["Owner", (row) => html`${row.owner ?? ""}${said(row).email && html`<br /><span class="note">${said(row).email}</span>`}`, "words"],
      ["Schedule", (row) => said(row).schedule ?? ""],
      ["SLA", (row) => said(row).sla ?? "", "words"],
      ["Fresh", (row) => html`<${Fresh} of=${fresh?.get(row.product)} />`, "time"],
      ["Used by", (row) => graph.value?.after.get(row.product)?.size ?? "", "number"],
      ["On this date", (row) => html`<${Badge} ...${shown(row, now.value)} />`],
    ]} />`}`;
}
