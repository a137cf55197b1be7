// Health: what the application could not perform, load or open, signals that refreshed nothing, and how old the snapshots of a hosted board are.
import { hosted } from "../api.js";
import { useAnswer } from "../asked.js";
import { html } from "../html.js";
import { Empty, Facts, Failure, Icon, Loading, ProductLink, Table, useTitle } from "../parts.js";
import { at, lasting } from "../times.js";

const EFFECTS = { start_execution: "start of an execution", stop_execution: "stop of an execution", task_success: "answer to a machine", task_failure: "answer to a machine", put_event: "event", alert: "alert" };

const STILL = 25 * 3_600_000; // milliseconds: the scheduler and the monitor are called every hour, or as the deployment says

export function Health() {
  useTitle("Health");
  const { answer, error } = useAnswer("health", {}, 10_000);
  if (error && !answer) return html`<h1>Health</h1><${Snapshots} /><${Failure} error=${error} />`;
  if (!answer) return html`<h1>Health</h1><${Snapshots} /><${Loading} />`;
  const { outbox, parked, products } = answer;
  const letters = answer.dead_letters ?? [];
  const waiting = outbox.due && new Date(answer.asked_at) - new Date(outbox.oldest_due) > 300_000;
  const { ticks = {}, retention = {}, signals = [] } = answer;
  const its = answer.asked_at.slice(0, 10);
  const silent = Object.values(ticks).some((each) => new Date(answer.asked_at) - new Date(each) > STILL);
  const well = !silent && !signals.some((each) => each.refused) && !parked.length && !products.length && !waiting && letters.every((each) => each.messages === 0);
  return html`<div class="head"><h1>Health</h1></div>
    <${Snapshots} />
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
    ]} /><p class="note"><code>headgate retry NUMBER</code> or <code>headgate retry --all</code> tries again.</p></section>`}
    ${signals.length > 0 && html`<${Unused} signals=${signals} its=${its} />`}
    ${products.length > 0 && html`<section aria-labelledby="errors"><h2 id="errors">Products that need an operator</h2><${Table} caption="Products that need an operator" rows=${products} id=${(each) => each.product} columns=${[
      ["Product", (each) => html`<${ProductLink} name=${each.product} />`],
      ["What is wrong", wrong],
    ]} /></section>`}`;
}

function wrong({ not_loaded, not_opened, passed_over }) {
  const missed = passed_over && `${passed_over.count === 1 ? "1 opening was" : `${passed_over.count.toLocaleString()} openings were`} not made (${passed_over.first} to ${passed_over.last}): the scheduler was away for more than three days`;
  return [not_loaded && `not loaded by the last deployment: ${not_loaded}`, not_opened && `its runs could not be opened: ${not_opened}`, missed].filter(Boolean).join("; ");
}

// Signals that refreshed nothing: those that were refused, then those that concern no product.
function Unused({ signals, its }) {
  return html`<section aria-labelledby="signals"><h2 id="signals">Signals that refreshed nothing</h2><${Table} caption="Signals that refreshed nothing, the latest first" rows=${signals} columns=${[
    ["Last heard", (each) => at(each.last_at, its), "time"],
    ["Signal", (each) => `${each.kind} ${each.subject}`],
    ["Product", (each) => (each.product ? html`<${ProductLink} name=${each.product} />` : "of no product")],
    ["Why", (each) => (each.refused ? `refused: ${each.reason}` : each.reason)],
    ["Such as", (each) => each.example ?? ""],
  ]} /></section>`;
}

// Of a hosted board: when each application has written its last snapshot. The board knows that without asking it.
function Snapshots() {
  const { answer } = useAnswer("about", {}, 30_000, true);
  const ages = (answer?.snapshots ?? []).toSorted((one, other) => (one.written_at < other.written_at ? -1 : 1));
  if (!hosted() || !ages.length) return "";
  const overdue = ages.filter((each) => each.overdue_since);
  const today = answer.asked_at.slice(0, 10);
  return html`<section aria-labelledby="snapshots"><h2 id="snapshots">Snapshots</h2>
    ${overdue.length > 0 && html`<p class="failure" role="alert"><${Icon} shape="alert" /> ${overdue.length === 1 ? "1 application has" : `${overdue.length.toLocaleString()} applications have`} written no snapshot when one was due. The board shows an earlier state of what is named here; the log of the function BoardSnapshotFunction there has the reason.</p>`}
    <${Table} caption="Snapshots, the oldest first" rows=${ages} id=${(each) => each.application} columns=${[
      ["Application", (each) => each.application],
      ["Written", (each) => at(each.written_at, today), "time"],
      ["Age", (each) => lasting(each.written_at, answer.asked_at), "number"],
      ["State", (each) => (each.overdue_since ? `overdue since ${at(each.overdue_since, today)}` : "as it should be")],
    ]} /></section>`;
}
