// What the catalog says of a product, and what deployments have changed in that.
import { useAnswer } from "./asked.js";
import { graph } from "./graph.js";
import { html } from "./html.js";
import { Facts } from "./parts.js";
import { ChangeTable } from "./pages/operators.js";
import { link } from "./routes.js";

const MOST = 10; // changes

export function Definition({ name, commit }) {
  const { answer } = useAnswer("changes", { product: name });
  const about = useAnswer("about", {}).answer;
  const said = graph.value?.products.get(name) ?? {};
  const changes = answer?.changes ?? [];
  const current = changes.find((each) => each.name === name)?.after;
  return html`<section aria-labelledby="definition"><h2 id="definition">Definition</h2><${Facts} facts=${[
    ["Schedule", said.schedule ?? "its inputs open it"],
    ["SLA", said.sla],
    ["Account", said.runs_in ?? said.account],
    ["Commit", commit && html`<code>${commit.slice(0, 12)}</code>`],
    ["Change", about?.may_edit && html`<a href=${link(`edit/${name}`)}>try a change</a>`],
  ]} />
    ${current && html`<details class="whole"><summary>All of it, as it is deployed</summary><pre class="code" tabindex="0">${JSON.stringify(current, null, 2)}</pre></details>`}
    ${changes.length > 0 && html`<h3>Its changes</h3><${ChangeTable} rows=${changes.slice(0, MOST)} date=${answer.asked_at.slice(0, 10)} />
      ${changes.length > MOST && html`<p class="note">and ${changes.length - MOST} earlier ones: <code>headgate changes ${name}</code></p>`}`}</section>`;
}
