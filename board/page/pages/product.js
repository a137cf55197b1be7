// One product on one date: where it stands and why, its inputs, its last sixty days, what waits for it.
import { Actions } from "../actions.js";
import { useAnswer } from "../asked.js";
import { date as chosen, day, statusOf } from "../day.js";
import { expectation } from "../forecast.js";
import { html } from "../html.js";
import { Badge, clock, Facts, Failure, Loading, Outside, ProductLink, Table, Time, useTitle } from "../parts.js";
import { Definition, Durations, Lineage, Strip } from "../product_sections.js";
import { link, route } from "../routes.js";
import { Condition, Jobs } from "../run_sections.js";
import { at, lasting, longDate, shifted } from "../times.js";
import { inputName, inputWord, sentence, shown, statusWord, uncut } from "../words.js";

const DAYS = 60;

export function Product() {
  const name = route.value.rest.join("/");
  const { date, cycle } = route.value.about;
  useTitle(name);
  const { answer, error } = useAnswer("why", { product: name, business_date: chosen.value, cycle }, 5_000);
  if (error && !answer) return html`<h1>${name}</h1><${Failure} error=${error} product=${name} />`;
  if (!answer) return html`<${Loading} />`;
  const known = answer.business_date === chosen.value ? statusOf.value.get(`${name} ${answer.run.cycle ?? ""}`.trim()) : null;
  const run = { ...answer.run, product: name, ...(answer.run.status === "EXTERNAL" && known ? { status: known.status } : {}) };
  const row = { ...run, ...known };
  return html`
    <div class="head">
      <h1><${ProductLink} name=${name} date=${date} /></h1>
      <${Badge} ...${shown({ ...row, status: run.status }, answer.asked_at)} />
      <${Actions} run=${run} date=${answer.business_date} />
    </div>
    ${run.description && html`<p class="description">${run.description}</p>`}
    ${run.cycle && html`<${Cycles} of=${run} date=${date} now=${answer.asked_at} />`}
    <p class="lead">On ${longDate(answer.business_date)}${run.cycle && `, cycle ${clock(run.cycle)}`}: ${run.status === "ERROR" && run.error && "failed: "}${sentence({ ...row, status: run.status, missing: (run.missing ?? []).map((each) => each.product ?? each) }, answer.business_date, answer.asked_at) || statusWord(run.status).word}.</p>
    <${Expected} name=${name} run=${run} date=${answer.business_date} />
    <${Causes} run=${run} date=${answer.business_date} now=${answer.asked_at} />
    <div class="columns">
      <section aria-labelledby="inputs"><h2 id="inputs">${run.status === "WAITING" || !run.run_id ? "What it waits for" : "Its inputs"}</h2><${Condition} run=${run} date=${answer.business_date} /></section>
      <section aria-labelledby="about"><h2 id="about">This run</h2><${About} run=${run} date=${answer.business_date} now=${answer.asked_at} /></section>
    </div>
    ${run.signals && html`<${Signals} signals=${run.signals} date=${answer.business_date} />`}
    ${run.files && html`<${RunFiles} files=${run.files} date=${answer.business_date} />`}
    <${Jobs} run=${run} date=${answer.business_date} now=${answer.asked_at} />
    <${Days} name=${name} date=${answer.business_date} />
    <${Lineage} name=${name} date=${answer.business_date} />
    <${Definition} name=${name} commit=${run.metadata?.commit} />`;
}

// Of a product that runs more than once a day the others of its runs.
function Cycles({ of, date, now }) {
  const its = (day.value?.products ?? []).filter((row) => row.product === of.product && row.cycle);
  return its.length > 1 && html`<nav class="cycles" aria-label="Cycles of this date">${its.map((row) => html`<a key=${row.cycle} href=${link(`product/${row.product}`, { date, cycle: row.cycle })} aria-current=${row.cycle === of.cycle ? "page" : undefined}>${clock(row.cycle)} <${Badge} ...${shown(row, now)} /></a> `)}</nav>`;
}

// What is behind it: the products at the beginning of the chain.
function Causes({ run, date, now }) {
  const [causes, more] = uncut(run.root_causes);
  if (!causes.length) return "";
  return html`<section class="causes" aria-labelledby="causes"><h2 id="causes">What is behind it</h2><ul>${causes.map(
    (each) => html`<li key=${each.product}><${ProductLink} name=${each.product} date=${each.business_date} /> ${standing(each.upstream, date, now)}</li>`,
  )}${more > 0 && html`<li>and ${more} more</li>`}</ul></section>`;
}

function standing(upstream, date, now) {
  if (!upstream) return "is not known here";
  const { word, tone, icon } = inputWord(upstream, now);
  const since = upstream.since ? `since ${at(upstream.since, date)}, ${lasting(upstream.since, now)}` : upstream.usually_at ? `usually here at ${at(upstream.usually_at, date)}` : "";
  return html`<${Badge} word=${word} tone=${tone} icon=${icon} /> ${since}${upstream.error && html`: ${upstream.error}`}${upstream.owner && html` <span class="owner">owner ${upstream.owner}</span>`}`;
}

function About({ run, date, now }) {
  const zone = run.timezone;
  const time = (moment) => moment && html`<${Time} moment=${moment} date=${date} zone=${zone} />`;
  const ended = run.finished_at ?? (run.status === "PROCESSING" ? now : null);
  return html`<${Facts} facts=${[
    ["Owner", run.owner],
    ["No longer here", run.no_runs],
    ["Not updated", run.refused],
    ["Held by", run.held_by],
    ...(run.failing ?? []).map((each) => [each.parked_at ? "Given up" : "Tried again", html`${each.kind.replaceAll("_", " ")}: ${each.reason} <code>headgate retry ${each.effect}</code>`]),
    ["In shadow", run.shadow && "Headgate decides, and another scheduler does the work"],
    ["Due", time(run.due_at)],
    ["Deadline for its inputs", run.status === "WAITING" ? time(run.deadline_at) : null],
    ["Opened", time(run.opened_at)],
    ["Released", run.released_at && html`${time(run.released_at)}${run.release_reason && html` <span class="note">${run.release_reason}</span>`}`],
    ["Started", time(run.started_at)],
    ["Ended", time(run.finished_at)],
    [run.finished_at ? "Took" : "Runs for", run.started_at && ended ? lasting(run.started_at, ended) : null],
    ["Attempt", run.attempt > 1 ? run.attempt : null],
    ["Error", run.error && html`${run.error}${run.cause && html`<pre class="cause">${run.cause}</pre>`}`],
    ["Execution", run.link && html`<${Outside} href=${run.link}>in the AWS console</${Outside}>`],
    ["Details", html`<a href=${link(`run/${run.product}`, { date, cycle: run.cycle })}>what happened in this run</a>`],
  ]} />`;
}

// Of a product that is refreshed elsewhere: by which events of other systems that is known, and the last of them.
function Signals({ signals, date }) {
  return html`<section aria-labelledby="signals"><h2 id="signals">Its signal</h2>
    <p>It is refreshed by ${signals.kind} <code>${signals.subject}</code>${signals.account && ` of account ${signals.account}`}.${signals.heard.length === 0 && " None has been heard yet."}</p>
    ${signals.heard.length > 0 && html`<${Table} caption="The last signals, the latest first" rows=${signals.heard} columns=${[
      ["Heard", (each) => at(each.received_at, date), "time"],
      ["Date", (each) => `${each.business_date}${each.cycle ? ` ${each.cycle}` : ""}`],
      ["Says", (each) => html`<${Badge} ...${statusWord(each.status)} />`],
      ["Event", (each) => each.said ?? ""],
      ["Note", (each) => each.cause ?? (each.attempt ? "" : "older than what was known")],
    ]} />`}</section>`;
}

function RunFiles({ files, date }) {
  const [missing] = uncut(files.missing);
  const [there, more] = uncut(files.files);
  return html`<section aria-labelledby="files"><h2 id="files">Its files</h2>
    <p>${files.there} there${files.rejected ? `, ${files.rejected} rejected` : ""}${missing.length ? `, ${missing.length} missing` : ""}.</p>
    ${missing.length > 0 && html`<ul class="missing">${missing.map((each) => html`<li key=${each.what}><strong>${each.what}</strong> is not here${each.usually ? `; it usually comes between ${at(each.usually.from, date)} and ${at(each.usually.to, date)}` : ""}</li>`)}</ul>`}
    <${Table} caption="Files of this date" rows=${there} id=${(each) => each.file} columns=${[
      ["File", (each) => each.name],
      ["Received", (each) => at(each.received_at, date), "time"],
      ["Bytes", (each) => each.size.toLocaleString(), "number"],
      ["State", (each) => each.status.toLowerCase()],
      ["Reason", (each) => each.reason ?? ""],
    ]} />${more > 0 && html`<p>and ${more.toLocaleString()} more</p>`}</section>`;
}

function Days({ name, date }) {
  const { answer } = useAnswer("runs", { product: name, business_date: shifted(date, -DAYS + 1), until: date }, 0);
  if (!answer?.runs.length) return "";
  return html`<section aria-labelledby="days"><h2 id="days">Its last days</h2><${Strip} runs=${answer.runs} from=${answer.business_date} until=${answer.until} product=${name} /><${Durations} runs=${answer.runs} /></section>`;
}

// When it will be ready, and the inputs that decide that.
function Expected({ name, run, date }) {
  const { answer } = useAnswer("forecast", { product: name, business_date: date }, 30_000);
  const rows = new Map((answer?.products ?? []).map((row) => [row.product, row]));
  const said = expectation(rows.get(name), date);
  if (!said || run.finished_at) return "";
  const path = [];
  for (let next = rows.get(name)?.waits_for; rows.has(next) && path.length < 30; next = rows.get(next).waits_for) path.push(rows.get(next));
  return html`<section aria-labelledby="expected"><h2 id="expected">When it will be ready</h2><p>${said[0].toUpperCase()}${said.slice(1)}.${rows.get(name).at_risk && html` <${Badge} word="at risk" tone="warn" icon="alert" /> It is due by ${at(run.due_at, date)}.`}</p>
    ${path.length > 0 && html`<p class="note">What decides it, the last first (<a href=${link("day", { date: route.value.about.date, path: name })}>over the day</a>):</p><ol class="path">${path.map((each) => html`<li key=${each.product}><${ProductLink} name=${each.product} date=${date} /> ${each.expected && html`<${Time} moment=${each.expected} date=${date} />`} <span class="note">${each.basis === "source" ? "refreshed elsewhere" : each.basis}</span></li>`)}</ol>`}</section>`;
}
