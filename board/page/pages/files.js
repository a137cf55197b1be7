// Files that have landed: of one date, of no product, rejected.
import { useAnswer } from "../asked.js";
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
