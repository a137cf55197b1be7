// What an operation would change, as the application has tried it.
import { html } from "./html.js";
import { Table } from "./parts.js";
import { at } from "./times.js";
import { inputName, statusWord, uncut } from "./words.js";

const EFFECTS = { start_execution: "starts of machines", stop_execution: "stops of machines", task_success: "answers to machines", task_failure: "answers to machines", put_event: "events", alert: "alerts" };
const INPUTS = { reopened: "waits again for", waived: "counts as arrived:", unwaived: "waits again for", arrived: "has arrived:", added: "now waits for", removed: "no longer waits for" };

export function Preview({ preview }) {
  const [runs, more] = uncut(preview.runs);
  const [inputs, moreInputs] = uncut(preview.inputs);
  const [jobs] = uncut(preview.jobs);
  const [effects] = uncut(preview.effects);
  return html`<p class="note">Nothing has been changed yet. Account ${preview.account}.</p>
    ${runs.length ? html`<${Table} caption="Runs that would change" rows=${runs} columns=${[
      ["Run", (each) => `${each.product} ${each.business_date}${each.cycle ? ` ${each.cycle}` : ""}`],
      ["Is", (each) => (each.was ? statusWord(each.was).word : "not opened")],
      ["Would be", (each) => statusWord(each.status).word],
      ["Attempt", (each) => each.attempt, "number"],
      ["What happens", (each) => each.events.join(", ").replaceAll("_", " ")],
      ["Due", (each) => at(each.due_at, each.business_date), "time"],
    ]} />` : html`<p>No run would change.</p>`}
    ${more > 0 && html`<p>and ${more.toLocaleString()} more runs</p>`}
    ${inputs.length > 0 && html`<p>Inputs: ${inputs.slice(0, 8).map((each) => `${each.product} ${INPUTS[each.event] ?? each.event} ${inputName(each.upstream)}`).join("; ")}${inputs.length + moreInputs > 8 ? ` and ${inputs.length + moreInputs - 8} more` : ""}.</p>`}
    ${jobs.length > 0 && html`<p>Job runs: ${jobs.map((each) => `${each.job} ${"stopped" in each ? "is asked to stop" : "goes on"}`).join("; ")}.</p>`}
    ${effects.length > 0 && html`<p>AWS is asked afterwards for: ${counted(effects)}.</p>`}`;
}

function counted(effects) {
  const found = new Map();
  for (const each of effects) {
    const name = EFFECTS[each.kind] ?? each.kind;
    found.set(name, (found.get(name) ?? 0) + each.count);
  }
  return [...found].map(([name, count]) => `${name} (${count})`).join(", ");
}
