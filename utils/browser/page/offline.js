/* The service worker: keeps the page's files, so that it works without a connection. The build fills in what they are. A
visitor gets one version of them, never a mixture: a new one is kept beside the old one until no page of that is open. */

const VERSION = "{{VERSION}}"; // changes with any of the files
const FILES = {{FILES}};
const LARGE = {{LARGE}}; // what the reader loads itself, of some files only those for this kind of browser: it hands them over
const HERE = registration.scope; // another copy of the page, elsewhere on the server, has caches of its own
const CACHE = `${VERSION} ${HERE}`;

/* Loads the page once more as soon as the new version has begun. (Without an icon of its own, one would be asked for.) */
const BLANK = `<link rel="icon" href="data:,"><script>
  const { serviceWorker } = navigator;
  const begin = async () => (await serviceWorker.getRegistration()).waiting || location.reload();
  serviceWorker.oncontrollerchange = begin;
  begin();
</script>`;

const isOurs = (name) => name.startsWith("digits-") && name.endsWith(` ${HERE}`);
const fresh = (names) => names.map((name) => new Request(new URL(name, HERE), { cache: "no-cache" }));

self.addEventListener("install", (event) => event.waitUntil(install()));

async function install() {
  const before = (await caches.keys()).filter(isOurs);
  const had = await Promise.all(LARGE.map((name) => isIn(before, new URL(name, HERE).href)));
  const cache = await caches.open(CACHE);
  await cache.addAll(fresh([...FILES, ...LARGE.filter((_, i) => had[i])]));
}

async function isIn(names, address) {
  for (const name of names) if (await (await caches.open(name)).match(address)) return true;
  return false;
}

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

async function takeOver() {
  const old = (await caches.keys()).filter((name) => isOurs(name) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await clients.claim();
}

self.addEventListener("message", (event) => {
  if (event.data.begin) self.skipWaiting();
  else event.waitUntil(keep(event.data.keep));
});

/* What a page has loaded is put in the cache as it is; unless it is of another version: then it is loaded. */
async function keep({ version, files }) {
  const cache = await caches.open(CACHE);
  if (version !== VERSION) return cache.addAll(fresh(files.map(({ address }) => address)));
  return Promise.all(
    files.map(async ({ address, blob }) => (await cache.match(address)) || cache.put(address, new Response(blob))),
  );
}

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || !address.href.startsWith(HERE)) return;
  event.respondWith(event.request.mode === "navigate" ? open(event.request) : answer(event.request));
});

/* Whoever opens the page when a new version waits gets that, if no other page of the old one is open: the one that is left
or loaded once more does not count. Until it has begun, nothing is asked for: a browser may lose what is asked of a worker
that ends. */
async function open(request) {
  const { waiting } = registration;
  const leaves = request.cache !== "default" || request.referrer.startsWith(HERE);
  if (!waiting || (await clients.matchAll()).length > Number(leaves)) return answer(request);
  waiting.postMessage({ begin: true });
  return new Response(BLANK, { headers: { "Content-Type": "text/html", Refresh: "5" } });
}

/* Servers spell a page's address in several ways: with index.html or without it, with .html or without it. */
async function answer(request) {
  const cache = await caches.open(CACHE);
  const address = request.url.replace(/[?#].*/s, "").replace(/index(\.html)?$/, "");
  const found = (await cache.match(address)) ?? (request.mode === "navigate" && (await cache.match(`${address}.html`)));
  if (!found) return fetch(request);
  return found.redirected ? new Response(found.body, found) : found; // a browser opens no page that was redirected
}
