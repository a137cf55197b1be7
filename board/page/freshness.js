// Of which date each product is there, and since when.
import { useMemo } from "preact/hooks";
import { useAnswer } from "./asked.js";
import { rowsOf } from "./columns.js";
import { html } from "./html.js";
import { Time } from "./parts.js";

const EVERY = 60_000; // milliseconds

// A Map of product to {business_date, cycle, refreshed_at}; of what several applications know, the latest. Null until it is known.
export function useFreshness() {
  const { answer } = useAnswer("freshness", { columns: true }, EVERY);
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
