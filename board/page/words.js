// What a status is called, how it is shown, and the sentence that says where a product stands.
import { at, lasting } from "./times.js";

// The groups of the first page, in the order of who needs attention; `tone` is a colour, `icon` a shape, so that no state is shown by colour alone.
export const GROUPS = [
  { id: "failed", word: "Failed", tone: "bad", icon: "cross", open: true },
  { id: "late", word: "Late", tone: "bad", icon: "clock", open: true },
  { id: "risk", word: "At risk", tone: "warn", icon: "alert", open: true },
  { id: "overdue", word: "Not received", tone: "warn", icon: "alert", open: true },
  { id: "held", word: "Held", tone: "warn", icon: "pause", open: true },
  { id: "outdated", word: "Outdated", tone: "warn", icon: "repeat", open: true },
  { id: "running", word: "Running", tone: "live", icon: "play", open: true },
  { id: "waiting", word: "Waiting", tone: "calm", icon: "hourglass", open: true },
  { id: "later", word: "Still to come", tone: "calm", icon: "circle", open: false },
  { id: "done", word: "Done", tone: "good", icon: "check", open: false },
  { id: "ended", word: "Skipped or cancelled", tone: "mute", icon: "skip", open: false },
  { id: "none", word: "Not on this date", tone: "mute", icon: "circle", open: false },
];
const BY_ID = Object.fromEntries(GROUPS.map((each) => [each.id, each]));

const STATUS = {
  WAITING: ["waiting", "calm", "hourglass"],
  PROCESSING: ["running", "live", "play"],
  COMPLETED: ["done", "good", "check"],
  REFRESHED: ["done", "good", "check"],
  ERROR: ["failed", "bad", "cross"],
  FAILED: ["failed", "bad", "cross"],
  SKIPPED: ["skipped", "mute", "skip"],
  CANCELLED: ["cancelled", "mute", "skip"],
  EXPECTED: ["expected", "calm", "circle"],
  "NOT OPENED": ["not opened", "calm", "circle"],
  ARCHIVED: ["archived", "mute", "box"],
};

const isPast = (moment, now) => Boolean(moment) && Date.parse(moment) < Date.parse(now);

const STARTS = 600_000; // milliseconds in which a run that was released starts

// Nothing goes on until somebody has what was given up performed.
const isStuck = (row) => row.parked && ["WAITING", "PROCESSING"].includes(row.status);

export function group(row, now) {
  if (row.status === "ERROR" || row.status === "FAILED" || row.opening_error || isStuck(row)) return "failed";
  if (row.outdated_at) return "outdated";
  if (row.status === "COMPLETED" || row.status === "REFRESHED" || row.status === "ARCHIVED") return "done";
  if (row.status === "SKIPPED" || row.status === "CANCELLED") return "ended";
  if (row.late || (row.missed && !row.scheduled_at) || isPast(row.deadline_at, now)) return "late";
  if (row.at_risk) return "risk";
  if (isPast(row.usually_at, now)) return "overdue";
  if (row.held) return "held";
  if (row.status === "PROCESSING") return "running";
  if (row.status === "WAITING") return "waiting";
  return row.status === "NOT OPENED" && (row.scheduled_at || !(row.opens_at || row.unscheduled)) ? "none" : "later";
}

export const groupNamed = (id) => BY_ID[id];

// {word, tone, icon} of a row; what is late is shown as late, whatever it does.
export function shown(row, now) {
  const [word, tone, icon] = STATUS[row.status] ?? [String(row.status).toLowerCase(), "mute", "circle"];
  const its = group(row, now);
  if (row.opening_error || isStuck(row)) return { word, tone: "bad", icon: "cross" };
  if (its === "none") return { word, tone: "mute", icon };
  if (its === "late" || its === "risk" || its === "held" || its === "outdated" || its === "overdue") {
    const { tone: louder, icon: shape } = BY_ID[its];
    const name = { late: "late", risk: "at risk", held: "held", outdated: "outdated", overdue: "not received" }[its];
    return { word: row.status === "PROCESSING" && its !== "held" ? `${word}, ${name}` : name, tone: louder, icon: shape };
  }
  return { word, tone, icon };
}

export function statusWord(status) {
  const [word, tone, icon] = STATUS[status] ?? [String(status).toLowerCase(), "mute", "circle"];
  return { word, tone, icon };
}

// Of an input: what was not received at its usual time is shown so, as in its own row.
export const inputWord = (upstream, now) => (upstream.status === "EXPECTED" ? shown(upstream, now) : statusWord(upstream.status));

export const inputName = (name) => (name.endsWith("#files") ? `files of ${name.slice(0, -6)}` : name);

// The elements of a list of an answer and how many it left out: a list that was cut ends with {more: n}.
export function uncut(list = []) {
  const last = list.at(-1);
  return last && typeof last === "object" && "more" in last ? [list.slice(0, -1), last.more] : [list, 0];
}

export function named(names, more = 0) {
  const first = names.slice(0, 3);
  const rest = names.length - first.length + more;
  return first.join(", ") + (rest ? ` and ${rest.toLocaleString()} more` : "");
}

// Where a product stands, in one sentence; the names that it waits for are `links` of the page.
export function sentence(row, date, now) {
  const parts = [];
  const [missing, more] = uncut(row.missing);
  if (row.held) parts.push("held");
  switch (row.status) {
    case "PROCESSING":
      parts.push(`runs since ${at(row.started_at, date)}, for ${lasting(row.started_at, now)}`);
      break;
    case "WAITING":
      if (missing.length) parts.push(`waits for ${named(missing.map(inputName), more)}`);
      else if (row.released_at) parts.push(row.shadow ? `would have been started at ${at(row.released_at, date)}` : `released at ${at(row.released_at, date)}, ${Date.parse(now) - Date.parse(row.released_at) > STARTS ? "not started yet" : "about to start"}`);
      break;
    case "COMPLETED":
    case "REFRESHED":
      parts.push(`ready since ${at(row.finished_at, date)}`);
      if (row.late) parts.push(`was due by ${at(row.due_at, date)}`);
      break;
    case "ERROR":
    case "FAILED":
      parts.push(row.error ?? `failed at ${at(row.finished_at, date)}`);
      if (row.resume_until) parts.push(`goes on by itself until ${at(row.resume_until, date)}`);
      break;
    case "SKIPPED":
    case "CANCELLED":
      parts.push(row.reason ?? `${row.status.toLowerCase()} at ${at(row.finished_at, date)}`);
      break;
    case "EXPECTED":
      parts.push(row.usually_at ? `usually here at ${at(row.usually_at, date)}${isPast(row.usually_at, now) ? ", not yet received" : ""}` : "not received yet");
      break;
    case "NOT OPENED":
      if (row.opening_error) parts.push(`could not be opened: ${row.opening_error}`);
      else if (row.scheduled_at) parts.push(`its opening at ${at(row.opens_at, date)} was before its schedule began here, at ${at(row.scheduled_at, date)}`);
      else if (row.opens_at) parts.push(row.missed || row.late ? `was not opened at ${at(row.opens_at, date)}` : `opens at ${at(row.opens_at, date)}`);
      else parts.push(row.unscheduled ? "opens with its first input" : "not on this date");
      break;
    case "ARCHIVED":
      parts.push("kept in the archive");
      break;
  }
  if (row.files) parts.push(row.files);
  if (row.outdated_at) parts.push(`an input was refreshed again at ${at(row.outdated_at, date)}`);
  if (row.late && !["COMPLETED", "REFRESHED"].includes(row.status) && row.due_at) parts.push(`due by ${at(row.due_at, date)}`);
  if (row.parked) parts.push("something of it was given up, see Health");
  else if (row.failing) parts.push("something of it fails and is tried again");
  return parts.join("; ");
}
