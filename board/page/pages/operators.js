// The pages for whoever operates the application: files, alerts, changes of the metadata.
import { hosted } from "../api.js";
import { useAnswer } from "../asked.js";
import { Filters } from "../bar.js";
import { date as chosen, day, domains, rows } from "../day.js";
import { html } from "../html.js";
import { Empty, Failure, Loading, ProductLink, Table, useTitle } from "../parts.js";
import { change, route } from "../routes.js";
import { AlertTable, ChangeTable } from "../tables.js";
import { at, dayOf, longDate, shifted } from "../times.js";

// Alerts of a date.
export function Alerts() {
  const { date, product, domain } = route.value.about;
  useTitle("Alerts");
  const { answer, error } = useAnswer("alerts", { business_date: date, product, domain }, 10_000);
  if (error && !answer) return html`<h1>Alerts</h1><${Failure} error=${error} />`;
  if (!answer) return html`<${Loading} />`;
  const its = answer.business_date;
  const found = answer.alerts;
  return html`
    <div class="head"><h1>Alerts</h1><p>${longDate(its)}${product && html`, <${ProductLink} name=${product} date=${date} />`}</p><${Filters} only="domain" /></div>
    ${answer.muted.length > 0 && html`<section aria-labelledby="muted"><h2 id="muted">Muted</h2><ul>${answer.muted.map((each) => html`<li key=${each.muted}>${each.muted} until ${at(each.until, its)}, by ${each.by}${each.reason && `: ${each.reason}`}</li>`)}</ul></section>`}
    ${found.length === 0 ? html`<${Empty} title="No alerts">Nothing had to be reported about this date.</${Empty}>` : html`<${AlertTable} rows=${found} date=${date} its=${its} />`}
    ${cutNote(answer)}`;
}

// Answers of several applications follow each other.
const latest = (field) => (one, other) => Date.parse(other[field]) - Date.parse(one[field]);
const cutNote = (answer) => answer?.more && html`<p class="note">There are more than are shown: choose a domain or another date.</p>`;

// What deployments changed in the metadata, the latest first; until the date that is chosen, by the clock of whoever looks.
export function Changes() {
  useTitle("Changes");
  const { date, domain = hosted() && domains.value.length === 1 ? domains.value[0] : undefined } = route.value.about; // somebody may see one domain alone
  const { answer, error } = useAnswer("changes", { domain, until: date && shifted(date, 1) }, 60_000);
  const found = (answer?.changes ?? []).filter((each) => !date || dayOf(each.loaded_at) <= date).sort(latest("loaded_at"));
  return html`<div class="head"><h1>Changes of the metadata</h1><p>${date && `deployed until ${longDate(date)}`}</p><${Filters} only="domain" /></div>
    ${error && !answer ? html`<${Failure} error=${error} />` : !answer ? html`<${Loading} />` : found.length === 0 ? html`<${Empty} title="No changes">No deployment has changed the metadata${domain && ` of ${domain}`}${date && " until then"}.</${Empty}>` : html`<${ChangeTable} rows=${found} date=${date ?? answer.asked_at.slice(0, 10)} />`}
    ${cutNote(answer)}`;
}

// Files that have landed for the date; those of no product, which have none.
const FILE_STATES = ["RECEIVED", "CLAIMED", "PROCESSED", "REJECTED", "FAILED", "SUPERSEDED", "IGNORED", "UNMATCHED"];

const NO_DATE = "UNMATCHED";

export function Files() {
  const { product, status, domain } = route.value.about;
  const its = status === NO_DATE ? undefined : chosen.value;
  useTitle("Files");
  const { answer, error } = useAnswer("files", chosen.value ? { business_date: its, product, status } : null, 10_000);
  const found = (answer?.files ?? []).filter((each) => !domain || !each.product || each.product.startsWith(`${domain}/`)).sort(latest("received_at"));
  const of = [status && ` as ${status.toLowerCase()}`, its && " for this date", its && domain && ` and ${domain}`].filter(Boolean).join("");
  return html`<div class="head"><h1>Files</h1><p>${its && longDate(its)}</p><${Filters} only="domain" /><div class="filters"><label>State <select onChange=${({ target }) => change({ status: target.value })}>
      <option value="">All states</option>${FILE_STATES.map((each) => html`<option key=${each} value=${each} selected=${each === status}>${each.toLowerCase()}</option>`)}</select></label></div></div>
    ${!status && html`<${Missing} />`}
    ${error && !answer ? html`<${Failure} error=${error} />` : !answer ? html`<${Loading} />` : found.length === 0 ? html`<${Empty} title="No files">No file has landed${of}.</${Empty}>` : html`
      <${Table} caption="Files, the latest first" rows=${found} id=${(each) => `${each.application} ${each.file}`} columns=${[
        ["Received", (each) => at(each.received_at, its ?? ""), "time"],
        ["File", (each) => each.name],
        ["Number", (each) => each.file, "number"],
        ["Product", (each) => (each.product ? html`<${ProductLink} name=${each.product} date=${each.business_date} />` : "of no product")],
        ["Date", (each) => each.business_date ?? "", "time"],
        ["Bytes", (each) => Number(each.size).toLocaleString(), "number"],
        ["State", (each) => each.status.toLowerCase(), "words"],
        ["Reason", (each) => each.reason ?? ""],
      ]} />`}
    ${cutNote(answer)}
    ${its && html`<p class="note">A file that is of no product has no date: <button type="button" class="plain" onClick=${() => change({ status: NO_DATE })}>show these</button></p>`}`;
}

// The products of the date that wait for files.
function Missing() {
  const waiting = rows.value.filter((row) => row.files && row.status === "WAITING" && (!route.value.about.product || row.product === route.value.about.product));
  if (!waiting.length) return "";
  return html`<section aria-labelledby="missing"><h2 id="missing">What is missing</h2><ul class="missing">${waiting.map(
    (row) => html`<li key=${row.key}><${ProductLink} name=${row.product} date=${route.value.about.date} /> ${row.files}${row.due_at && html` <span class="note">due by ${at(row.due_at, day.value.business_date)}</span>`}</li>`,
  )}</ul></section>`;
}
