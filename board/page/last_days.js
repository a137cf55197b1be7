// The runs of a product over its last days: a small cell a date, state by shape, colour and words, and how long they took over what is usual.
import { html } from "./html.js";
import { Icon } from "./parts.js";
import { link } from "./routes.js";
import { lasting, shifted } from "./times.js";
import { statusWord } from "./words.js";

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
  return html`<li class="cell"><a class=${last.late ? "warn" : tone} href=${link(`product/${product}`, { date, cycle: last.cycle })} title=${text}>
    <${Icon} shape=${last.late ? "clock" : icon} /><span class="hidden">${text}</span></a></li>`;
}

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
