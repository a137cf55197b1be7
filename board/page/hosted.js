// What is different in a hosted board: who is signed in, how often it is asked, and a first page by domain where there are too many products for one.
import { hosted, login } from "./api.js";
import { about } from "./asked.js";
import { date, day } from "./day.js";
import { html } from "./html.js";
import { Empty, Loading, Table, useTitle } from "./parts.js";
import { change } from "./routes.js";
import { longDate } from "./times.js";

const COUNTS = [["Products", "products"], ["Failed", "failed"], ["Late", "late"], ["Held", "held"], ["Running", "running"], ["Waiting", "waiting"], ["Done", "done"]];

// Who is signed in, and the way out; nothing in a board of this machine.
export function Person() {
  return hosted() ? html`<${SignedIn} />` : "";
}

function SignedIn() {
  return html`<span class="note">${about.value?.person ?? ""} <button type="button" class="plain" onClick=${() => login.signOut()}>Sign out</button></span>`;
}

// The domains of every application with the numbers of their products, those that need attention first.
export function Overview() {
  useTitle("Domains");
  const found = day.value?.overview;
  if (!found) return html`<${Loading} />`;
  const sorted = [...found].sort((one, other) => other.failed - one.failed || other.late - one.late || one.domain.localeCompare(other.domain));
  const total = found.reduce((sum, each) => sum + each.products, 0);
  return html`<div class="head"><h1>${longDate(date.value)}</h1></div>
    <p class="summary">${total.toLocaleString()} products in ${found.length.toLocaleString()} domains. Choose one to see its products.</p>
    ${found.length ? html`<${Table} caption="Domains" rows=${sorted} id=${(each) => `${each.application} ${each.domain}`} columns=${[
      ["Domain", (each) => html`<button type="button" class="plain" onClick=${() => change({ domain: each.domain })}>${each.domain}</button>`],
      ...COUNTS.map(([title, key]) => [title, (each) => each[key].toLocaleString(), "number"]),
      ["Account", (each) => each.application.split("/")[0]],
    ]} />` : html`<${Empty} title="No domain is shown">Your sign-in names no domain that this board has.</${Empty}>`}`;
}
