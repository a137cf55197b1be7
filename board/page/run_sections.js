// Sections of a run: its condition as a tree whose leaves say whether they hold, its job runs, and what these logged.
import { useState } from "preact/hooks";
import { useAnswer } from "./asked.js";
import { now } from "./day.js";
import { html } from "./html.js";
import { Badge, Failure, Icon, Loading, Outside, ProductLink, Table, Time } from "./parts.js";
import { at, lasting } from "./times.js";
import { inputWord, uncut } from "./words.js";

export function Condition({ run, date }) {
  if (run.tree) return html`<div class="condition"><${Node} node=${run.tree} date=${date} inputs=${inputsOf(run)} top=${true} /></div>`;
  const leaves = leavesOf(run);
  return leaves.length ? html`<div class="condition"><ul>${leaves.map((leaf, number) => html`<li key=${number}><${Leaf} leaf=${leaf} date=${date} upstream=${leaf.upstream} /></li>`)}</ul></div>` : html`<p class="quiet">It waits for no other product.</p>`;
}

// Where the run has no tree: its inputs, those that are there first.
function leavesOf(run) {
  const there = uncut(run.arrived)[0].map((each) => ({ ...each, state: "arrived", at: each.arrived_at }));
  return [...there, ...uncut(run.missing)[0].map((each) => ({ ...each, state: "missing" }))];
}

// What is known of the products that are waited for, by the numbers of their leaves.
function inputsOf(run) {
  return new Map(uncut(run.missing)[0].map((each) => [each.leaf, each.upstream]));
}

function Node({ node, date, inputs, top }) {
  const parts = node.all_of ?? node.any_of ?? node.cycles;
  if (!parts) return html`<${Leaf} leaf=${node} date=${date} upstream=${inputs.get(node.leaf)} />`;
  const list = html`<ul>${parts.map((each, number) => html`<li key=${number}><${Node} node=${each} date=${date} inputs=${inputs} /></li>`)}</ul>`;
  if (top && node.all_of) return list;
  const title = node.cycles ? html`every cycle of <${ProductLink} name=${node.product} date=${date} />` : node.all_of ? "all of" : "any one of";
  return html`<div class="node"><p class="joined"><${Icon} shape=${SHAPES[node.state]} />${title}</p>${list}</div>`;
}

const SHAPES = { arrived: "check", waived: "check", missing: "hourglass", impossible: "cross" };

function Leaf({ leaf, date, upstream }) {
  const there = leaf.state === "arrived" || leaf.state === "waived";
  const other = leaf.business_date && leaf.business_date !== date && html` <span class="note">of ${leaf.business_date}</span>`;
  return html`<span class="leaf ${there ? "good" : leaf.state === "impossible" ? "never" : "open"}"><${Icon} shape=${SHAPES[leaf.state]} /><${ProductLink} name=${leaf.product} date=${leaf.business_date} />${leaf.cycle && html` <span class="cycle">${leaf.cycle}</span>`}${other}
    ${!there && upstream && html`<${Badge} ...${inputWord(upstream, now.value)} />`}<span class="note">${said(leaf, date, upstream)}</span></span>`;
}

function said(leaf, date, upstream) {
  switch (leaf.state) {
    case "arrived":
      return html`arrived <${Time} moment=${leaf.at} date=${date} />${leaf.event?.attempt > 1 ? `, attempt ${leaf.event.attempt}` : ""}${leaf.event?.account ? `, of account ${leaf.event.account}` : ""}`;
    case "waived":
      return `waived${leaf.by ? ` by ${leaf.by}` : ""}${leaf.reason ? `: ${leaf.reason}` : ""}`;
    case "impossible":
      return `does not come: ${(leaf.event?.status ?? "").toLowerCase()}`;
    default: {
      const waits = upstream?.waits_for && `for ${upstream.waits_for.filter((each) => typeof each === "string").join(", ")}`;
      const expected = leaf.expected_at ?? upstream?.usually_at;
      return [waits, expected && `usually at ${at(expected, date)}`].filter(Boolean).join("; ");
    }
  }
}

// The job runs, with what they logged where the server can read it.
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
