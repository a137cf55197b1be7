// When each product of the date is expected to be ready.
import { computed, signal } from "@preact/signals";
import { question } from "./api.js";
import { at, lasting } from "./times.js";
import { inputName } from "./words.js";

const NOTABLE = 300; // seconds from the usual time that are worth a word
const forecast = signal(null);
export const forecastOf = computed(() => new Map((forecast.value?.products ?? []).map((row) => [`${row.product} ${row.cycle ?? ""}`.trim(), row])));

let wanted; // what was asked for last: an answer about another date comes too late

export async function lookAtForecast(date, scope = {}) {
  const about = { ...scope, business_date: date };
  const key = JSON.stringify(about);
  if (wanted !== key) forecast.value = null;
  wanted = key;
  const found = await question("forecast", about).then(({ answer }) => answer ?? forecast.value, () => null); // an application of a release before has none
  if (wanted === key) forecast.value = found;
}

export const forecastFor = (row) => forecastOf.value.get(`${row.product} ${row.cycle ?? ""}`.trim());

// `08:25, between 08:15 and 08:40: raw/rd4 comes 40 minutes later than usual`, as the command says it; empty for what has ended.
export function expectation(row, date) {
  if (!row || row.basis === "done" || row.basis === "ended") return "";
  return [moment(row, date), reason(row)].filter(Boolean).join(": ");
}

// `about 08:25`, `by 10:00`, `after 10:00`
export function briefly({ basis, expected, high }, date) {
  return `${high ? "about" : basis === "deadline" ? "by" : "after"} ${at(expected, date)}`;
}

function moment({ basis, expected, low, high }, date) {
  if (!expected) return "not known";
  const time = at(expected, date);
  if (!high) return basis === "deadline" ? `by ${time}` : `not before ${time}`;
  const [from, until] = [at(low, date), at(high, date)];
  return from === until ? `about ${time}` : `about ${time}, between ${from} and ${until}`;
}

function reason(row) {
  const name = row.because ? inputName(row.because) : "";
  const basis = row.because_basis ?? row.basis;
  const its = name || "it";
  if (row.basis === "running" && !row.expected) return "it has no history";
  if (basis === "held") return `${its} is held`;
  if (basis === "failed") return `${its} has failed`;
  if (basis === "deadline") return `${its} has no history; this is its deadline`;
  if (basis === "unknown" || basis === "ended") return name || row.waits_for ? `nothing is known of ${name || inputName(row.waits_for)}` : "it has no history";
  if (!row.because_late || Math.abs(row.because_late) < NOTABLE) return row.basis === "waiting" && row.waits_for ? `waits for ${inputName(row.waits_for)}` : "";
  const verb = { done: "came", running: "runs", source: "comes" }[basis] ?? "is";
  const minutes = Math.round(Math.abs(row.because_late) / 60);
  return `${its} ${verb} ${minutes < 120 ? `${minutes} minutes` : lasting(0, minutes * 60_000)} ${row.because_late < 0 ? "earlier" : basis === "running" ? "longer" : "later"} than usual`;
}
