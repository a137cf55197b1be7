// Alerts of a date: what was sent to whom, and what was kept back and why.
import { useAnswer } from "../asked.js";
import { html } from "../html.js";
import { Badge, Empty, Failure, Loading, ProductLink, Table, useTitle } from "../parts.js";
import { route } from "../routes.js";
import { at, longDate } from "../times.js";

const STATES = { SENT: ["sent", "good", "check"], DUE: ["due", "live", "clock"], SENDING: ["being sent", "live", "play"], UNKNOWN: ["in doubt", "warn", "alert"], SUPPRESSED: ["not sent", "mute", "skip"] };

export function Alerts() {
  const { date, product } = route.value.about;
  useTitle("Alerts");
  const { answer, error } = useAnswer("alerts", { business_date: date }, 10_000);
  if (error && !answer) return html`<h1>Alerts</h1><${Failure} error=${error} />`;
  if (!answer) return html`<${Loading} />`;
  const its = answer.business_date;
  const rows = answer.alerts.filter((each) => !product || each.product === product);
  return html`
    <div class="head"><h1>Alerts</h1><p>${longDate(its)}${product && html`, <${ProductLink} name=${product} date=${date} />`}</p></div>
    ${answer.muted.length > 0 && html`<section aria-labelledby="muted"><h2 id="muted">Muted</h2><ul>${answer.muted.map((each) => html`<li key=${each.muted}>${each.muted} until ${at(each.until, its)}, by ${each.by}${each.reason && `: ${each.reason}`}</li>`)}</ul></section>`}
    ${rows.length === 0 ? html`<${Empty} title="No alerts">Nothing had to be reported about this date.</${Empty}>` : html`<${AlertTable} rows=${rows} date=${date} its=${its} />`}`;
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
  if (each.kept_until) return `kept back until ${at(each.kept_until, "")}: ${each.outcome}`;
  if (each.state === "DUE" && each.tries) return `tried ${each.tries} times: ${each.outcome ?? ""}`;
  return each.outcome ?? "";
}
