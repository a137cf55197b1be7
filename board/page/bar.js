// The bar at the top: pages, date, search.
import { date, day, domains, owners } from "./day.js";
import { Person } from "./hosted.js";
import { html } from "./html.js";
import { Empty } from "./parts.js";
import { change, link, route } from "./routes.js";
import { at, shifted, zone } from "./times.js";

const LINKS = [["today", "Today"], ["day", "Day"], ["mesh", "Mesh"], ["files", "Files"], ["alerts", "Alerts"], ["changes", "Changes"], ["health", "Health"], ["catalog", "Catalog"]];

const UNDATED = ["health", "edit"]; // pages that are about no business date

export function Bar() {
  const { page, about } = route.value;
  const kept = { date: about.date, domain: about.domain, owner: about.owner, q: about.q };
  return html`<header class="bar">
    <a class="brand" href=${link("today")}><img src="icon.svg" alt="" width="22" height="22" />Headgate</a>
    <nav aria-label="Pages">${LINKS.map(([name, title]) => html`<a key=${name} href=${link(name, kept)} aria-current=${page === name ? "page" : undefined}>${title}</a>`)}</nav>
    <form class="find" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label class="hidden" for="find">Find a product</label>
      <input id="find" type="search" placeholder="Find a product" value=${about.q ?? ""} onInput=${find} />
    </form>
    <${DatePick} dated=${!UNDATED.includes(page)} />
    <${Person} />
  </header>`;
}

function find({ target }) {
  const page = route.value.page;
  if (["today", "day", "mesh", "catalog"].includes(page)) change({ q: target.value }, true);
  else location.hash = link("today", { ...route.value.about, q: target.value });
}

function DatePick({ dated }) {
  const shown = date.value ?? "";
  const step = (days) => () => shown && change({ date: shifted(shown, days) });
  return html`<div class="date" ...${dated && { role: "group", "aria-label": "Business date" }}>
    ${dated && html`<button type="button" class="plain" aria-label="The day before" onClick=${step(-1)}>‹</button>
    <input type="date" aria-label="Business date" value=${shown} onChange=${({ target }) => target.value && change({ date: target.value })} />
    <button type="button" class="plain" aria-label="The day after" onClick=${step(1)}>›</button>`}
    <span class="asof" title=${`Times are of your zone, ${zone}`}>${day.value ? `as of ${at(day.value.written_at ?? day.value.asked_at, day.value.business_date)}` : ""}</span>
  </div>`;
}

// Choices among the domains and owners of the day.
export function Filters({ only }) {
  const { about } = route.value;
  return html`<div class="filters">
    <${Choice} name="domain" label="Domain" all="All domains" options=${domains.value} value=${about.domain} />
    ${!only && html`<${Choice} name="owner" label="Owner" all="All owners" options=${owners.value} value=${about.owner} />`}
  </div>`;
}

// In place of a list of products that is empty.
export function NoProduct() {
  return html`<${Empty} title="No product is shown">${day.value.products.length ? "No product matches the search and the choices above." : "The catalog of the application has no products yet. Deploy one, and it appears here."}</${Empty}>`;
}

// What is chosen is shown and can be taken back, also where nothing on this date has it.
function Choice({ name, label, all, options: given, value }) {
  const options = !value || given.includes(value) ? given : [...given, value];
  if (options.length < 2 && !value) return "";
  return html`<label>${label} <select onChange=${({ target }) => change({ [name]: target.value })}>
    <option value="" selected=${!value}>${all}</option>
    ${options.map((each) => html`<option key=${each} value=${each} selected=${each === value}>${each}</option>`)}
  </select></label>`;
}
