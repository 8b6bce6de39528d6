// What happens to assets, as it happens: one connection a browser by a SharedWorker, else one a tab.
//
// A page says which events it contains already by `data-sequence` on its <html> element, so that none is missed between
// rendering and connecting.

import { EventStream } from "/static/event_stream.js";

const subscribers = new Map();
let started = false;
let lastSeen = null;

/**
 * Call `fn` for each event of a kind: "asset.progress", ..., "*" (all), "state" ("open", "lost" or "refused"), and
 * "gap" (events were missed: load the page's data again). Returns a function that ends the subscription.
 */
export function subscribe(kind, fn) {
  if (!subscribers.has(kind)) subscribers.set(kind, new Set());
  subscribers.get(kind).add(fn);
  if (!started) start();
  return () => subscribers.get(kind).delete(fn);
}

function emit(kind, value) {
  for (const fn of [...(subscribers.get(kind) || [])]) {
    try {
      fn(value);
    } catch (error) {
      reportError(error); // one subscriber must not stop the others
    }
  }
}

function receive({ event, state, gap }) {
  if (event && (lastSeen === null || event.sequence > lastSeen)) {
    lastSeen = event.sequence;
    emit(event.kind, event);
    emit("*", event);
  }
  if (state) emit("state", state);
  if (gap) emit("gap", null);
}

function start() {
  started = true;
  const { sequence } = document.documentElement.dataset;
  lastSeen = sequence === undefined ? null : Number(sequence);
  const connect = sharedPort() || ownStream();
  connect.hello();
  addEventListener("pagehide", () => connect.bye());
  addEventListener("pageshow", ({ persisted }) => persisted && connect.hello());
}

function sharedPort() {
  if (typeof SharedWorker === "undefined") return null;
  try {
    const { port } = new SharedWorker("/static/events_worker.js", { type: "module", name: "eddyline-events" });
    port.addEventListener("message", ({ data }) => receive(data));
    port.start();
    return { hello: () => port.postMessage({ hello: lastSeen }), bye: () => port.postMessage({ bye: true }) };
  } catch {
    return null;
  }
}

function ownStream() {
  const stream = new EventStream("/api/v1/events", {
    onEvent: (event) => receive({ event }),
    onState: (state) => receive({ state }),
    onGap: () => receive({ gap: true }),
  });
  return { hello: () => stream.start(lastSeen), bye: () => stream.stop() };
}
