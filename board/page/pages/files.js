// Files that have landed: of one date, of no product, rejected.
import { useAnswer } from "../asked.js";
import { day, rows } from "../day.js";
import { html } from "../html.js";
import { Empty, Failure, Loading, ProductLink, Table, useTitle } from "../parts.js";
import { change, route } from "../routes.js";
import { at } from "../times.js";

const STATES = ["RECEIVED", "CLAIMED", "PROCESSED", "REJECTED", "FAILED", "SUPERSEDED", "IGNORED", "UNMATCHED"];

export function Files() {
  const { date, product, status } = route.value.about;
  useTitle("Files");
  const { answer, error } = useAnswer("files", { business_date: date, product, status }, 10_000);
  return html`<div class="head"><h1>Files</h1><div class="filters"><label>State <select onChange=${({ target }) => change({ status: target.value })}>
      <option value="">All states</option>${STATES.map((each) => html`<option key=${each} value=${each} selected=${each === status}>${each.toLowerCase()}</option>`)}</select></label></div></div>
    ${!status && html`<${Missing} />`}
    ${error && !answer ? html`<${Failure} error=${error} />` : !answer ? html`<${Loading} />` : answer.files.length === 0 ? html`<${Empty} title="No files">No file has landed${status ? " in this state" : ""}${date ? " for this date" : ""}. Products wait for files with the key "files" in their metadata.</${Empty}>` : html`
      <${Table} caption="Files, the latest first" rows=${answer.files} id=${(each) => each.file} columns=${[
        ["Received", (each) => at(each.received_at, date ?? ""), "time"],
        ["File", (each) => each.name],
        ["Number", (each) => each.file, "number"],
        ["Product", (each) => (each.product ? html`<${ProductLink} name=${each.product} date=${each.business_date} />` : "of no product")],
        ["Date", (each) => each.business_date ?? ""],
        ["Bytes", (each) => Number(each.size).toLocaleString(), "number"],
        ["State", (each) => each.status.toLowerCase()],
        ["Reason", (each) => each.reason ?? ""],
      ]} />`}`;
}

// The products of the date that wait for files.
function Missing() {
  const waiting = rows.value.filter((row) => row.files && row.status === "WAITING" && (!route.value.about.product || row.product === route.value.about.product));
  if (!waiting.length) return "";
  return html`<section aria-labelledby="missing"><h2 id="missing">What is missing</h2><ul class="missing">${waiting.map(
    (row) => html`<li key=${row.key}><${ProductLink} name=${row.product} date=${route.value.about.date} /> ${row.files}${row.due_at && html` <span class="note">due by ${at(row.due_at, day.value.business_date)}</span>`}</li>`,
  )}</ul></section>`;
}
