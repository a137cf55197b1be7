// Tables of alerts and of changes: each is a page, and a section of the page of a run or a product.
import { html } from "./html.js";
import { Badge, ProductLink, Table } from "./parts.js";
import { at } from "./times.js";

const STATES = { SENT: ["sent", "good", "check"], DUE: ["due", "live", "clock"], SENDING: ["being sent", "live", "play"], UNKNOWN: ["in doubt", "warn", "alert"], SUPPRESSED: ["not sent", "mute", "skip"] };

// What was sent to whom, and what was kept back and why.
export function AlertTable({ rows, date, its }) {
  return html`<${Table} caption="Alerts" rows=${rows} columns=${[
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

// What deployments changed in the metadata.
export function ChangeTable({ rows, date }) {
  return html`<${Table} caption="Changes, the latest first" rows=${rows} columns=${[
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
