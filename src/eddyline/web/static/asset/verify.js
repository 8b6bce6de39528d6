// "Verify here": hash each rendition in this browser and compare with the manifest.

import { announce } from "/static/api.js";
import { bytes } from "/static/format.js";

export function verifyHere(section) {
  let running = null;
  section.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-verify]");
    if (!button) return;
    if (running) running.stop();
    const row = button.closest("[data-rendition]");
    running = verify(row, button, () => {
      running = null;
    });
  });
}

function verify(row, button, onEnd) {
  const { url, sha256: expected, bytes: size, rendition } = row.dataset;
  const total = Number(size);
  const bar = row.querySelector("progress");
  const result = row.querySelector(".result");
  const worker = new Worker("/static/asset/verify_worker.js", { type: "module" });
  const started = performance.now();
  const end = (kind, text, detail = "") => {
    worker.terminate();
    row.dataset.state = kind;
    bar.hidden = true;
    button.disabled = false;
    result.replaceChildren(document.createTextNode(text));
    if (detail) result.append(Object.assign(document.createElement("code"), { textContent: detail }));
    announce(`${rendition}: ${text}`);
    onEnd();
  };
  row.dataset.state = "running";
  button.disabled = true;
  bar.hidden = false;
  bar.value = 0;
  result.textContent = "Reading …";
  worker.addEventListener("error", () => end("error", "The file could not be hashed in this browser."));
  worker.addEventListener("message", ({ data }) => {
    if (data.error) end("error", `The file could not be read: ${data.error}.`);
    else if (data.sha256 === undefined) {
      bar.value = data.done / total;
      result.textContent = `${bytes(data.done)} of ${bytes(total)}`;
    } else if (data.sha256 === expected) {
      const seconds = Math.max(0.001, (performance.now() - started) / 1000);
      end("equal", `Equal to the manifest: ${bytes(data.bytes)} hashed in ${seconds.toFixed(1)} s. `, data.sha256);
    } else if (data.bytes !== total) {
      end("different", `Different: ${data.bytes.toLocaleString("en")} bytes instead of ${total.toLocaleString("en")}. `, data.sha256);
    } else end("different", "Different from the manifest. This file hashes to ", data.sha256);
  });
  worker.postMessage({ url: new URL(url, location.href).href, total });
  return { stop: () => end("", "Stopped.") };
}
