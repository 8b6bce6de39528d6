// Pull the plug (on loopback): kill -9 the worker, then list exactly what is done again for this asset.

import { announce, api, Problem } from "/static/api.js";
import { instant } from "/static/format.js";

const POLL_MS = 1000;

export function pullThePlug(asset) {
  const section = document.getElementById("plug");
  if (!section) return;
  const button = document.getElementById("pull");
  const state = document.getElementById("plug-state");
  const table = document.getElementById("redone");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await api("/local-worker/kill", { method: "POST" });
      state.textContent = "The worker was killed. Waiting for what is done again …";
      announce(state.textContent);
      watch(asset, table, state);
    } catch (error) {
      state.textContent = error instanceof Problem ? error.sentence : error.message;
    }
    button.disabled = false;
  });
}

let timer = null;

async function watch(asset, table, state) {
  clearTimeout(timer);
  try {
    const { redone } = await api(`/assets/${asset}/redone`);
    if (redone.length) {
      table.hidden = false;
      table.querySelector("tbody").replaceChildren(...redone.map(row));
      state.textContent = redone.length === 1 ? "1 job was started again; nothing else." : `${redone.length} jobs were started again; nothing else.`;
    }
  } catch (error) {
    state.textContent = error.message;
  }
  timer = setTimeout(() => watch(asset, table, state), POLL_MS);
}

function row({ name, started, lost_s: lost }) {
  const line = document.createElement("tr");
  for (const text of [name, instant(started), lost === null ? "" : `${lost.toFixed(1)} s`]) {
    line.append(Object.assign(document.createElement("td"), { textContent: text }));
  }
  return line;
}
