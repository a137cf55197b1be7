// The pages for whoever operates the application: files, alerts, changes of the metadata.
import { hosted } from "../api.js";
import { useAnswer } from "../asked.js";
import { Filters } from "../bar.js";
import { date as chosen, day, domains, rows } from "../day.js";
import { html } from "../html.js";
import { Badge, Empty, Failure, Loading, ProductLink, Table, useTitle } from "../parts.js";
import { change, route } from "../routes.js";
import { at, dayOf, longDate, shifted } from "../times.js";

// Alerts of a date: what was sent to whom, and what was kept back and why.
const STATES = { SENT: ["sent", "good", "check"], DUE: ["due", "live", "clock"], SENDING: ["being sent", "live", "play"], UNKNOWN: ["in doubt", "warn", "alert"], SUPPRESSED: ["not sent", "mute", "skip"] };

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

export function AlertTable({ rows, date, its }) {
  return html`<${Table} caption="Alerts" rows=${rows} columns=${[
      ["Time", (each) => at(each.at, its), "time"],
      ["Product", (each) => html`<${ProductLink} name=${each.product} date=${date} />`],
      ["Alert", (each) => `${each.kind.toLowerCase().replaceAll("_", " ")}${each.step ? ` of ${each.step}` : ""}${each.attempt > 1 ? `, attempt ${each.attempt}` : ""}`],
      ["To", (each) => `${each.channel} ${each.target}`],
      ["State", (each) => html`<${Badge} ...${state(each)} />`],
      ["Note", note],
      ["Because of", (each) => each.root && html`<${ProductLink} name=${each.root} date=${date} />`],
    ]} />`;
}

function state({ state }) {
  const [word, tone, icon] = STATES[state] ?? [state.toLowerCase(), "mute", "circle"];
  return { word, tone, icon };
}

function note(each) {
  if (each.state === "SENT") return `${each.action ?? "inform"}${each.covers > 1 ? `, ${each.covers} runs in it` : ""}`;
  if (each.kept_until) return `kept back until ${at(each.kept_until, "")}${each.suppressed_by ? ` by ${each.suppressed_by}` : ""}: ${each.outcome}`;
  if (each.state === "DUE" && each.tries) return `tried ${each.tries} times: ${each.outcome ?? ""}`;
  return [each.suppressed_by, each.outcome].filter(Boolean).join(": ");
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

export function ChangeTable({ rows, date }) {
  return html`<${Table} caption="Changes, the latest first" rows=${rows} columns=${[
    ["Deployed", (each) => at(each.loaded_at, date), "time"],
    ["Product", (each) => (each.name.startsWith("calendars/") ? `calendar ${each.name.slice(10)}` : html`<${ProductLink} name=${each.name} />`)],
    ["Change", (each) => each.kind],
    ["Where", where],
    ["Commit", (each) => html`<code>${each.commit.slice(0, 12)}</code>`],
    ["By", (each) => each.by ?? ""],
  ]} />`;
}

function where({ before, after, kind, too_large: large }) {
  if (kind !== "changed") return "";
  if (large || !before || !after) return "the difference was not kept";
  return [...differing(before, after)].slice(0, 8).join(", ");
}

// The keys whose values differ, by their paths: `wait.deadline`.
function* differing(before, after, path = "") {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [one, other] = [before[key], after[key]];
    if (JSON.stringify(one) === JSON.stringify(other)) continue;
    if (isObject(one) && isObject(other)) yield* differing(one, other, `${path}${key}.`);
    else yield path + key;
  }
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

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
