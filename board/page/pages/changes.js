// What deployments changed in the metadata, the latest first.
import { useAnswer } from "../asked.js";
import { html } from "../html.js";
import { Empty, Failure, Loading, ProductLink, Table, useTitle } from "../parts.js";
import { at } from "../times.js";

export function Changes() {
  useTitle("Changes");
  const { answer, error } = useAnswer("changes", {}, 0);
  if (error) return html`<h1>Changes</h1><${Failure} error=${error} />`;
  if (!answer) return html`<${Loading} />`;
  return html`<div class="head"><h1>Changes of the metadata</h1></div>
    ${answer.changes.length === 0 ? html`<${Empty} title="No changes">No deployment has changed the metadata.</${Empty}>` : html`<${Table} caption="Changes, the latest first" rows=${answer.changes} id=${(each) => each.key} columns=${[
      ["Deployed", (each) => at(each.loaded_at, answer.asked_at.slice(0, 10)), "time"],
      ["Product", (each) => (each.name.startsWith("calendars/") ? `calendar ${each.name.slice(10)}` : html`<${ProductLink} name=${each.name} />`)],
      ["Change", (each) => each.kind],
      ["Where", where],
      ["Commit", (each) => html`<code>${each.commit.slice(0, 12)}</code>`],
      ["By", (each) => each.by ?? ""],
    ]} />`}`;
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
