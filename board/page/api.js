// Talks to the server of the board. A question answers what is known; an action changes something and is bound to its preview.

const KEY = "headgate-token";
let token = sessionStorage.getItem(KEY) ?? "";
export let login = null; // the module that signs in to a hosted board
export const hosted = () => login !== null;
const tabs = "BroadcastChannel" in window ? new BroadcastChannel(KEY) : null;

// What an application refuses, or that nobody answers: `kind` is its name there, "" if the server cannot be reached.
export class AnswerError extends Error {
  constructor(kind, message, status = 0) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}

// Takes the token from the address, which shows it no longer; a new tab gets it from one that has it.
export async function signIn() {
  const given = /^#token=([\w-]+)$/.exec(location.hash);
  if (given) {
    keep(given[1]);
    history.replaceState(null, "", location.pathname + "#/today");
  }
  tabs?.addEventListener("message", ({ data }) => {
    if (data === "who has it?" && token) tabs.postMessage({ token });
    if (data.token && !token) keep(data.token);
  });
  if (!token && tabs) {
    tabs.postMessage("who has it?");
    await new Promise((done) => setTimeout(done, 150));
  }
  if (!token) await signInHosted();
}

// A board that says with whom one signs in is a hosted one.
async function signInHosted() {
  const config = await fetch("config", { cache: "no-store" }).then((response) => (response.ok ? response.json() : null), () => null);
  if (!config?.issuer) return;
  login = await import("./login.js");
  await login.begin(config);
}

function keep(given) {
  token = given;
  sessionStorage.setItem(KEY, given);
}

export function question(name, about = {}, tag = undefined) {
  const given = Object.entries(about).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(given).toString();
  return answered(`api/${name}${query ? `?${query}` : ""}`, { headers: tag ? { "if-none-match": tag } : {} });
}

export async function action(name, given) {
  const headers = { "content-type": "application/json" };
  return (await answered(`api/${name}`, { method: "POST", headers, body: JSON.stringify(given) })).answer;
}

// {answer, tag}; `answer` is null where it is the one that has this tag.
async function answered(path, options) {
  const bearer = login ? await login.token() : token;
  let response;
  try {
    response = await fetch(path, { ...options, cache: "no-store", headers: { ...options.headers, authorization: `Bearer ${bearer}` } });
  } catch {
    throw new AnswerError("", login ? "The board does not answer. Is this computer connected?" : "The board's server does not answer. Is `headgate up` or `headgate board` still running?");
  }
  const tag = response.headers.get("etag");
  if (response.status === 304) return { answer: null, tag };
  const text = await response.text();
  if (response.status === 401 && login) await login.leave();
  if (response.status === 401) throw new AnswerError("NotSignedIn", text, 401);
  const body = parsed(text);
  if (!response.ok) throw new AnswerError(body?.error ?? "", body?.message ?? text, response.status);
  return { answer: body, tag };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
