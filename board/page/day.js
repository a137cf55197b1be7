// The status of the date that is looked at, kept up to date while somebody looks.
import { computed, signal } from "@preact/signals";
import { AnswerError, hosted, question } from "./api.js";
import { lookAtAbout } from "./asked.js";
import { keyed, merged, rowsOf } from "./columns.js";
import { forecastFor, lookAtForecast } from "./forecast.js";
import { graph, lookAtGraph } from "./graph.js";
import { route } from "./routes.js";
import { keep, kept } from "./snapshot.js";
import { group, GROUPS, statusWord } from "./words.js";

const EVERY = 4_000; // milliseconds: a change is shown within five seconds
const EVERY_HOSTED = 8_000; // of a hosted board, whose snapshots are written every ten seconds
const SLOW = 15_000; // without an answer after which the page says how old it is
const SELDOM = 30_000; // between questions about what changes slowly
export const day = signal(null); // the answer to `status`
export const failure = signal(null); // why the latest question was not answered
export const changed = signal(""); // what has changed, for those who listen to the page
let tag, asked, timer, received;
let turn = 0; // of the questions, of which the latest counts
let overviewed = false; // whether the board has answered with numbers by domain

export const date = computed(() => route.value.about.date ?? day.value?.business_date);
export const now = computed(() => day.value?.asked_at);

const inShadow = (application) => Boolean(day.value?.shadow?.some((each) => each.application === application));

// The rows of the day with what the forecast and the catalog add to them.
const whole = computed(() =>
  (day.value?.products ?? []).map((row) => ({ ...row, shadow: inShadow(row.application), due_at: row.due_at ?? forecastFor(row)?.due_at, at_risk: forecastFor(row)?.at_risk, description: graph.value?.products.get(row.product)?.description })),
);

// The filters in the address, as a text: what else changes in it, such as a selection, changes no row.
const filters = computed(() => JSON.stringify([route.value.about.domain, route.value.about.owner, route.value.about.q ?? ""]));

// The rows that the filters in the address leave.
export const rows = computed(() => {
  const [domain, owner, q] = JSON.parse(filters.value);
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
export const statusOf = computed(() => new Map(["product", "key"].flatMap((by) => whole.value.map((row) => [row[by], row])))); // of its cycles the last, and each

// Asks for the status of the date, or for what has changed of it since the last answer.
export async function look() {
  clearTimeout(timer);
  const mine = (turn += 1);
  const about = { business_date: route.value.about.date, ...scope() };
  const wanted = JSON.stringify(about);
  const before = wanted === asked ? day.value : null;
  const slow = setTimeout(() => mine === turn && day.value && (failure.value = new AnswerError("", "There is no answer yet: a database that sleeps takes about half a minute to wake up.")), SLOW);
  try {
    const { answer, tag: newer } = await question("status", { ...about, columns: true, since: before?.position }, before ? tag : undefined);
    if (mine !== turn) return; // another date was chosen meanwhile
    if (answer) {
      const rows = keyed(Array.isArray(answer.products) ? answer.products : rowsOf(answer.products, answer.business_date));
      const products = answer.whole === false && before ? merged(before.products, answer.changed, rows) : rows;
      const found = { ...answer, products };
      announce(before, found);
      overviewed ||= Boolean(found.overview);
      day.value = found;
      if (found.overview && scope().domain) return look();
      [tag, asked] = [newer, wanted];
      if (!about.business_date) keep(found);
    } else {
      const passed = performance.now() - received;
      day.value = { ...day.value, asked_at: new Date(Date.parse(day.value.asked_at) + passed).toISOString() };
    }
    received = performance.now();
    failure.value = null;
  } catch (error) {
    if (mine !== turn) return;
    failure.value = error;
    const last = !day.value && error.status === 0 && (await kept());
    if (last && [undefined, last.business_date].includes(about.business_date)) day.value = last;
  } finally {
    clearTimeout(slow);
  }
  const once = day.value?.live === false; // a hosted board has asked the application for this date
  if (!document.hidden && !once) timer = setTimeout(look, hosted() ? EVERY_HOSTED : EVERY);
}

// The domain that is looked at, where a hosted board has too many products to send them all.
export const scope = () => {
  const { page, rest, about } = route.value;
  const domain = ["product", "run"].includes(page) ? rest[0] : about.domain;
  return overviewed && domain ? { domain } : {};
};

function announce(before, after) {
  if (!before) return;
  const was = new Map(before.products.map((row) => [row.key, row.status]));
  const news = after.products.filter((row) => was.get(row.key) !== row.status);
  if (news.length) changed.value = news.length > 3 ? `${news.length} products have changed` : news.map((row) => `${row.product} is ${statusWord(row.status).word}`).join(", ");
}

async function lookSeldom() {
  if (!document.hidden) await Promise.all([lookAtAbout(), lookAtGraph(scope()), lookAtForecast(route.value.about.date, scope())]);
}

export function keepLooking() {
  setInterval(lookSeldom, SELDOM);
  lookSeldom();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) look();
  });
  const wanted = () => `${route.value.about.date ?? ""} ${scope().domain ?? ""}`;
  let shown = wanted();
  route.subscribe(() => {
    if (wanted() !== shown) {
      shown = wanted();
      if (![undefined, day.value?.business_date].includes(route.value.about.date)) day.value = null; // no date is shown as another one
      look();
      lookSeldom();
    }
  });
  return look();
}
