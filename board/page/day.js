// The status of the date that is looked at, kept up to date while somebody looks.
import { computed, signal } from "@preact/signals";
import { question } from "./api.js";
import { merged, rowsOf } from "./columns.js";
import { forecastFor, lookAtForecast } from "./forecast.js";
import { graph, lookAtGraph } from "./graph.js";
import { route } from "./routes.js";
import { keep, kept } from "./snapshot.js";
import { group, GROUPS } from "./words.js";

const EVERY = 5_000; // milliseconds
const SELDOM = 30_000; // between questions about what changes slowly
export const day = signal(null); // the answer to `status`
export const failure = signal(null); // why the latest question was not answered
export const changed = signal(""); // what has changed, for those who listen to the page
let tag, asked, timer, received;

export const date = computed(() => route.value.about.date ?? day.value?.business_date);
export const now = computed(() => day.value?.asked_at);

// The rows of the day with what the forecast and the catalog add to them.
const whole = computed(() =>
  (day.value?.products ?? []).map((row) => ({ ...row, at_risk: forecastFor(row)?.at_risk, description: graph.value?.products.get(row.product)?.description })),
);

// Rows by group, after the filters in the address: `domain`, `owner`, `q`, `group`.
export const rows = computed(() => {
  const { domain, owner, q = "" } = route.value.about;
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return whole.value.filter(
    (row) =>
      (!domain || row.product.startsWith(`${domain}/`)) &&
      (!owner || row.owner === owner) &&
      words.every((word) => `${row.product} ${row.owner ?? ""} ${row.description ?? ""}`.toLowerCase().includes(word)),
  );
});

export const grouped = computed(() => {
  const found = Object.fromEntries(GROUPS.map((each) => [each.id, []]));
  for (const row of rows.value) found[group(row, now.value)].push(row);
  return found;
});

export const domains = computed(() => [...new Set((day.value?.products ?? []).map((row) => row.product.split("/")[0]))].sort());
export const owners = computed(() => [...new Set((day.value?.products ?? []).map((row) => row.owner).filter(Boolean))].sort());
export const statusOf = computed(() => new Map(whole.value.map((row) => [row.product, row])));

// Asks for the status of the date, or for what has changed of it since the last answer.
export async function look() {
  clearTimeout(timer);
  const about = { business_date: route.value.about.date };
  const wanted = JSON.stringify(about);
  const before = wanted === asked ? day.value : null;
  try {
    const { answer, tag: newer } = await question("status", { ...about, columns: true, since: before?.position }, before ? tag : undefined);
    if (answer) {
      const rows = Array.isArray(answer.products) ? answer.products : rowsOf(answer.products, answer.business_date);
      const products = answer.whole === false && before ? merged(before.products, answer.changed, rows) : rows;
      const found = { ...answer, products };
      announce(before, found);
      day.value = found;
      [tag, asked] = [newer, wanted];
      if (!about.business_date) keep(found);
    } else {
      const passed = performance.now() - received;
      day.value = { ...day.value, asked_at: new Date(Date.parse(day.value.asked_at) + passed).toISOString() };
    }
    received = performance.now();
    failure.value = null;
  } catch (error) {
    failure.value = error;
    if (!day.value && error.status === 0) day.value = (await kept()) ?? null;
  }
  if (!document.hidden) timer = setTimeout(look, EVERY);
}

function announce(before, after) {
  if (!before) return;
  const was = new Map(before.products.map((row) => [row.key, row.status]));
  const news = after.products.filter((row) => was.get(row.key) !== row.status);
  if (news.length) changed.value = news.length > 3 ? `${news.length} products have changed` : news.map((row) => `${row.product} is ${row.status.toLowerCase()}`).join(", ");
}

async function lookSeldom() {
  if (!document.hidden) await Promise.all([lookAtGraph(), lookAtForecast(route.value.about.date)]);
}

export function keepLooking() {
  setInterval(lookSeldom, SELDOM);
  lookSeldom();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) look();
  });
  let shown = route.value.about.date;
  route.subscribe(({ about }) => {
    if (about.date !== shown) {
      shown = about.date;
      look();
      lookSeldom();
    }
  });
  return look();
}
