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
      const { pid, jobs } = await api("/local-worker/kill", { method: "POST" });
      const held = jobs.map(nameOf).join(", ") || "no job";
      state.textContent = `Process ${pid} was killed; it held ${held}. Waiting for what is done again …`;
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
    const { jobs, starts } = await api(`/assets/${asset}/redone`);
    if (starts.length) {
      table.hidden = false;
      table.querySelector("tbody").replaceChildren(...starts.map(row));
      state.textContent = `Done again: ${jobs === 1 ? "1 job" : `${jobs} jobs`}, and nothing else.`;
    }
  } catch (error) {
    state.textContent = error.message;
  }
  timer = setTimeout(() => watch(asset, table, state), POLL_MS);
}

function nameOf({ kind, index }) {
  return index === "" ? kind : `${kind} ${index}`;
}

function row(start) {
  const line = document.createElement("tr");
  for (const text of [nameOf(start), instant(start.started), `${start.lost_s.toFixed(1)} s`]) {
    line.append(Object.assign(document.createElement("td"), { textContent: text }));
  }
  return line;
}
