// The runs of many dates as a row of small cells: state by shape and colour, with the same as a table for those who do not see it.
import { html } from "./html.js";
import { link } from "./routes.js";
import { lasting, shifted } from "./times.js";
import { statusWord } from "./words.js";
import { Icon } from "./parts.js";

const LEAST = 14; // days that are shown although the product is younger

export function Strip({ runs, from, until, product }) {
  const found = new Map();
  for (const run of runs) found.set(run.business_date, [...(found.get(run.business_date) ?? []), run]);
  const first = [runs[0]?.business_date ?? from, shifted(until, 1 - LEAST)].sort()[0];
  const dates = [];
  for (let date = first < from ? from : first; date <= until; date = shifted(date, 1)) dates.push(date);
  const longest = Math.max(1, ...runs.map(took));
  return html`<ol class="strip">${dates.map((date) => html`<${Cell} key=${date} date=${date} runs=${found.get(date) ?? []} product=${product} longest=${longest} />`)}</ol>`;
}

const took = (run) => run.run_seconds ?? 0;

function Cell({ date, runs, product, longest }) {
  const last = runs.at(-1);
  if (!last) return html`<li class="cell none" title=${`${date}: no run`}><span class="hidden">${date}: no run</span></li>`;
  const { word, tone, icon } = statusWord(last.status);
  const late = last.late ? ", late" : "";
  const time = took(last) ? `, ran ${lasting(last.started_at, last.finished_at)}` : "";
  const text = `${date}: ${word}${late}${time}${last.attempt > 1 ? `, attempt ${last.attempt}` : ""}`;
  const height = `${Math.round((took(last) / longest) * 28)}px`;
  return html`<li class="cell"><a class=${last.late ? "warn" : tone} href=${link(`product/${product}`, { date, cycle: last.cycle })} title=${text}>
    <span class="took" style=${{ height }}></span><${Icon} shape=${icon} /><span class="hidden">${text}</span></a></li>`;
}
