// Hashes a file of the server as it arrives; memory stays flat. Messages: {done, total} and {sha256} or {error}.

import { Sha256 } from "/static/sha256.js";

const REPORT_BYTES = 1 << 20;

self.addEventListener("message", async ({ data: { url, total } }) => {
  try {
    // Not from the cache: the bytes that the server has now are checked.
    const response = await fetch(url, { cache: "no-store" });
    if (!response.ok) throw new Error(`the server answered with status ${response.status}`);
    const hash = new Sha256();
    const reader = response.body.getReader();
    let reported = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      hash.update(value);
      if (hash.bytes - reported >= REPORT_BYTES) {
        reported = hash.bytes;
        self.postMessage({ done: reported, total });
      }
    }
    const { bytes } = hash;
    self.postMessage({ sha256: hash.digest(), bytes });
  } catch (error) {
    self.postMessage({ error: error.message });
  }
});
