// The preview of an asset that is being encoded: an HLS stream that grows, once its first segment exists.

import { api } from "/static/api.js";
import { createPlayer } from "/static/asset/player.js";

const PAUSE_MS = 2000; // between two questions to the server

/**
 * The preview of an asset in `section`; null: there is none on this page.
 * Returns {look(), isPlaying()}: `look` shows the player as soon as the API links the stream. The stream itself is not
 * asked for before: many assets are published without one.
 */
export function previewPlayer(section, asset) {
  let player = null;
  let asked = 0;
  let planned = 0;
  const look = async () => {
    if (!section || player || planned) return;
    const pause = asked + PAUSE_MS - Date.now();
    if (pause > 0) {
      planned = setTimeout(() => { planned = 0; look(); }, pause);
      return;
    }
    asked = Date.now();
    const found = await api(`/assets/${asset}`).catch(() => null);
    const hls = found?.links?.preview;
    if (!hls || player) return;
    section.hidden = false;
    // From the start: players begin at the end of a stream that grows.
    player = createPlayer(section.querySelector(".player"), { hls, label: "Preview", start: 0 });
  };
  look();
  return { look, isPlaying: () => Boolean(player && !player.video.paused) };
}
