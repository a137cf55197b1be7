// What the application could not perform, for whoever operates it.
import { useAnswer } from "../asked.js";
import { html } from "../html.js";
import { Empty, Facts, Failure, Loading, ProductLink, Table, useTitle } from "../parts.js";
import { at, lasting } from "../times.js";

const EFFECTS = { start_execution: "start of an execution", stop_execution: "stop of an execution", task_success: "answer to a machine", task_failure: "answer to a machine", put_event: "event", alert: "alert" };

export function Health() {
  useTitle("Health");
  const { answer, error } = useAnswer("health", {}, 10_000);
  if (error && !answer) return html`<h1>Health</h1><${Failure} error=${error} />`;
  if (!answer) return html`<${Loading} />`;
  const { outbox, parked, products } = answer;
  const letters = answer.dead_letters ?? [];
  const waiting = outbox.due && new Date(answer.asked_at) - new Date(outbox.oldest_due) > 300_000;
  const well = !parked.length && !products.length && !waiting && letters.every((each) => each.messages === 0);
  return html`<div class="head"><h1>Health</h1></div>
    ${well && html`<${Empty} title="All is well">What was due has been performed, every product could be opened, and no message lies in a dead-letter queue.</${Empty}>`}
    <section aria-labelledby="outbox"><h2 id="outbox">What is due</h2><${Facts} facts=${[
      ["To be performed", outbox.due ? `${outbox.due.toLocaleString()}, the oldest for ${lasting(outbox.oldest_due, answer.asked_at)}` : "nothing"],
      ["Tried again", outbox.failing ? `${outbox.failing.toLocaleString()}: ${outbox.last_failure}` : null],
      ["Given up", outbox.parked || null],
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
  const missed = passed_over && `${passed_over.count.toLocaleString()} openings were not made (${passed_over.first} to ${passed_over.last}): the scheduler was away for more than three days`;
  return [not_loaded && `not loaded by the last deployment: ${not_loaded}`, not_opened && `its runs could not be opened: ${not_opened}`, missed].filter(Boolean).join("; ");
}
