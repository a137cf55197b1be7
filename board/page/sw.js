// Keeps the files of the page, so that it opens while its server is away. Answers are not kept here: see snapshot.js.

const FILES = "headgate-files";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { origin, pathname, search } = new URL(event.request.url);
  if (event.request.method === "GET" && origin === location.origin && !search && pathname !== "/config" && !pathname.startsWith("/api/")) event.respondWith(file(event.request));
});

// The server's file, which is kept; the kept one only where the server does not answer.
async function file(request) {
  const kept = await caches.open(FILES);
  try {
    const answer = await fetch(request);
    if (answer.ok) await kept.put(request, answer.clone());
    return answer;
  } catch (error) {
    const found = await kept.match(request, { ignoreSearch: true });
    if (found) return found;
    throw error;
  }
}
