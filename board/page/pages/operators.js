// The pages for whoever operates the application: files, alerts, changes of the metadata, health.
import { useAnswer } from "../asked.js";
import { day, rows } from "../day.js";
import { html } from "../html.js";
import { Badge, Empty, Facts, Failure, Loading, ProductLink, Table, useTitle } from "../parts.js";
import { change, route } from "../routes.js";
import { at, lasting, longDate } from "../times.js";

// Alerts of a date: what was sent to whom, and what was kept back and why.
const STATES = { SENT: ["sent", "good", "check"], DUE: ["due", "live", "clock"], SENDING: ["being sent", "live", "play"], UNKNOWN: ["in doubt", "warn", "alert"], SUPPRESSED: ["not sent", "mute", "skip"] };

export function Alerts() {
  const { date, product } = route.value.about;
  useTitle("Alerts");
  const { answer, error } = useAnswer("alerts", { business_date: date }, 10_000);
  if (error && !answer) return html`<h1>Alerts</h1><${Failure} error=${error} />`;
  if (!answer) return html`<${Loading} />`;
  const its = answer.business_date;
  const found = answer.alerts.filter((each) => !product || each.product === product);
  return html`
    <div class="head"><h1>Alerts</h1><p>${longDate(its)}${product && html`, <${ProductLink} name=${product} date=${date} />`}</p></div>
    ${answer.muted.length > 0 && html`<section aria-labelledby="muted"><h2 id="muted">Muted</h2><ul>${answer.muted.map((each) => html`<li key=${each.muted}>${each.muted} until ${at(each.until, its)}, by ${each.by}${each.reason && `: ${each.reason}`}</li>`)}</ul></section>`}
    ${found.length === 0 ? html`<${Empty} title="No alerts">Nothing had to be reported about this date.</${Empty}>` : html`<${AlertTable} rows=${found} date=${date} its=${its} />`}`;
}

export function AlertTable({ rows, date, its }) {
  return html`<${Table} caption="Alerts" rows=${rows} id=${(each) => each.key} columns=${[
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

// What deployments changed in the metadata, the latest first.
export function Changes() {
  useTitle("Changes");
  const { answer, error } = useAnswer("changes", {}, 0);
  if (error) return html`<h1>Changes</h1><${Failure} error=${error} />`;
  if (!answer) return html`<${Loading} />`;
  return html`<div class="head"><h1>Changes of the metadata</h1></div>
    ${answer.changes.length === 0 ? html`<${Empty} title="No changes">No deployment has changed the metadata.</${Empty}>` : html`<${ChangeTable} rows=${answer.changes} date=${answer.asked_at.slice(0, 10)} />`}`;
}

export function ChangeTable({ rows, date }) {
  return html`<${Table} caption="Changes, the latest first" rows=${rows} id=${(each) => each.key} columns=${[
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

// What the application could not perform.
const EFFECTS = { start_execution: "start of an execution", stop_execution: "stop of an execution", task_success: "answer to a machine", task_failure: "answer to a machine", put_event: "event", alert: "alert" };

const STILL = 25 * 3_600_000; // milliseconds: the scheduler and the monitor are called every hour, or as the deployment says

export function Health() {
  useTitle("Health");
  const { answer, error } = useAnswer("health", {}, 10_000);
  if (error && !answer) return html`<h1>Health</h1><${Failure} error=${error} />`;
  if (!answer) return html`<${Loading} />`;
  const { outbox, parked, products } = answer;
  const letters = answer.dead_letters ?? [];
  const waiting = outbox.due && new Date(answer.asked_at) - new Date(outbox.oldest_due) > 300_000;
  const { ticks = {}, retention = {} } = answer;
  const its = answer.asked_at.slice(0, 10);
  const silent = Object.values(ticks).some((each) => new Date(answer.asked_at) - new Date(each) > STILL);
  const well = !silent && !parked.length && !products.length && !waiting && letters.every((each) => each.messages === 0);
  return html`<div class="head"><h1>Health</h1></div>
    ${well && html`<${Empty} title="All is well">What was due has been performed, every product could be opened, and no message lies in a dead-letter queue.</${Empty}>`}
    <section aria-labelledby="outbox"><h2 id="outbox">What is due</h2><${Facts} facts=${[
      ["To be performed", outbox.due ? `${outbox.due.toLocaleString()}, the oldest for ${lasting(outbox.oldest_due, answer.asked_at)}` : "nothing"],
      ["Tried again", outbox.failing ? `${outbox.failing.toLocaleString()}: ${outbox.last_failure}` : null],
      ["Given up", outbox.parked || null],
      ...Object.entries(ticks).map(([name, moment]) => [`The ${name} was called`, `${at(moment, its)}, ${lasting(moment, answer.asked_at)} ago`]),
      ["The retention ran", retention.ran_at && `${at(retention.ran_at, its)}${retention.error ? `: ${retention.error}` : ""}`],
      ...letters.map((each) => [each.queue, each.reason ?? `${each.messages.toLocaleString()} dead letters`]),
    ]} /></section>
    ${parked.length > 0 && html`<section aria-labelledby="parked"><h2 id="parked">Given up until somebody tries again</h2><${Table} caption="Parked effects" rows=${parked} id=${(each) => each.effect} columns=${[
      ["Number", (each) => each.effect, "number"],
      ["What", (each) => EFFECTS[each.kind] ?? each.kind],
      ["Run", (each) => each.product && html`<${ProductLink} name=${each.product} date=${each.business_date} /> ${each.business_date}`],
      ["Failing since", (each) => at(each.failing_since, answer.asked_at.slice(0, 10)), "time"],
      ["Tries", (each) => each.tries, "number"],
      ["Last error", (each) => each.reason ?? ""],
    ]} /><p class="note">\`headgate retry NUMBER\` or \`headgate retry --all\` tries again.</p></section>`}
    ${products.length > 0 && html`<section aria-labelledby="errors"><h2 id="errors">Products that need an operator</h2><${Table} caption="Products that need an operator" rows=${products} id=${(each) => each.product} columns=${[
      ["Product", (each) => html`<${ProductLink} name=${each.product} />`],
      ["What is wrong", wrong],
    ]} /></section>`}`;
}

function wrong({ not_loaded, not_opened, passed_over }) {
  const missed = passed_over && `${passed_over.count === 1 ? "1 opening was" : `${passed_over.count.toLocaleString()} openings were`} not made (${passed_over.first} to ${passed_over.last}): the scheduler was away for more than three days`;
  return [not_loaded && `not loaded by the last deployment: ${not_loaded}`, not_opened && `its runs could not be opened: ${not_opened}`, missed].filter(Boolean).join("; ");
}

// Files that have landed: of one date, of no product, rejected.
const FILE_STATES = ["RECEIVED", "CLAIMED", "PROCESSED", "REJECTED", "FAILED", "SUPERSEDED", "IGNORED", "UNMATCHED"];

export function Files() {
  const { date, product, status } = route.value.about;
  useTitle("Files");
  const { answer, error } = useAnswer("files", { business_date: date, product, status }, 10_000);
  return html`<div class="head"><h1>Files</h1><div class="filters"><label>State <select onChange=${({ target }) => change({ status: target.value })}>
      <option value="">All states</option>${FILE_STATES.map((each) => html`<option key=${each} value=${each} selected=${each === status}>${each.toLowerCase()}</option>`)}</select></label></div></div>
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
