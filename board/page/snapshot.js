// The last status that was seen, kept in this browser for the time when the server is away.

const NAME = "headgate-snapshot";
const PLACE = "/snapshot/status";

export async function keep(answer) {
  try {
    await (await caches.open(NAME)).put(PLACE, new Response(JSON.stringify(answer), { headers: { "content-type": "application/json" } }));
  } catch {
    // a browser that keeps nothing (a private window, a full disk) shows what the server answers
  }
}

export async function kept() {
  try {
    return await (await (await caches.open(NAME)).match(PLACE))?.json();
  } catch {
    return undefined;
  }
}

// Lets the page itself be opened while the server is away.
export function keepPage() {
  if (!("serviceWorker" in navigator)) return;
  const policy = window.trustedTypes?.createPolicy("headgate", { createScriptURL: (address) => address });
  navigator.serviceWorker.register(policy ? policy.createScriptURL("sw.js") : "sw.js").catch(() => undefined);
}
