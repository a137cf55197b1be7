// The critical path of a date: what came last at each link, or is expected to, and how much later the rest could have come.
import { useAnswer } from "./asked.js";
import { date, rows } from "./day.js";
import { forecastFor } from "./forecast.js";
import { html } from "./html.js";
import { ProductLink } from "./parts.js";
import { change, route } from "./routes.js";
import { at } from "./times.js";
import { inputName, statusWord } from "./words.js";

const EVERY = 30_000; // milliseconds
const MOST = 30; // products that can be chosen, those with the least time left before their SLA first
const SHOWN = 3; // other inputs of a link
const NONE = "none"; // in the address: no path is shown

// [link], the first of them first: of the product in the address, or of the day. Of the day it is known without a question to the application.
export function usePath() {
  const product = route.value.about.path;
  const wanted = product === NONE ? null : { business_date: route.value.about.date, product };
  return useAnswer("critical_path", wanted, EVERY, !product).answer;
}

// The number of a row in the path, by its product and cycle; undefined where it is not in it.
export function placesIn(path) {
  return new Map(path.filter((link) => link.business_date === date.value).map((link, number) => [named(link), number + 1]));
}

export const named = ({ product, cycle }) => `${product} ${cycle ?? ""}`.trim();

const ready = (link) => link?.ready_at ?? link?.expected;

export function PathChoice({ answer }) {
  const chosen = route.value.about.path ?? "";
  const spare = (row) => new Date(row.due_at) - new Date(row.finished_at ?? forecastFor(row)?.expected ?? row.due_at);
  const due = rows.value.filter((row) => row.due_at).sort((one, other) => spare(one) - spare(other)).slice(0, MOST).map((row) => row.product);
  const names = [...new Set([...(chosen && chosen !== NONE ? [chosen] : []), ...due])];
  const ofDay = !chosen && answer?.product ? `of the day, to ${answer.product}` : "of the day";
  return html`<label>Critical path <select onChange=${({ target }) => change({ path: target.value })}>
    ${[["", ofDay], [NONE, "not shown"], ...names.map((name) => [name, `to ${name}`])].map(([value, text]) => html`<option key=${value} value=${value} selected=${value === chosen}>${text}</option>`)}
  </select></label>`;
}

export function PathList({ answer, its }) {
  if (!answer) return "";
  const links = answer.path;
  return html`<section aria-labelledby="path"><h2 id="path">Critical path${answer.product && html` to <${ProductLink} name=${answer.product} date=${route.value.about.date} />`}</h2>
    ${links.length ? html`<ol class="path">${links.map((link, number) => html`<li key=${number}><${ProductLink} name=${link.product} date=${link.business_date} cycle=${link.cycle} />${link.cycle && html` <span class="cycle">${link.cycle}</span>`} <span class="note">${said(link, links[number - 1], its)}</span></li>`)}</ol>` : html`<p class="quiet">Nothing is known of when products are ready on this date.</p>`}</section>`;
}

// `06:20 to 07:30, 70 min; due by 08:00, 30 min before it; slack: raw/b 20 min`, as `headgate forecast --critical-path` says it.
function said(link, before, its) {
  return `${when(link, before, its)}${due(link, its)}${others(link)}`;
}

function when(link, before, its) {
  const end = ready(link);
  if (!end) return ["UNKNOWN", "EXPECTED", "NOT OPENED"].includes(link.status) ? "not known" : statusWord(link.status).word;
  const begun = link.released_at ?? ready(before);
  const until = link.ready_at ? at(end, its) : `${at(end, its)} (expected)`;
  if (!begun) return until;
  return `${at(begun, its)} to ${until}, ${minutes(begun, end)} min${link.waits_for || !link.reason ? "" : `, begun because: ${link.reason}`}`;
}

function due(link, its) {
  const end = ready(link);
  if (!link.due_at || !end) return "";
  const spare = minutes(end, link.due_at);
  return `; due by ${at(link.due_at, its)}, ${Math.abs(spare)} min ${spare >= 0 ? "before it" : "too late"}`;
}

// The inputs that could have come later without delaying it.
function others(link) {
  const rest = (link.inputs ?? []).filter((each) => each.slack !== undefined && each.product !== link.waits_for?.product);
  if (!rest.length) return "";
  const more = rest.length > SHOWN ? ` and ${rest.length - SHOWN} more` : "";
  return `; slack: ${rest.slice(0, SHOWN).map((each) => `${inputName(each.product)} ${Math.round(each.slack / 60)} min`).join(", ")}${more}`;
}

const minutes = (from, to) => Math.round((new Date(to) - new Date(from)) / 60_000);
