// The condition of a run as a tree whose leaves say whether they hold.
import { html } from "./html.js";
import { Badge, Icon, ProductLink, Time } from "./parts.js";
import { at } from "./times.js";
import { statusWord, uncut } from "./words.js";

const JOINED = { all_of: "all of", any_of: "any one of", at_least: "at least" };

export function Condition({ run, date }) {
  const leaves = leavesOf(run);
  if (!leaves.length) return html`<p class="quiet">It waits for no other product.</p>`;
  const tree = run.condition;
  const flat = !tree || (tree.all_of?.every((each) => typeof each === "number") ?? false);
  return html`<div class="condition">${flat ? html`<${Leaves} leaves=${leaves} date=${date} />` : html`<${Node} node=${tree} leaves=${leaves} date=${date} />`}</div>`;
}

// The inputs in the order of the condition, as far as the answer numbers them; else those that are there first.
function leavesOf(run) {
  const [arrived] = uncut(run.arrived);
  const [missing] = uncut(run.missing);
  const all = [...arrived.map((each) => ({ ...each, there: true })), ...missing.map((each) => ({ ...each, there: false }))];
  return all.every((each) => Number.isInteger(each.leaf)) ? all.sort((one, other) => one.leaf - other.leaf) : all;
}

function Node({ node, leaves, date }) {
  if (typeof node === "number") {
    const leaf = leaves.find((each) => each.leaf === node) ?? leaves[node];
    return leaf ? html`<${Leaf} leaf=${leaf} date=${date} />` : "";
  }
  const [kind, parts] = Object.entries(node).find(([name]) => name in JOINED) ?? ["all_of", []];
  const list = Array.isArray(parts) ? parts : (node.of ?? []);
  const count = kind === "at_least" ? ` ${Array.isArray(parts) ? (node.count ?? "") : parts} of` : "";
  return html`<div class="node"><p class="joined">${JOINED[kind]}${count}</p><ul>${list.map((each, number) => html`<li key=${number}><${Node} node=${each} leaves=${leaves} date=${date} /></li>`)}</ul></div>`;
}

function Leaves({ leaves, date }) {
  return html`<ul>${leaves.map((leaf) => html`<li key=${`${leaf.product} ${leaf.business_date} ${leaf.cycle ?? ""}`}><${Leaf} leaf=${leaf} date=${date} /></li>`)}</ul>`;
}

function Leaf({ leaf, date }) {
  const name = html`<${ProductLink} name=${leaf.product} date=${leaf.business_date} />`;
  const other = leaf.business_date !== date && html` <span class="note">of ${leaf.business_date}</span>`;
  if (leaf.there) {
    return html`<span class="leaf good"><${Icon} shape="check" />${name}${other} <span class="note">${leaf.waived ? "waived" : html`arrived <${Time} moment=${leaf.arrived_at} date=${date} />`}</span></span>`;
  }
  const upstream = leaf.upstream;
  const badge = upstream && html`<${Badge} ...${statusWord(upstream.status)} />`;
  const waits = upstream?.waits_for && ` for ${upstream.waits_for.filter((each) => typeof each === "string").join(", ")}`;
  return html`<span class="leaf open"><${Icon} shape="hourglass" />${name}${other} ${badge}<span class="note">${waits}${upstream?.usually_at ? ` usually at ${at(upstream.usually_at, date)}` : ""}</span></span>`;
}
