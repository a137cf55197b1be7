// What the catalog says of each product and what depends on what, which changes with a deployment alone; and of which date each product is there.
import { useMemo } from "preact/hooks";
import { signal } from "@preact/signals";
import { question } from "./api.js";
import { useAnswer } from "./asked.js";
import { rowsOf } from "./columns.js";
import { html } from "./html.js";
import { Time } from "./parts.js";
import { route } from "./routes.js";

export const graph = signal(null); // {products: Map of name to what is said of it, before: Map of name to names, after: Map of name to names}
let known; // the answer that the graph is of
let began = false;
let asking; // of which scope it is being asked

// It is as much as the status of a day, so it is asked for by the pages that show it, and by a search, which looks through descriptions.
const isShown = ({ page, about }) => ["product", "mesh", "catalog"].includes(page) || Boolean(about.q);

route.subscribe((now) => {
  if (began && !known && isShown(now)) lookAtGraph();
});

// Asks whether there is a newer one than is known, while it is shown.
export async function lookAtGraph(scope = {}) {
  began = true;
  const about = JSON.stringify(scope);
  if (!isShown(route.value) || asking === about) return;
  asking = about;
  try {
    const { answer } = await question("mesh", { ...scope, digest: known?.digest });
    if (!answer || answer.unchanged || answer.digest === known?.digest) return;
    known = answer;
    graph.value = graphOf(answer.parts ?? [answer]);
  } catch {
    // pages that need it say so; what is known stays
  } finally {
    asking = undefined;
  }
}

// Pure. Of a product that several applications know, what the one says that runs it.
export function graphOf(parts) {
  const products = new Map();
  const before = new Map();
  const after = new Map();
  for (const part of parts) {
    const rows = rowsOf(part.products, "1970-01-01");
    const names = [...rows.map((row) => row.product), ...part.others];
    for (const row of rows) if (row.pipeline || !products.has(row.product)) products.set(row.product, row);
    const { to, from } = part.dependencies;
    to.forEach((number, place) => {
      add(before, names[number], names[from[place]]);
      add(after, names[from[place]], names[number]);
    });
  }
  return { products, before, after };
}

function add(map, name, other) {
  if (!map.has(name)) map.set(name, new Set());
  map.get(name).add(other);
}

// The products that can be reached from this one along `edges` (`before` or `after`), by distance: [[those next to it], [those behind them], ...].
export function levels(edges, name, most = Infinity) {
  const seen = new Set([name]);
  const found = [];
  let last = [name];
  while (last.length && found.length < most) {
    const next = [];
    for (const each of last) {
      for (const other of edges.get(each) ?? []) {
        if (!seen.has(other)) {
          seen.add(other);
          next.push(other);
        }
      }
    }
    if (next.length) found.push(next.sort());
    last = next;
  }
  return found;
}

const EVERY = 60_000; // milliseconds

// A Map of product to {business_date, cycle, refreshed_at}, of the domain in `scope` or of all; of what several applications know, the latest. Null until it is known.
export function useFreshness(scope) {
  const { answer } = useAnswer("freshness", { columns: true, ...scope }, EVERY, true);
  return useMemo(() => {
    if (!answer) return null;
    const found = new Map();
    for (const row of Array.isArray(answer.products) ? answer.products : rowsOf(answer.products, answer.business_date)) {
      if ((found.get(row.product)?.refreshed_at ?? "") <= (row.refreshed_at ?? "")) found.set(row.product, row);
    }
    return found;
  }, [answer]);
}

export function Fresh({ of }) {
  if (!of) return "";
  if (!of.refreshed_at) return html`<span class="quiet">never</span>`;
  return html`<span class="time">${of.business_date}${of.cycle ? ` ${of.cycle}` : ""}</span> <span class="note">at <${Time} moment=${of.refreshed_at} date=${of.business_date} /></span>`;
}
