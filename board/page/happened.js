// An entry of the history as a sentence.
import { at } from "./times.js";
import { inputName } from "./words.js";

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
