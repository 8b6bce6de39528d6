// The preview of an asset that is being encoded: an HLS stream that grows, once its first segment exists.

import { createPlayer } from "/static/asset/player.js";

const PAUSE_MS = 2000; // between two questions to the server

/**
 * The preview in `section`, whose `data-hls` is the URL of the stream; null: there is none on this page.
 * Returns {look(), isPlaying()}: `look` shows the player as soon as the stream exists.
 */
export function previewPlayer(section) {
  let player = null;
  let asked = 0;
  const look = async () => {
    if (!section || player || Date.now() - asked < PAUSE_MS) return;
    asked = Date.now();
    const found = await fetch(section.dataset.hls, { method: "HEAD" }).catch(() => null);
    if (!found?.ok || player) return;
    section.hidden = false;
    // From the start: players begin at the end of a stream that grows.
    player = createPlayer(section.querySelector(".player"), { hls: section.dataset.hls, label: "Preview", start: 0 });
  };
  look();
  return { look, isPlaying: () => Boolean(player && !player.video.paused) };
}
