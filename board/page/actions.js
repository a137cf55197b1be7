// Operations on a run: what would change, why it is done, and the confirmation that is bound to what was shown.
import { useEffect, useRef, useState } from "preact/hooks";
import { action } from "./api.js";
import { about, acted } from "./asked.js";
import { changed, look } from "./day.js";
import { html } from "./html.js";
import { Failure, Loading, Table } from "./parts.js";
import { at } from "./times.js";
import { inputName, statusWord, uncut } from "./words.js";

const HOLDS = 120_000; // milliseconds after which a preview is asked for again
const ENDED = ["COMPLETED", "ERROR", "SKIPPED", "CANCELLED"];

// The operations that the state of the run allows: {name, title, about, reason, product, until}; `reason` says that one is asked for, `product` that it is
// about the product and not about the run, `until` that it may be about more dates.
export function possible(run) {
  if (run.no_runs) return []; // its product was removed, or runs elsewhere
  const backfill = { name: "backfill", title: run.run_id ? "Open dates" : "Open this date", about: {}, until: true };
  if (!run.run_id) return run.status === "NOT OPENED" ? [backfill] : [];
  const [missing] = uncut(run.missing);
  const waits = run.status === "WAITING" && !run.released_at;
  return [
    ENDED.includes(run.status) && { name: "rerun", title: "Run again", about: {} },
    ENDED.includes(run.status) && uncut(run.downstream)[0].length && { name: "rerun", title: "Run again with everything downstream", about: { downstream: true } },
    !ENDED.includes(run.status) && !run.held && { name: "hold", title: "Hold", about: {} },
    run.held && { name: "release", title: "End the hold", about: {}, product: run.held === "product" },
    waits && { name: "skip", title: "Skip", about: {} },
    !ENDED.includes(run.status) && { name: "cancel", title: "Cancel", about: {}, reason: true },
    ...missing.filter((each) => waits && each.product).map((each) => ({ name: "waive", title: `Go on without ${inputName(each.product)}`, about: { input: each.product }, reason: true })),
    backfill,
  ].filter(Boolean);
}

// A hosted board says on which domains somebody may act; whoever may not is refused in any case.
const mayAct = (product) => about.value && (!about.value.acts_on || about.value.acts_on.includes(product.split("/")[0]));

export function Actions({ run, date }) {
  const [chosen, setChosen] = useState(null);
  const all = possible(run);
  if (!all.length || !mayAct(run.product)) return "";
  return html`<div class="actions">${all.map((each) => html`<button key=${each.title} type="button" onClick=${() => setChosen(each)}>${each.title}</button>`)}
    ${chosen && html`<${Dialog} what=${chosen} run=${run} date=${date} close=${() => setChosen(null)} />`}</div>`;
}

// A reason is part of what is done, so it is asked for first: the confirmation holds for exactly the preview that is shown.
function Dialog({ what, run, date, close }) {
  const dialog = useRef(null);
  const [preview, setPreview] = useState(null);
  const [error, setError] = useState(null);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [dates, setDates] = useState({ business_date: date, until: date });
  const place = what.until ? dates : what.product ? {} : { business_date: date, ...(run.cycle ? { cycle: run.cycle } : {}) };
  const given = { product: run.product, ...place, ...what.about, ...(what.reason ? { reason: reason.trim() } : {}) };
  const perform = async (more) => {
    setBusy(true);
    setError(null);
    try {
      return await action(what.name, { ...given, ...more });
    } catch (failure) {
      setError({ error: failure, title: more.expect ? "This was not done." : "This cannot be done." });
      setPreview(null);
      return null;
    } finally {
      setBusy(false);
    }
  };
  const show = async () => setPreview(await perform({ preview: true }));
  useEffect(() => {
    dialog.current.showModal();
    if (!what.reason) show();
  }, []);
  useEffect(() => {
    const timer = preview && setTimeout(() => setPreview(null), HOLDS);
    return () => clearTimeout(timer);
  }, [preview]);
  const submit = async (event) => {
    event.preventDefault();
    if (!preview) return show();
    if ((await perform({ expect: preview.digest })) !== null) {
      dialog.current.close();
      acted.value += 1;
      changed.value = `${what.title}: done for ${run.product}`;
      look();
    }
  };
  return html`<dialog ref=${dialog} aria-labelledby="dialog" onClose=${close}><form onSubmit=${submit}>
    <h2 id="dialog">${what.title}: ${run.product}</h2>
    ${what.reason && html`<label class="reason">Why <input name="reason" required maxlength="500" value=${reason} onInput=${({ target }) => {
      setReason(target.value);
      setPreview(null);
    }} /></label>`}
    ${what.until && html`<div class="filters">${[["business_date", "From"], ["until", "to"]].map(([name, word]) => html`<label key=${name}>${word} <input type="date" name=${name} required value=${dates[name]} onInput=${({ target }) => {
      setDates((before) => ({ ...before, [name]: target.value }));
      setPreview(null);
    }} /></label>`)}</div>`}
    ${error && html`<${Failure} ...${error} />`}
    ${busy && !preview && html`<${Loading} />`}
    ${preview && html`<${Preview} preview=${preview} date=${date} />`}
    <div class="buttons"><button type="button" onClick=${() => dialog.current.close()}>Leave it as it is</button>
      <button type="submit" class="primary" disabled=${busy || (what.reason && !reason.trim())}>${preview ? what.title : "Show what would change"}</button></div>
  </form></dialog>`;
}

// What it would change, as the application has tried it.
const EFFECTS = { start_execution: "starts of machines", stop_execution: "stops of machines", task_success: "answers to machines", task_failure: "answers to machines", put_event: "events", alert: "alerts" };
const INPUTS = { reopened: "waits again for", waived: "counts as arrived:", unwaived: "waits again for", arrived: "has arrived:", added: "now waits for", removed: "no longer waits for" };

function Preview({ preview }) {
  const [runs, more] = uncut(preview.runs);
  const [inputs, moreInputs] = uncut(preview.inputs);
  const [jobs] = uncut(preview.jobs);
  const [effects] = uncut(preview.effects);
  return html`<p class="note">Nothing has been changed yet. Account ${preview.account}.</p>
    ${runs.length ? html`<${Table} caption="Runs that would change" rows=${runs} columns=${[
      ["Run", (each) => `${each.product} ${each.business_date}${each.cycle ? ` ${each.cycle}` : ""}`],
      ["Is", (each) => (each.was ? statusWord(each.was).word : "not opened")],
      ["Would be", (each) => statusWord(each.status).word],
      ["Attempt", (each) => each.attempt, "number"],
      ["What happens", (each) => each.events.join(", ").replaceAll("_", " ")],
      ["Due", (each) => at(each.due_at, each.business_date), "time"],
    ]} />` : html`<p>No run would change.</p>`}
    ${more > 0 && html`<p>and ${more.toLocaleString()} more runs</p>`}
    ${inputs.length > 0 && html`<p>Inputs: ${inputs.slice(0, 8).map((each) => `${each.product} ${INPUTS[each.event] ?? each.event} ${inputName(each.upstream)}`).join("; ")}${inputs.length + moreInputs > 8 ? ` and ${inputs.length + moreInputs - 8} more` : ""}.</p>`}
    ${jobs.length > 0 && html`<p>Job runs: ${jobs.map((each) => `${each.job} ${"stopped" in each ? "is asked to stop" : "goes on"}`).join("; ")}.</p>`}
    ${effects.length > 0 && html`<p>AWS is asked afterwards for: ${counted(effects)}.</p>`}`;
}

function counted(effects) {
  const found = new Map();
  for (const each of effects) {
    const name = EFFECTS[each.kind] ?? each.kind;
    found.set(name, (found.get(name) ?? 0) + each.count);
  }
  return [...found].map(([name, count]) => `${name} (${count})`).join(", ");
}
