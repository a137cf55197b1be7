// The phases of a run's attempts, from its history: what a Gantt chart of it shows. Pure.

// [{row, from, to, tone, text, open}] of the waiting, the pipeline and each job run, in the order in which they began. `open` ones go on at `now`.
export function phases(entries, now, jobs = []) {
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
      begin("start", `is started${attempt}`, each.at, "mute", "released, its machine starts");
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
