// Moving the pointer over a poster shows the recording: the storyboard's picture at the pointer's position.

import { loadStoryboard, showCue } from "/static/storyboard.js";

export function scrubPosters(root) {
  root.addEventListener("pointerover", ({ target, pointerType }) => {
    const poster = target.closest?.(".poster[data-storyboard]");
    if (poster && pointerType !== "touch" && !poster.querySelector(".scrub")) begin(poster);
  });
}

function begin(poster) {
  const picture = document.createElement("span");
  picture.className = "scrub";
  picture.hidden = true;
  poster.querySelector(".length")?.before(picture) || poster.append(picture);
  if (!picture.isConnected) poster.append(picture);
  let fraction = 0;
  let cues = [];
  const show = () => {
    if (!cues.length) return;
    picture.hidden = false;
    const cue = cues[Math.min(cues.length - 1, Math.floor(fraction * cues.length))];
    showCue(picture, cue, poster.getBoundingClientRect());
    picture.style.setProperty("--at", `${fraction * 100}%`);
  };
  const move = (event) => {
    const box = poster.getBoundingClientRect();
    fraction = Math.min(0.9999, Math.max(0, (event.clientX - box.left) / box.width));
    show();
  };
  const end = () => {
    poster.removeEventListener("pointermove", move);
    poster.removeEventListener("pointerleave", end);
    picture.remove();
  };
  poster.addEventListener("pointermove", move);
  poster.addEventListener("pointerleave", end);
  loadStoryboard(poster.dataset.storyboard).then((loaded) => {
    cues = loaded;
    show();
  });
}
