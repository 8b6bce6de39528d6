// The player: Shaka Player for packaged assets, the browser's controls for a single MP4. Used by the asset page and by
// the page of a share link.

const SHAKA = "/static/vendor/shaka-player.ui-es2021.js";
const CONTROLS = "/static/vendor/controls.css";

let loading = null;

function loadShaka() {
  loading ??= new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: CONTROLS }));
    const script = Object.assign(document.createElement("script"), { src: SHAKA });
    script.addEventListener("load", () => resolve(globalThis.shaka));
    script.addEventListener("error", () => reject(new Error("the player could not be loaded")));
    document.head.append(script);
  });
  return loading;
}

/**
 * Create a player in `element`. Sources: `hls` and `dash` (URLs of the streams), or `mp4`. `storyboard` and `chapters`
 * are URLs of WebVTT files, `start` is the time to start at in seconds (default: the player's), `subtitles` a list of {url, language, label}. `label` names the video for screen readers.
 * Returns {video, player (Shaka's, or null), loaded, ready, close()}.
 * The promise `loaded` resolves when the player keeps a seek: Shaka Player sets the video to its start on the event
 * "loadedmetadata". `ready` resolves when the tracks are added.
 */
export function createPlayer(element, sources) {
  const video = document.createElement("video");
  Object.assign(video, { playsInline: true, preload: "metadata", poster: sources.poster || "" });
  video.setAttribute("aria-label", sources.label || "Video");
  const failure = Object.assign(document.createElement("p"), { className: "player-error", hidden: true });
  failure.setAttribute("role", "alert");
  element.replaceChildren(video, failure);
  const fail = (error) => {
    failure.textContent = `The video cannot be played: ${reasonOf(error)}.`;
    failure.hidden = false;
  };
  const made = { video, player: null, close: () => made.player?.destroy() };
  const packaged = sources.dash || sources.hls;
  const firstFrame = new Promise((resolve) => video.addEventListener("loadeddata", resolve, { once: true }));
  const opened = packaged ? playStream(element, made, sources, fail) : playFile(video, sources);
  made.loaded = opened.then(() => made.player && firstFrame);
  made.loaded.catch(() => {}); // `fail` shows the reason
  made.ready = opened.then(() => made.player && addTracksAndLabels(element, made, sources)).catch(fail);
  if (!packaged) video.addEventListener("error", () => fail(video.error));
  return made;
}

async function playFile(video, { mp4, subtitles = [] }) {
  video.controls = true;
  video.disablePictureInPicture = true;
  for (const { url, language, label } of subtitles) {
    video.append(Object.assign(document.createElement("track"), { kind: "subtitles", src: url, srclang: language, label }));
  }
  video.src = mp4;
}

async function playStream(element, made, sources, fail) {
  const { video } = made;
  const shaka = await loadShaka();
  shaka.polyfill.installAll();
  if (!shaka.Player.isBrowserSupported()) {
    if (!sources.hls || !video.canPlayType("application/vnd.apple.mpegurl")) throw new Error("this browser cannot play streams");
    await playFile(video, { mp4: sources.hls });
    return;
  }
  const player = new shaka.Player();
  made.player = player;
  await player.attach(video);
  const overlay = new shaka.ui.Overlay(player, element, video);
  overlay.configure(CONTROLS_CONFIGURATION);
  made.controls = overlay.getControls();
  player.configure({ streaming: { bufferingGoal: 20, rebufferingGoal: 1 }, abr: { restrictToElementSize: true } });
  player.addEventListener("error", ({ detail }) => detail.severity === shaka.util.Error.Severity.CRITICAL && fail(detail));
  await player.load(absolute(sources.dash || sources.hls), sources.start);
}

async function addTracksAndLabels(element, { player, video }, sources) {
  await addTracks(player, sources);
  nameControls(element, video);
}

const CONTROLS_CONFIGURATION = {
  // Casting loads a script of another host, and picture-in-picture adds <style>: both are off.
  castReceiverAppId: "",
  controlPanelElements: ["play_pause", "mute", "volume", "time_and_duration", "chapter", "spacer", "playback_rate", "quality", "overflow_menu", "fullscreen"],
  overflowMenuButtons: ["captions", "language", "quality", "playback_rate", "loop"],
  playbackRates: [0.1, 0.25, 0.5, 1, 1.5, 2, 4],
  bigButtons: ["play_pause"],
  enableKeyboardPlaybackControls: true,
  keyboardSeekDistance: 5,
  seekBarColors: { base: "rgba(255,255,255,.28)", buffered: "rgba(255,255,255,.5)", played: "#5cc3de", chapters: "rgba(255,255,255,.9)", adBreaks: "transparent" },
  clearBufferOnQualityChange: true,
};

/** Tracks are added after `load`: before it, Shaka Player forgets them. */
async function addTracks(player, { storyboard, chapters, subtitles = [] }) {
  // An absolute URL: images are resolved against it, and against the page otherwise.
  const adding = [];
  if (storyboard) adding.push(player.addThumbnailsTrack(absolute(storyboard), "text/vtt"));
  if (chapters) adding.push(player.addChaptersTrack(absolute(chapters), "en", "text/vtt"));
  if (!player.getTextTracks().length) {
    for (const { url, language, label } of subtitles) {
      adding.push(player.addTextTrackAsync(absolute(url), language || "und", "subtitles", "text/vtt", "", label));
    }
  }
  await Promise.allSettled(adding); // the video plays without them
}

/** Names and roles that Shaka Player leaves out (its issues 3146 and 8798). */
function nameControls(element, video) {
  element.setAttribute("role", "region");
  element.setAttribute("aria-label", video.getAttribute("aria-label"));
  // Controls of advertisements, which this player does not show.
  for (const each of element.querySelectorAll(".shaka-ad-controls, .shaka-ad-info")) each.remove();
  for (const bar of element.querySelectorAll("input[type=range]:not([aria-label])")) bar.setAttribute("aria-label", "Seek");
}

function absolute(url) {
  return new URL(url, location.href).href;
}

function reasonOf(error) {
  if (error?.category === 1) return "the server cannot be reached, or a file is missing";
  if (error?.code) return `the browser reports error ${error.code}`;
  return error?.message || "the reason is not known";
}
