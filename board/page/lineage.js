// What a product is made of and what is made of it, near and far.
import { useState } from "preact/hooks";
import { now, statusOf } from "./day.js";
import { graph, levels } from "./graph.js";
import { html } from "./html.js";
import { Badge, ProductLink } from "./parts.js";
import { shown } from "./words.js";

const MOST = 30; // products of a column

export function Lineage({ name, date }) {
  const [far, setFar] = useState(false);
  if (!graph.value) return "";
  const before = levels(graph.value.before, name, far ? Infinity : 1);
  const after = levels(graph.value.after, name, far ? Infinity : 1);
  const all = levels(graph.value.after, name).flat().length;
  return html`<section aria-labelledby="lineage"><h2 id="lineage">Lineage</h2>
    <p>${all === 0 ? "No product depends on it." : `If it fails, ${all === 1 ? "1 product" : `${all.toLocaleString()} products`} cannot be refreshed as usual.`}
      <button type="button" class="plain" aria-pressed=${far} onClick=${() => setFar(!far)}>${far ? "Show the nearest only" : "Show all of it"}</button></p>
    <div class="lineage">
      ${before.map((names, place) => ({ names, place })).reverse().map(({ names, place }) => html`<${Column} key=${`before ${place}`} title=${place ? `${place + 1} steps before` : "made of"} names=${names} date=${date} />`)}
      <div class="column"><h3>this product</h3><ul><li><${Named} name=${name} date=${date} /></li></ul></div>
      ${after.map((names, place) => html`<${Column} key=${`after ${place}`} title=${place ? `${place + 1} steps after` : "used by"} names=${names} date=${date} />`)}
    </div></section>`;
}

function Column({ title, names, date }) {
  return html`<div class="column"><h3>${title}</h3><ul>${names.slice(0, MOST).map((name) => html`<li key=${name}><${Named} name=${name} date=${date} /></li>`)}
    ${names.length > MOST && html`<li class="note">and ${(names.length - MOST).toLocaleString()} more</li>`}</ul></div>`;
}

function Named({ name, date }) {
  const row = statusOf.value.get(name);
  return html`<${ProductLink} name=${name} date=${date} /> ${row && html`<${Badge} ...${shown(row, now.value)} />`}`;
}
