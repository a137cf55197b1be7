// One run: when it waited, which steps ran in which attempt, and everything that happened.
import { about, useAnswer } from "../asked.js";
import { Bars, happened, phases } from "../bars.js";
import { date as chosen } from "../day.js";
import { html } from "../html.js";
import { Badge, clock, Failure, Loading, ProductLink, Table, useTitle } from "../parts.js";
import { route } from "../routes.js";
import { Condition, Jobs, Logs } from "../run_sections.js";
import { AlertTable } from "../tables.js";
import { at, longDate } from "../times.js";
import { statusWord } from "../words.js";

export function Run() {
  const name = route.value.rest.join("/");
  const { date, cycle } = route.value.about;
  useTitle(`Run of ${name}`);
  const { answer, error } = useAnswer("history", { product: name, business_date: chosen.value }, 5_000);
  const why = useAnswer("why", { product: name, business_date: chosen.value, cycle }, 5_000).answer;
  if (error && !answer) return html`<h1>${name}</h1><${Failure} error=${error} product=${name} />`;
  if (!answer) return html`<${Loading} />`;
  const entries = answer.entries.filter((each) => !cycle || !each.cycle || each.cycle === cycle);
  const its = answer.business_date;
  const run = why && { ...why.run, product: name };
  return html`
    <div class="head"><h1>Run of <${ProductLink} name=${name} date=${date} /></h1><p>${longDate(its)}${cycle && `, cycle ${clock(cycle)}`}</p>${run && html`<${Badge} ...${statusWord(run.status)} />`}${run?.link && html`<a href=${run.link} target="_blank" rel="noopener noreferrer">execution in the AWS console</a>`}</div>
    <section aria-labelledby="course"><h2 id="course">Its course</h2><${Bars} bars=${phases(entries, answer.asked_at, run ?? {})} date=${its} now=${answer.asked_at} /></section>
    ${run && html`<${Jobs} run=${run} date=${its} now=${answer.asked_at} />`}
    ${run?.jobs && about.value?.may_read_logs && html`<${Logs} name=${name} date=${its} />`}
    ${run && html`<section aria-labelledby="inputs"><h2 id="inputs">Its inputs</h2><${Condition} run=${run} date=${its} /></section>`}
    <section aria-labelledby="happened"><h2 id="happened">What happened</h2>
      ${answer.more && html`<p class="note">Only the latest is shown.</p>`}
      <${Table} caption="What happened, oldest first" rows=${entries} columns=${[
        ["Time", (each) => at(each.at, its, true), "time"],
        ["What", (each) => happened(each, its)],
        ["By", (each) => each.by ?? ""],
        ["Attempt", (each) => each.attempt ?? "", "number"],
      ]} />
    </section>
    <${Alerted} name=${name} date=${its} />`;
}

function Alerted({ name, date }) {
  const { answer } = useAnswer("alerts", { business_date: date, product: name }, 10_000);
  const rows = answer?.alerts ?? [];
  if (!rows.length) return "";
  return html`<section aria-labelledby="alerts"><h2 id="alerts">Who was alerted</h2><${AlertTable} rows=${rows} date=${date} its=${date} /></section>`;
}
