// Sections of the page of a product: its last days, how long its runs took over what is usual, its lineage, its definition.
import { about, useAnswer } from "./asked.js";
import { now, statusOf } from "./day.js";
import { graph, levels } from "./graph.js";
import { html } from "./html.js";
import { Badge, Facts, Icon, ProductLink } from "./parts.js";
import { useKept } from "./place.js";
import { link } from "./routes.js";
import { ChangeTable } from "./tables.js";
import { lasting, shifted } from "./times.js";
import { shown, statusWord } from "./words.js";

// The runs of many dates as a row of small cells: the state by shape, colour and words.
const SHOWN = 14; // days that are shown although the product is younger

export function Strip({ runs, from, until, product }) {
  const found = new Map();
  for (const run of runs) found.set(run.business_date, [...(found.get(run.business_date) ?? []), run]);
  const first = [runs[0]?.business_date ?? from, shifted(until, 1 - SHOWN)].sort()[0];
  const dates = [];
  for (let date = first < from ? from : first; date <= until; date = shifted(date, 1)) dates.push(date);
  return html`<ol class="strip">${dates.map((date) => html`<${Cell} key=${date} date=${date} runs=${found.get(date) ?? []} product=${product} />`)}</ol>`;
}

function Cell({ date, runs, product }) {
  const last = runs.at(-1);
  if (!last) return html`<li class="cell none" title=${`${date}: no run`}><span class="hidden">${date}: no run</span></li>`;
  const { word, tone, icon } = statusWord(last.status);
  const late = last.late ? ", late" : "";
  const time = last.run_seconds ? `, ran ${lasting(last.started_at, last.finished_at)}` : "";
  const text = `${date}: ${word}${late}${time}${last.attempt > 1 ? `, attempt ${last.attempt}` : ""}`;
  return html`<li class="cell"><a class=${last.late && tone !== "bad" ? "warn" : tone} href=${link(`product/${product}`, { date, cycle: last.cycle })} title=${text}>
    <${Icon} shape=${last.late && tone !== "bad" ? "clock" : icon} /><span class="hidden">${text}</span></a></li>`;
}

// How long the runs took, date by date, over the band in which four of five of them are.
const LEAST = 4; // runs from which on it can be said what is usual

export function Durations({ runs }) {
  const its = runs.filter((run) => run.status === "COMPLETED" && run.run_seconds > 0);
  if (its.length < LEAST) return "";
  const { low, middle, high, most } = usual(its);
  const [first, last] = [its[0], its.at(-1)].map((run) => Date.parse(run.business_date));
  const left = (run) => `${2 + (96 * (Date.parse(run.business_date) - first)) / (last - first || 1)}%`;
  const share = (seconds) => (100 * seconds) / (most * 1.15);
  const top = (seconds) => `${100 - share(seconds)}%`;
  const line = (seconds, name) => html`<line class=${name} x1="0" x2="100%" y1=${top(seconds)} y2=${top(seconds)} />`;
  return html`<figure class="durations">
    <figcaption>Four of five runs took ${span(low, high)}; the last took ${long(its.at(-1).run_seconds)}.</figcaption>
    <div class="plot" aria-hidden="true">
      <div class="scale">${[most, middle].map((seconds) => html`<span key=${seconds} style=${{ top: top(seconds) }}>${long(seconds)}</span>`)}</div>
      <svg width="100%" height="100%"><rect class="band" x="0" width="100%" y=${top(high)} height=${`${Math.max(share(high) - share(low), 1)}%`} />${line(middle, "middle")}
        ${its.map((run) => html`<circle key=${`${run.business_date} ${run.cycle ?? ""}`} class=${run.run_seconds > high ? "long" : "within"} cx=${left(run)} cy=${top(run.run_seconds)} r=${run.run_seconds > high ? 4.5 : 3.5}><title>${run.business_date}: ${long(run.run_seconds)}</title></circle>`)}</svg>
      <div class="dates"><span>${its[0].business_date}</span><span>${its.at(-1).business_date}</span></div>
    </div></figure>`;
}

const long = (seconds) => lasting(0, seconds * 1000);
const span = (low, high) => (long(low) === long(high) ? `about ${long(low)}` : `${long(low)} to ${long(high)}`);

function usual(runs) {
  const took = runs.map((run) => run.run_seconds).sort((one, other) => one - other);
  const [low, middle, high] = [0.1, 0.5, 0.9].map((part) => took[Math.round(part * (took.length - 1))]);
  return { low, middle, high, most: took.at(-1) };
}

// What the product is made of and what is made of it, near and far.
const MOST = 30; // products of a column

export function Lineage({ name, date }) {
  const [far, setFar] = useKept("far", false);
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

// What the catalog says of the product, and what deployments have changed in that.
const MOST_CHANGES = 10;

export function Definition({ name, commit }) {
  const { answer } = useAnswer("changes", { product: name });
  const said = graph.value?.products.get(name) ?? {};
  const changes = answer?.changes ?? [];
  const current = changes.find((each) => each.name === name)?.after;
  return html`<section aria-labelledby="definition"><h2 id="definition">Definition</h2><${Facts} facts=${[
    ["Schedule", said.schedule ?? "its inputs open it"],
    ["SLA", said.sla],
    ["Account", said.runs_in ?? said.account],
    ["Commit", commit && html`<code>${commit.slice(0, 12)}</code>`],
    ["Change", about.value?.may_edit && html`<a href=${link(`edit/${name}`)}>try a change</a>`],
  ]} />
    ${current && html`<details class="whole"><summary>All of it, as it is deployed</summary><pre class="code" tabindex="0">${JSON.stringify(current, null, 2)}</pre></details>`}
    ${changes.length > 0 && html`<h3>Its changes</h3><${ChangeTable} rows=${changes.slice(0, MOST_CHANGES)} date=${answer.asked_at.slice(0, 10)} />
      ${changes.length > MOST_CHANGES && html`<p class="note">and ${changes.length - MOST_CHANGES} earlier ones: <code>headgate changes ${name}</code></p>`}`}</section>`;
}
