// Tries a change of a product's definition: what is wrong with it, what it would change, the patch, and the branch that proposes it. No file is written.
import { useEffect, useRef, useState } from "preact/hooks";
import { action } from "../api.js";
import { useAnswer } from "../asked.js";
import { html } from "../html.js";
import { Badge, Failure, Loading, ProductLink, Said, useTitle } from "../parts.js";
import { route } from "../routes.js";

const PAUSE = 400; // milliseconds after the last key

export function Edit() {
  const name = route.value.rest.join("/");
  useTitle(`Change of ${name}`);
  const { answer, error } = useAnswer("source", { product: name });
  if (error) return html`<h1>Change of ${name}</h1><${Failure} error=${error} />`;
  return answer ? html`<${Draft} key=${name} source=${answer} />` : html`<${Loading} />`;
}

function Draft({ source }) {
  const [text, setText] = useState(source.text);
  const [draft, setDraft] = useState(null);
  const [error, setError] = useState(null);
  const latest = useRef(0);
  useEffect(() => {
    const number = (latest.current += 1);
    const timer = setTimeout(async () => {
      try {
        const found = await action("draft", { product: source.product, text });
        if (number === latest.current) [setDraft(found), setError(null)];
      } catch (failure) {
        if (number === latest.current) setError(failure);
      }
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<div class="head"><h1>Change of <${ProductLink} name=${source.product} /></h1><p>${source.path}</p></div>
    <p class="quiet">No file is written, here or in production: the result is a patch, or a branch of the repository from which a pull request is opened.</p>
    <div class="columns">
      <section aria-labelledby="definition"><h2 id="definition">Definition</h2>
        <textarea class="code" aria-labelledby="definition" spellcheck="false" rows=${Math.max(16, text.split("\n").length + 1)} value=${text} onInput=${({ target }) => setText(target.value)}></textarea></section>
      <div aria-live="polite">
        ${error && html`<${Failure} error=${error} />`}
        ${draft ? html`<${Findings} findings=${draft.findings} /><${Changes} draft=${draft} /><${Patch} patch=${draft.patch} path=${source.path} />${draft.patch && html`<${Proposal} key=${draft.patch} source=${source} draft=${draft} text=${text} />`}` : html`<${Loading} />`}
      </div>
    </div>`;
}

function Findings({ findings }) {
  return html`<section aria-labelledby="findings"><h2 id="findings">Findings</h2>${
    findings.length
      ? html`<ul class="findings">${findings.map((each, number) => html`<li key=${number}>
          <${Badge} word=${`${each.severity} ${each.id}`} tone=${each.severity === "error" ? "bad" : "warn"} icon=${each.severity === "error" ? "cross" : "alert"} /> <strong>${each.title}</strong> <span class="note">${each.file}${each.line ? `:${each.line}:${each.column}` : ""} ${each.pointer}</span>
          <p><${Said} text=${`Found ${each.found}; expected ${each.expected}.${each.hint ? ` ${each.hint}` : ""}`} /></p></li>`)}</ul>`
      : html`<p class="quiet">None.</p>`
  }</section>`;
}

function Changes({ draft }) {
  if (!draft.changes.length) return "";
  return html`<section aria-labelledby="changes"><h2 id="changes">What it would change</h2><ul>${draft.changes.map((each) => html`<li key=${each.product}>${each.product} ${each.kind}<ul>${each.sentences.map((sentence, number) => html`<li key=${number}>${sentence}</li>`)}</ul></li>`)}</ul></section>`;
}

function Patch({ patch, path }) {
  if (!patch) return "";
  const copy = () => navigator.clipboard.writeText(patch);
  return html`<section aria-labelledby="patch"><h2 id="patch">Patch</h2><pre class="code" tabindex="0">${patch}</pre>
    <div class="buttons"><button type="button" onClick=${copy}>Copy it</button><a class="button" download=${`${path.split("/").slice(1).join("-")}.patch`} href=${`data:text/x-diff;charset=utf-8,${encodeURIComponent(patch)}`}>Download it</a></div>
    <p class="note"><code>git apply</code> takes it in the folder of the project.</p></section>`;
}

// A branch of the project's remote: what would be pushed, the confirmation of exactly that, and where the pull request is opened.
function Proposal({ source, draft, text }) {
  const [title, setTitle] = useState(`Change ${source.product}${draft.changes[0]?.sentences[0] ? `: ${draft.changes[0].sentences[0]}` : ""}`.slice(0, 200));
  const [shown, setShown] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      setShown(await action("propose", { product: source.product, text, title, expect: shown?.digest }));
    } catch (failure) {
      setError(failure);
      setShown(null);
    }
    setBusy(false);
  };
  if (!source.remote) return html`<p class="note">A branch cannot be proposed from here: <${Said} text=${source.not_proposed} /></p>`;
  if (draft.findings.some((each) => each.severity === "error")) return "";
  return html`<section aria-labelledby="proposal"><h2 id="proposal">Pull request</h2><form onSubmit=${submit}>
    <label class="reason">Title <input name="title" required maxlength="200" value=${title} disabled=${shown?.pushed} onInput=${({ target }) => [setTitle(target.value), setShown(null)]} /></label>
    ${error && html`<${Failure} error=${error} />`}
    ${shown && html`<p>${shown.pushed ? "Pushed:" : "This would be pushed, and nothing else:"} branch <code>${shown.branch}</code> of ${shown.remote}, one commit with this patch on <code>${shown.base}</code>.</p>`}
    ${shown?.pushed ? html`<p>${shown.link ? html`<a class="button" href=${shown.link} target="_blank" rel="noopener noreferrer">Open the pull request</a>` : "Open the pull request where the repository is hosted."}</p>` : html`<div class="buttons"><button type="submit" class=${shown ? "primary" : ""} disabled=${busy || !title.trim()}>${shown ? "Push the branch" : "Show what would be pushed"}</button></div>`}
  </form></section>`;
}
