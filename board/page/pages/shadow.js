// The report of shadow: of each product of the date what would have run, what another scheduler did, and how the two differ.
import { Filters } from "../bar.js";
import { useAnswer } from "../asked.js";
import { date as chosen } from "../day.js";
import { html } from "../html.js";
import { Badge, Empty, Failure, Loading, ProductLink, Table, Time, useTitle } from "../parts.js";
import { route } from "../routes.js";
import { at, lasting, longDate } from "../times.js";
import { inputName, uncut } from "../words.js";

// The worst first: its word, its tone, its shape, and how many are counted so.
const DIFFERENCES = {
  without_inputs: ["without its inputs", "bad", "cross"],
  not_decided: ["not started by Headgate", "bad", "alert"],
  not_started: ["not started by the other scheduler", "warn", "alert"],
  later: ["later than possible", "warn", "clock"],
  earlier: ["earlier than Headgate", "calm", "clock"],
  start_unknown: ["its start is not known", "mute", "circle"],
  waiting: ["not started yet", "calm", "hourglass"],
  neither: ["started by neither", "mute", "circle"],
  same: ["the same", "good", "check"],
};
const ORDER = Object.keys(DIFFERENCES);

export function Shadow() {
  useTitle("Shadow");
  const its = chosen.value;
  const { answer, error } = useAnswer("shadow", its ? { business_date: its, domain: route.value.about.domain } : null, 120_000);
  const rows = (answer?.products ?? []).sort((one, other) => ORDER.indexOf(one.difference) - ORDER.indexOf(other.difference) || (one.product < other.product ? -1 : 1));
  return html`<div class="head"><h1>Shadow</h1><p>${its && longDate(its)}</p><${Filters} only="domain" /></div>
    ${error && !answer ? html`<${Failure} error=${error} />` : !answer ? html`<${Loading} />` : html`
      <p class="summary">${summary(rows)}</p>
      ${rows.length === 0 ? html`<${Empty} title="Nothing to compare">No product was decided in shadow on this date, and no run of another scheduler was seen.</${Empty}>` : html`<${Table} caption="What would have run, and what did: the largest differences first" rows=${rows} id=${(each) => `${each.application} ${each.product} ${each.cycle}`} columns=${[
        ["Product", (each) => html`<${ProductLink} name=${each.product} date=${route.value.about.date} />${each.cycle && html` <span class="cycle">${each.cycle}</span>`}`],
        ["Difference", (each) => html`<${Badge} ...${badge(each.difference)} />`],
        ["Headgate would have started it", (each) => html`<${Time} moment=${each.decided_at} date=${its} />`, "time"],
        ["The other scheduler ran it", (each) => ran(each, its), "time"],
        ["What that means", (each) => meaning(each, its)],
      ]} />`}
      ${answer.more && html`<p class="note">There are more than are shown: choose a domain.</p>`}
      <${Unmatched} job_runs=${answer.unmatched ?? []} its=${its} />
      <${Unseen} names=${answer.unseen ?? []} />`}`;
}

function badge(difference) {
  const [word, tone, icon] = DIFFERENCES[difference] ?? [difference, "mute", "circle"];
  return { word, tone, icon };
}

// `5 products: 1 without its inputs, 1 later than possible (1 h 40 min in all)`
function summary(rows) {
  const found = ORDER.map((name) => [name, rows.filter((each) => each.difference === name)]).filter(([, its]) => its.length);
  const waited = (its) => lasting(0, its.reduce((sum, each) => sum + each.seconds, 0) * 1000);
  const parts = found.map(([name, its]) => `${its.length.toLocaleString()} ${DIFFERENCES[name][0]}${name === "later" ? ` (${waited(its)} in all)` : ""}`);
  return parts.length ? `${rows.length.toLocaleString()} ${rows.length === 1 ? "product" : "products"}: ${parts.join(", ")}.` : "";
}

function ran({ started_at: from, ended_at: until, outcome, attempts }, its) {
  if (!from && !until) return "";
  return `${from ? at(from, its) : "?"}${until ? ` to ${at(until, its)}` : ""}${outcome === "ERROR" ? ", failed" : ""}${attempts ? `, ${attempts} times` : ""}`;
}

function meaning(each, its) {
  const missing = inputs(each, its);
  const away = lasting(0, Math.abs(each.seconds ?? 0) * 1000);
  switch (each.difference) {
    case "without_inputs":
      return `it started without ${missing}`;
    case "not_decided":
      return missing ? `Headgate waits for ${missing}` : `Headgate did not start it: ${each.reason ?? "it has opened no run"}`;
    case "later":
      return `${away} later than its inputs were there`;
    case "earlier":
      return `${away} earlier, with its inputs`;
    case "waiting":
    case "neither":
      return missing ? `waits for ${missing}` : "";
    default:
      return "";
  }
}

// `raw/b, which came at 06:40 (there was that of 2026-11-19)`
function inputs({ inputs: given }, its) {
  const [found, more] = uncut(given);
  const texts = found.slice(0, 3).map((each) => `${inputName(each.product)}${each.business_date && each.business_date !== its ? ` of ${each.business_date}` : ""}${each.came_at ? `, which came at ${at(each.came_at, its)}` : ", which has not come"}${each.had ? ` (there was that of ${each.had.business_date})` : ""}`);
  const rest = found.length + more - texts.length;
  return texts.join("; ") + (rest ? ` and ${rest} more` : "");
}

// Job runs of the other scheduler of which no product is known.
function Unmatched({ job_runs, its }) {
  const [found, more] = uncut(job_runs);
  if (!found.length) return "";
  return html`<section aria-labelledby="unmatched"><h2 id="unmatched">Job runs of no product</h2><${Table} caption="Job runs of no product" rows=${found} id=${(each) => each.job_run} columns=${[
    ["Started", (each) => at(each.started_at, its), "time"],
    ["Job", (each) => `${each.type} ${each.job}`],
    ["Why", (each) => each.problem ?? ""],
  ]} />${more > 0 && html`<p class="note">and ${more.toLocaleString()} more</p>`}</section>`;
}

function Unseen({ names }) {
  const [found, more] = uncut(names);
  if (!found.length) return "";
  return html`<details class="whole"><summary>${(found.length + more).toLocaleString()} products whose job runs cannot be seen</summary><p class="note">What the other scheduler does counts where it publishes their refresh events: ${found.join(", ")}${more > 0 && ` and ${more.toLocaleString()} more`}.</p></details>`;
}
