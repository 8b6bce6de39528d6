// The page of an asset that is not published: progress, failure, cancel and retry.

import { announce, api, Problem } from "/static/api.js";
import { subscribe } from "/static/events.js";
import { deleteDialog } from "/static/asset/delete.js";
import { pullThePlug } from "/static/asset/plug.js";
import { previewPlayer } from "/static/asset/preview.js";
import { showProgress } from "/static/library/live.js";

const article = document.getElementById("unfinished");
const { asset } = article.dataset;
const preview = previewPlayer(document.getElementById("preview"), asset);

subscribe("asset.progress", (event) => event.asset === asset && (showProgress(article, event.body), preview.look()));
for (const kind of ["asset.ready", "asset.failed", "asset.cancelled", "asset.created"]) {
  subscribe(kind, (event) => event.asset === asset && changed(kind.slice("asset.".length)));
}
subscribe("asset.deleted", (event) => event.asset === asset && location.assign("/"));
subscribe("gap", () => location.reload());

function changed(state) {
  announce(`The asset is ${state}`);
  // What the worker had to do again is worth reading, and a preview that plays goes on: the page stays until the reader
  // leaves it.
  if ((document.querySelector("#redone:not([hidden])") || preview.isPlaying()) && state === "ready") {
    const line = article.querySelector(".reason");
    const link = Object.assign(document.createElement("a"), { href: location.pathname, className: "button primary", textContent: "Watch it" });
    line?.replaceChildren("Ready: every frame is verified. ", link);
    showProgress(article, { fraction: 1 });
  } else location.reload();
}

article.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-action]");
  if (!button) return;
  button.disabled = true;
  const failure = document.getElementById("action-error");
  failure.hidden = true;
  try {
    await api(`/assets/${asset}/${button.dataset.action}`, { method: "POST" });
    location.reload();
  } catch (error) {
    button.disabled = false;
    failure.textContent = error instanceof Problem ? error.sentence : error.message;
    failure.hidden = false;
  }
});

deleteDialog(asset);
pullThePlug(asset);
