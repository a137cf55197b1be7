// The course of a run: its phases from its history, as a small Gantt chart of HTML that can be read and tabbed through, and its entries as sentences.
import { html } from "./html.js";
import { Outside } from "./parts.js";
import { at, lasting } from "./times.js";
import { inputName } from "./words.js";

export function Bars({ bars, date, now, marks = [] }) {
  if (!bars.length) return html`<p class="quiet">Nothing has happened yet.</p>`;
  const first = Math.min(...bars.map((each) => +new Date(each.from)), ...marks.map((each) => +new Date(each.at)));
  const last = Math.max(first + 60_000, ...bars.map((each) => +new Date(each.to)), ...marks.map((each) => +new Date(each.at)));
  const place = (moment) => `${((+new Date(moment) - first) / (last - first)) * 100}%`;
  return html`<div class="bars">
    <div class="axis" aria-hidden="true"><span></span><div>${ticks(first, last).map((tick) => html`<span key=${tick} style=${{ left: place(tick) }}>${at(tick, date)}</span>`)}</div></div>
    <ul>${bars.map((bar, number) => html`<li key=${number}>
      <span class="name">${bar.row}</span>
      <div class="track"><div class="span ${bar.tone}${bar.open ? " goes-on" : ""}" style=${{ left: place(bar.from), width: `max(3px, ${((+new Date(bar.to) - +new Date(bar.from)) / (last - first)) * 100}%)` }}></div></div>
      <span class="words"><${Outside} href=${bar.link}>${bar.text}</${Outside}>, ${at(bar.from, date)}${bar.open ? `, goes on for ${lasting(bar.from, now)}` : ` to ${at(bar.to, date)}, ${lasting(bar.from, bar.to)}`}</span>
    </li>`)}</ul>
  </div>`;
}

const EDGE = 0.04; // of the axis, on which no label has room

// Round moments of an axis that has room for so many labels.
export function ticks(first, last, room = 25) {
  const most = last - (last - first) * Math.max(EDGE, 0.9 / room);
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080].map((minutes) => minutes * 60_000);
  const step = steps.find((each) => (last - first) / each <= Math.min(room, 7)) ?? steps.at(-1);
  const offset = new Date(first).getTimezoneOffset() * 60_000;
  const found = [];
  for (let moment = Math.ceil((first - offset) / step) * step + offset; moment <= most; moment += step) found.push(moment);
  return found;
}

// [{row, from, to, tone, text, open}] of the waiting, the pipeline and each job run, in the order in which they began. `open` ones go on at `now`.
export function phases(entries, now, { jobs = [], shadow } = {}) {
  const bars = [];
  const open = new Map();
  const begin = (key, row, at, tone, text) => {
    end(key, at);
    const bar = { row, from: at, to: now, tone, text, open: true };
    open.set(key, bar);
    bars.push(bar);
  };
  const end = (key, at, tone) => {
    const bar = open.get(key);
    if (!bar) return;
    Object.assign(bar, { to: at, open: false, tone: tone ?? bar.tone });
    open.delete(key);
  };
  const links = new Map(jobs.filter((each) => each.job_run_id).map((each) => [each.job_run_id, each.link]));
  for (const each of entries) {
    const attempt = each.attempt > 1 ? `, attempt ${each.attempt}` : "";
    if (each.kind === "run" && each.opened) begin("wait", `waits for its inputs${attempt}`, each.at, "calm", "waits for its inputs");
    else if (each.kind === "run" && each.released) {
      end("wait", each.at);
      begin("start", `${shadow ? "would have been" : "is"} started${attempt}`, each.at, "mute", shadow ? "released; another scheduler starts it" : "released, its machine starts");
    } else if (each.kind === "run" && each.status === "PROCESSING") {
      end("wait", each.at);
      end("start", each.at);
      begin("pipeline", `pipeline${attempt}`, each.at, "live", "pipeline");
    } else if (each.kind === "run" && ["COMPLETED", "ERROR", "SKIPPED", "CANCELLED"].includes(each.status)) {
      const tone = { COMPLETED: "good", ERROR: "bad" }[each.status] ?? "mute";
      for (const key of [...open.keys()]) end(key, each.at, key === "pipeline" || each.status === "ERROR" ? tone : undefined);
    } else if (each.kind === "job started") {
      begin(each.job_run_id, `step ${each.step}${attempt}`, each.at, "live", each.job);
      open.get(each.job_run_id).link = links.get(each.job_run_id);
    } else if (each.kind === "job ended") end(each.job_run_id, each.at, each.status === "SUCCEEDED" ? "good" : "bad");
    else if (each.kind === "run" && each.status === "WAITING" && each.attempt > 1 && !open.has("wait")) begin("wait", `waits for its inputs${attempt}`, each.at, "calm", "waits for its inputs");
  }
  return bars;
}

// An entry of the history as a sentence.
export function happened(entry, date) {
  switch (entry.kind) {
    case "run":
      return run(entry, date);
    case "arrived":
      return `${inputName(entry.upstream)} arrived`;
    case "refreshed":
      return `event published: ${(entry.status ?? "").toLowerCase()}`;
    case "job started":
      return `step ${entry.step}: ${entry.job} started (${entry.job_run_id})`;
    case "job ended":
      return `step ${entry.step}: ${entry.job} ${(entry.status ?? "").toLowerCase()}${entry.message ? `: ${entry.message}` : ""}`;
    case "alert":
      return `alert ${entry.alert ?? entry.status ?? ""}`.trim();
    default:
      return [entry.kind, entry.upstream && inputName(entry.upstream), entry.reason ?? entry.message].filter(Boolean).join(": ");
  }
}

function run(entry, date) {
  const why = entry.reason ? `: ${entry.reason}` : "";
  if (entry.opened) return "opened";
  if (entry.released) return `released${why}`;
  if (entry.held) return `held${why}`;
  const words = { WAITING: "its machine waits", PROCESSING: "its pipeline began", COMPLETED: "completed", ERROR: `failed${entry.error ? `: ${entry.error}` : ""}`, SKIPPED: "skipped", CANCELLED: "cancelled" };
  const cause = entry.cause ? ` (${entry.cause})` : "";
  return `${words[entry.status] ?? String(entry.status).toLowerCase()}${entry.error ? "" : why}${cause}${entry.resume_until ? `; goes on by itself until ${at(entry.resume_until, date)}` : ""}`;
}
