// The asset page: creates the player and connects everything else to its clock.

import { createPlayer } from "/static/asset/player.js";
import { MediaClock } from "/static/asset/sync.js";
import { frameKeys } from "/static/asset/keys.js";
import { showTrip } from "/static/asset/trip.js";
import { tabs } from "/static/asset/tabs.js";
import { verifyHere } from "/static/asset/verify.js";
import { Joins } from "/static/asset/joins.js";
import { Compare } from "/static/asset/compare.js";
import { costSection } from "/static/asset/cost.js";
import { shareDialog } from "/static/asset/share.js";
import { deleteDialog } from "/static/asset/delete.js";
import { subscribe } from "/static/events.js";
import { bytes, preciseClock } from "/static/format.js";

const byId = (id) => document.getElementById(id);
const article = byId("asset");
const { asset } = article.dataset;
const facts = JSON.parse(article.dataset.facts);

const player = createPlayer(byId("player"), { ...facts, label: facts.name });
const clock = new MediaClock(player.video, { fps: facts.fps, loaded: player.loaded });
const seek = (time) => clock.seek(time);

clock.subscribe((time, frame) => {
  const position = frame < 0 ? "" : `frame ${frame} of ${facts.frames.toLocaleString("en")} · `;
  byId("counter").textContent = position + preciseClock(time);
});
article.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-seek]");
  if (button) seek(Number(button.dataset.seek));
});
frameKeys({ player, clock });
showTrip({ asset, facts, clock, seek });

verifyHere(byId("verify"));
const joins = byId("joins") && new Joins(byId("joins"), {
  starts: facts.joins,
  fps: facts.fps,
  onSeek: (time) => {
    seek(Math.max(0, time));
    player.video.play().catch(() => {});
    byId("player").scrollIntoView({ block: "center" });
  },
});
const compare = byId("compare") && new Compare(byId("compare"), {
  fps: facts.fps,
  frames: facts.frames,
  onOpen: () => player.video.pause(),
});
tabs(byId("check"), {
  joins: () => joins.reader || joins.open(),
  compare: () => compare.sides || compare.open(clock.frame),
}, { compare: () => compare.pause() });

costSection(byId("cost"), asset);
shareDialog(asset);
deleteDialog(asset);
subscribe("asset.deleted", (event) => event.asset === asset && location.assign("/"));

// Sizes that the manifest does not state.
for (const cell of document.querySelectorAll("[data-size-of]")) {
  fetch(cell.dataset.sizeOf, { method: "HEAD" }).then(({ ok, headers }) => {
    const size = Number(headers.get("content-length"));
    if (ok && size) cell.textContent = bytes(size);
  }, () => {});
}

// For tests and for the curious in the console.
globalThis.eddyline = { player, clock, joins, compare };
