// Today: what needs attention first, in words.
import { Filters, NoProduct } from "../bar.js";
import { date, day, grouped, now, rows } from "../day.js";
import { briefly, expectation, forecastFor } from "../forecast.js";
import { html } from "../html.js";
import { Badge, chunks, clock, FIRST, Icon, Loading, ProductLink, Time, useTitle } from "../parts.js";
import { useKept } from "../place.js";
import { change, route } from "../routes.js";
import { longDate } from "../times.js";
import { GROUPS, groupNamed, sentence, shown } from "../words.js";

export function Today() {
  useTitle("Today");
  if (!day.value) return html`<${Loading} />`;
  const chosen = route.value.about.group;
  const filled = GROUPS.filter((each) => grouped.value[each.id].length);
  const visible = chosen && groupNamed(chosen) ? filled.filter((each) => each.id === chosen) : filled;
  return html`
    <div class="head"><h1>${longDate(date.value)}</h1><${Filters} /></div>
    <p class="summary">${summary()}</p>
    <ul class="counts" aria-label="How many products are in which state">${filled.map(
      (each) => html`<li key=${each.id}><button type="button" class="count ${each.tone}" aria-pressed=${chosen === each.id} onClick=${() => change({ group: chosen === each.id ? "" : each.id })}>
        <${Icon} shape=${each.icon} /><strong>${grouped.value[each.id].length.toLocaleString()}</strong> ${each.word}
      </button></li>`,
    )}</ul>
    ${day.value.unreachable?.map((each) => html`<p class="failure" role="alert" key=${each.application}>${each.application} does not answer: ${each.message}</p>`)}
    ${rows.value.length === 0 && html`<${NoProduct} />`}
    ${visible.map((each) => html`<${Group} key=${each.id} group=${each} products=${grouped.value[each.id]} alone=${Boolean(chosen)} first=${visible.every(({ open }) => !open) && each === visible[0]} />`)}`;
}

function summary() {
  const found = grouped.value;
  const trouble = ["failed", "late", "risk", "overdue", "held", "outdated"].reduce((sum, id) => sum + found[id].length, 0);
  const open = found.running.length + found.waiting.length + found.later.length;
  if (!rows.value.length) return "";
  if (trouble) return `${trouble === 1 ? "1 product needs" : `${trouble.toLocaleString()} products need`} attention; ${found.done.length.toLocaleString()} of ${rows.value.length.toLocaleString()} are ready.`;
  return open ? `Nothing needs attention; ${found.done.length.toLocaleString()} of ${rows.value.length.toLocaleString()} are ready.` : "Everything of this day is done.";
}

function Group({ group, products, alone, first }) {
  const [open, setOpen] = useKept(`${group.id} open`, group.open || first);
  const [all, setAll] = useKept(`${group.id} all`, false);
  const drawn = all ? products : products.slice(0, FIRST);
  return html`<details class="group" open=${open || alone} onToggle=${({ target }) => setOpen(target.open)}>
    <summary><h2 class=${group.tone}><${Icon} shape=${group.icon} />${group.word} <span class="number">${products.length.toLocaleString()}</span></h2></summary>
    ${(open || alone) && html`<table class="products">
      <caption class="hidden">${group.word}</caption>
      <thead><tr><th scope="col">Product</th><th scope="col">Where it stands</th><th scope="col" class="time">Due</th><th scope="col" class="time">Started</th><th scope="col" class="time">Ready</th><th scope="col">Owner</th></tr></thead>
      ${chunks(drawn).map((chunk, number) => html`<tbody key=${number}>${chunk.map((row) => html`<${Row} key=${row.key} row=${row} />`)}</tbody>`)}
    </table>
    ${drawn.length < products.length && html`<button type="button" class="more" onClick=${() => setAll(true)}>Show all ${products.length.toLocaleString()}</button>`}`}
  </details>`;
}

// When it was ready, or is expected to be.
function Ready({ row, date }) {
  if (row.finished_at) return row.status === "ERROR" || row.status === "FAILED" ? "" : html`<${Time} moment=${row.finished_at} date=${date} />`;
  const expected = forecastFor(row);
  return expected?.expected && expected.basis !== "done" ? html`<span class="expected" title=${expectation(expected, date)}>${briefly(expected, date)}</span>` : "";
}

function Row({ row }) {
  const its = date.value;
  return html`<tr>
    <th scope="row"><${ProductLink} name=${row.product} date=${route.value.about.date} cycle=${row.cycle} />${row.cycle && html` <span class="cycle">${clock(row.cycle)}</span>`}</th>
    <td><${Badge} ...${shown(row, now.value)} /> <span class="sentence">${sentence(row, its, now.value)}</span>${row.attempt > 1 && html` <span class="attempt">attempt ${row.attempt}</span>`}</td>
    <td class="time"><${Time} moment=${row.due_at} date=${its} zone=${row.timezone} /></td>
    <td class="time"><${Time} moment=${row.started_at} date=${its} /></td>
    <td class="time"><${Ready} row=${row} date=${its} /></td>
    <td>${row.owner}</td>
  </tr>`;
}
