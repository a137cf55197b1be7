// Operations on a run: what would change, why it is done, and the confirmation that is bound to what was shown.
import { useEffect, useRef, useState } from "preact/hooks";
import { action } from "./api.js";
import { acted } from "./asked.js";
import { look } from "./day.js";
import { html } from "./html.js";
import { Failure, Loading } from "./parts.js";
import { Preview } from "./preview.js";
import { inputName, uncut } from "./words.js";

const ENDED = ["COMPLETED", "ERROR", "SKIPPED", "CANCELLED"];

// The operations that the state of the run allows: {name, title, about, reason}; `reason` says that one is asked for.
export function possible(run) {
  if (!run.run_id) return run.status === "NOT OPENED" ? [{ name: "backfill", title: "Open this date", about: {} }] : [];
  const [missing] = uncut(run.missing);
  const waits = run.status === "WAITING" && !run.released_at;
  return [
    ENDED.includes(run.status) && { name: "rerun", title: "Run again", about: {} },
    ENDED.includes(run.status) && uncut(run.downstream)[0].length && { name: "rerun", title: "Run again with everything downstream", about: { downstream: true } },
    !ENDED.includes(run.status) && !run.held && { name: "hold", title: "Hold", about: {} },
    run.held && { name: "release", title: "End the hold", about: {} },
    waits && { name: "skip", title: "Skip", about: {} },
    !ENDED.includes(run.status) && { name: "cancel", title: "Cancel", about: {}, reason: true },
    ...missing.filter((each) => waits && each.product).map((each) => ({ name: "waive", title: `Go on without ${inputName(each.product)}`, about: { input: each.product }, reason: true })),
  ].filter(Boolean);
}

export function Actions({ run, date }) {
  const [chosen, setChosen] = useState(null);
  const all = possible(run);
  if (!all.length) return "";
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
  const given = { product: run.product, business_date: date, ...(run.cycle ? { cycle: run.cycle } : {}), ...what.about, ...(what.reason ? { reason: reason.trim() } : {}) };
  const perform = async (more) => {
    setBusy(true);
    setError(null);
    try {
      return await action(what.name, { ...given, ...more });
    } catch (failure) {
      setError(failure);
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
  const submit = async (event) => {
    event.preventDefault();
    if (!preview) return show();
    if ((await perform({ expect: preview.digest })) !== null) {
      dialog.current.close();
      acted.value += 1;
      look();
    }
  };
  return html`<dialog ref=${dialog} aria-labelledby="dialog" onClose=${close}><form onSubmit=${submit}>
    <h2 id="dialog">${what.title}: ${run.product}</h2>
    ${what.reason && html`<label class="reason">Why <input name="reason" required maxlength="500" value=${reason} onInput=${({ target }) => {
      setReason(target.value);
      setPreview(null);
    }} /></label>`}
    ${error && html`<${Failure} error=${error} />`}
    ${busy && !preview && html`<${Loading} />`}
    ${preview && html`<${Preview} preview=${preview} date=${date} />`}
    <div class="buttons"><button type="button" onClick=${() => dialog.current.close()}>Leave it as it is</button>
      <button type="submit" class="primary" disabled=${busy || (what.reason && !reason.trim())}>${preview ? what.title : "Show what would change"}</button></div>
  </form></dialog>`;
}
