// Signs in to a hosted board at its OpenID Connect provider: authorization code with PKCE (RFC 7636). Tokens are in the memory of this page alone.

const KEPT = "headgate-login"; // what has to survive the way to the provider and back: {state, verifier, hash}
const OUT = "headgate-signed-out";
const EARLY = 60_000; // milliseconds before its end a token is renewed, or half of its time where that is less
let config, provider, access, renewal, due, renewing;

// Returns when somebody is signed in: with what the provider has just sent, or by going there.
export async function begin(given) {
  config = given;
  const answer = new URLSearchParams(location.search);
  try {
    provider = await discovered();
    if (answer.has("state")) await finish(answer);
    else if (sessionStorage.getItem(OUT)) await offer("You are signed out", "");
    else await leave();
  } catch (error) {
    history.replaceState(null, "", location.pathname);
    await offer("You are not signed in", error.message);
  }
}

// The access token, renewed where it is about to end. Who asks meanwhile waits for the same renewal: its token can be used once.
export async function token() {
  if (Date.now() > due) {
    renewing ??= renew().finally(() => (renewing = undefined));
    await renewing;
  }
  return access;
}

async function renew() {
  try {
    if (!renewal) throw new Error("the sign-in has ended");
    await exchange({ grant_type: "refresh_token", refresh_token: renewal });
  } catch {
    await leave();
  }
}

// To the provider, and back to the same place of the page. Never returns.
export async function leave() {
  const verifier = random();
  const state = random();
  sessionStorage.removeItem(OUT);
  sessionStorage.setItem(KEPT, JSON.stringify({ state, verifier, hash: location.hash }));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const about = { response_type: "code", client_id: config.client_id, redirect_uri: here(), scope: config.scope, state, code_challenge: text(challenge), code_challenge_method: "S256" };
  location.assign(`${provider.authorization_endpoint}?${new URLSearchParams(about)}`);
  return new Promise(() => undefined);
}

// Forgets the tokens and what this browser keeps of the board, and tells the provider where it offers that.
export async function signOut() {
  [access, renewal] = [undefined, undefined];
  sessionStorage.setItem(OUT, "yes");
  await Promise.all((await caches.keys()).filter((name) => name === "headgate-snapshot").map((name) => caches.delete(name)));
  const about = { client_id: config.client_id, post_logout_redirect_uri: here(), logout_uri: here() };
  location.assign(provider.end_session_endpoint ? `${provider.end_session_endpoint}?${new URLSearchParams(about)}` : here());
  return new Promise(() => undefined);
}

async function discovered() {
  const found = await asked(`${config.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, {});
  const secure = new URL(config.issuer).protocol;
  const places = [found.authorization_endpoint, found.token_endpoint, found.end_session_endpoint ?? config.issuer];
  if (found.issuer !== config.issuer || places.some((each) => !URL.canParse(each) || new URL(each).protocol !== secure)) throw new Error(`What ${config.issuer} says of itself is not what this board expects.`);
  return found;
}

async function finish(answer) {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  sessionStorage.removeItem(KEPT);
  history.replaceState(null, "", location.pathname + (kept?.hash ?? ""));
  if (!kept || answer.get("state") !== kept.state || (answer.has("iss") && answer.get("iss") !== config.issuer)) throw new Error("The answer of the provider is not to a question of this page. Please sign in again.");
  if (!answer.has("code")) throw new Error(`The provider says: ${(answer.get("error_description") ?? answer.get("error") ?? "no reason").slice(0, 300)}`);
  await exchange({ grant_type: "authorization_code", code: answer.get("code"), redirect_uri: here(), code_verifier: kept.verifier });
}

async function exchange(about) {
  const found = await asked(provider.token_endpoint, { method: "POST", body: new URLSearchParams({ ...about, client_id: config.client_id }) });
  if (!found.access_token || found.token_type?.toLowerCase() !== "bearer") throw new Error("The provider has sent no token.");
  access = found.access_token;
  renewal = found.refresh_token ?? renewal;
  const lasts = (found.expires_in ?? 300) * 1000;
  due = Date.now() + lasts - Math.min(EARLY, lasts / 2);
}

async function asked(address, options) {
  let response;
  try {
    response = await fetch(address, { ...options, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch {
    throw new Error(`${new URL(address).host} does not answer.`);
  }
  const found = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(`${new URL(address).host} refuses: ${String(found.error_description ?? found.error ?? response.status).slice(0, 300)}`);
  return found;
}

// A page with a button, in place of the board. Never returns.
function offer(title, reason) {
  const main = document.createElement("main");
  const made = (name, content) => main.appendChild(Object.assign(document.createElement(name), { textContent: content }));
  made("h1", title);
  if (reason) made("p", reason).setAttribute("role", "alert");
  made("button", "Sign in").addEventListener("click", () => (provider ? leave() : location.reload()));
  main.id = "main";
  document.querySelector("#board").replaceChildren(main);
  return new Promise(() => undefined);
}

const here = () => location.origin + location.pathname;
const random = () => text(crypto.getRandomValues(new Uint8Array(32)));
const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
