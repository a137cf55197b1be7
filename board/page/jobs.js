// The job runs of a run, with what they logged where the server can read it.
import { useState } from "preact/hooks";
import { useAnswer } from "./asked.js";
import { html } from "./html.js";
import { Failure, Loading, Outside, Table } from "./parts.js";
import { at, lasting } from "./times.js";
import { uncut } from "./words.js";

export function Jobs({ run, date, now }) {
  const [jobs, more] = uncut(run.jobs);
  if (!jobs.length) return "";
  return html`<section aria-labelledby="jobs"><h2 id="jobs">Its steps</h2><${Table} caption="Job runs" rows=${jobs} id=${(each) => each.job_run_id} columns=${[
    ["Step", (each) => each.step],
    ["Job", (each) => html`<${Outside} href=${each.link}>${each.job}</${Outside}>`],
    ["State", (each) => each.state.toLowerCase()],
    ["Attempt", (each) => each.attempt, "number"],
    ["Started", (each) => at(each.started_at, date), "time"],
    ["Took", (each) => lasting(each.started_at, each.ended_at ?? now), "number"],
    ["Message", (each) => each.message ?? ""],
  ]} />${more > 0 && html`<p>and ${more} more</p>`}</section>`;
}

export function Logs({ name, date }) {
  const [asked, setAsked] = useState(false);
  return html`<section aria-labelledby="logs"><h2 id="logs">What its jobs logged</h2>
    ${asked ? html`<${Lines} name=${name} date=${date} />` : html`<button type="button" onClick=${() => setAsked(true)}>Show the last lines</button>`}
    <p class="note">The same in a terminal: <code>headgate logs ${name} --date ${date}</code></p></section>`;
}

function Lines({ name, date }) {
  const { answer, error } = useAnswer("logs", { product: name, business_date: date });
  if (error) return html`<${Failure} error=${error} />`;
  if (!answer) return html`<${Loading} />`;
  if (!answer.job_runs.length) return html`<p class="quiet">No job has started.</p>`;
  return answer.job_runs.map((each) => html`<h3>${each.step}, attempt ${each.attempt} <span class="note">${each.job_run_id}</span></h3>
    ${each.places.map((place) => html`<p class="note">${place.place}${place.problem ? `: ${place.problem}` : place.lines.length ? "" : ": nothing"}</p>
      ${place.lines.length > 0 && html`<pre class="code" tabindex="0" aria-label=${`Log of ${each.step}`}>${place.lines.map((line) => `${line.at ? `${at(line.at, date, true)} ` : ""}${line.text}`).join("\n")}</pre>`}`)}`);
}
