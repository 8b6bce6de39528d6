// The SharedWorker that holds the one event stream of a browser (HTTP/1.1 allows six connections a host).

import { EventStream } from "/static/event_stream.js";

const ports = new Set();
const send = (message) => ports.forEach((port) => port.postMessage(message));
const stream = new EventStream("/api/v1/events", {
  onEvent: (event) => send({ event }),
  onState: (state) => send({ state }),
  onGap: () => send({ gap: true }),
});

function hello(port, since) {
  ports.add(port);
  const running = stream.running;
  stream.start(since);
  port.postMessage({ state: stream.state });
  if (!running && stream.last === since) return;
  const missed = stream.after(since);
  if (missed === null) port.postMessage({ gap: true });
  else missed.forEach((event) => port.postMessage({ event }));
}

self.addEventListener("connect", ({ ports: [port] }) => {
  port.addEventListener("message", ({ data }) => {
    if (data.hello !== undefined) hello(port, data.hello);
    if (data.bye) {
      ports.delete(port);
      if (!ports.size) stream.stop();
    }
  });
  port.start();
});
