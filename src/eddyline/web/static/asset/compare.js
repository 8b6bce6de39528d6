// Compare: two renditions in one picture with a wipe, locked to the frame.
//
// Two videos decode at the same time, and a canvas shows both halves of a frame only when both have presented the
// frame with the same number, so that what is compared is always the same frame.

import { preciseClock } from "/static/format.js";
import { frameAt, middleOf } from "/static/asset/sync.js";

const KEPT = 6; // decoded frames that wait for the other side
const NUDGE = 0.08; // the change of speed of the side that is behind or ahead

class Side {
  constructor(onFrame, fps) {
    this.fps = fps;
    this.frames = new Map();
    this.video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" });
    const next = async (_, { mediaTime }) => {
      this.video.requestVideoFrameCallback(next);
      const number = frameAt(mediaTime, fps);
      const picture = await createImageBitmap(this.video).catch(() => null);
      if (picture) this.keep(number, picture);
      if (picture) onFrame(number);
    };
    this.video.requestVideoFrameCallback(next);
  }

  keep(number, picture) {
    this.frames.get(number)?.close();
    this.frames.delete(number);
    this.frames.set(number, picture);
    this.latest = number;
    for (const [old, each] of this.frames) {
      if (this.frames.size <= KEPT) break;
      each.close();
      this.frames.delete(old);
    }
  }

  open(url) {
    for (const picture of this.frames.values()) picture.close();
    this.frames.clear();
    this.video.src = url;
    return new Promise((resolve, reject) => {
      this.video.addEventListener("loadeddata", resolve, { once: true });
      this.video.addEventListener("error", () => reject(new Error("this browser cannot decode it")), { once: true });
    });
  }
}

export class Compare {
  constructor(section, { fps, frames, onOpen }) {
    Object.assign(this, { section, fps, frames, onOpen, wipe: 0.5, playing: false, number: 0 });
    this.canvas = section.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.selects = [...section.querySelectorAll("select")];
    this.slider = section.querySelector("input[type=range]");
    this.slider.addEventListener("input", () => this.setWipe(this.slider.valueAsNumber / 1000));
    this.selects.forEach((select) => select.addEventListener("change", () => this.open()));
    section.querySelector(".play").addEventListener("click", () => this.toggle());
    section.querySelector(".back").addEventListener("click", () => this.step(-1));
    section.querySelector(".forward").addEventListener("click", () => this.step(1));
    this.canvas.addEventListener("pointerdown", (event) => this.drag(event));
    this.canvas.addEventListener("pointermove", (event) => event.buttons && this.drag(event));
    section.addEventListener("keydown", (event) => this.key(event));
  }

  /** Load both sides at a frame. */
  async open(number = this.number) {
    const outcome = this.section.querySelector(".outcome");
    this.onOpen?.();
    this.pause();
    this.sides ??= [0, 1].map(() => new Side((at) => this.arrived(at), this.fps));
    this.section.dataset.state = "loading";
    outcome.textContent = "Loading both renditions …";
    try {
      await Promise.all(this.sides.map((side, at) => side.open(this.selects[at].value)));
      this.section.dataset.state = "open";
      this.seek(number);
    } catch (error) {
      this.section.dataset.state = "error";
      outcome.textContent = `A rendition cannot be shown: ${error.message}.`;
    }
  }

  seek(number) {
    this.number = Math.max(0, Math.min(number, this.frames - 1));
    for (const { video } of this.sides) video.currentTime = middleOf(this.number, this.fps);
  }

  step(by) {
    if (!this.sides) return;
    this.pause();
    this.seek(this.number + by);
  }

  toggle() {
    if (!this.sides) return;
    if (this.playing) {
      this.pause();
      this.seek(this.number);
      return;
    }
    this.playing = true;
    this.setPlay("Pause");
    if (this.number >= this.frames - 1) this.seek(0);
    for (const { video } of this.sides) video.play().catch(() => this.pause());
  }

  pause() {
    this.playing = false;
    this.setPlay("Play");
    for (const { video } of this.sides || []) {
      video.pause();
      video.playbackRate = 1;
    }
  }

  setPlay(text) {
    this.section.querySelector(".play").textContent = text;
  }

  arrived(number) {
    const [left, right] = this.sides;
    // Frames that were decoded before a pause or a seek may still arrive: they must not move the position.
    if (!this.playing && number !== this.number) return;
    if (left.frames.has(number) && right.frames.has(number)) {
      this.number = number;
      this.draw(left.frames.get(number), right.frames.get(number));
    }
    if (!this.playing) return;
    if (left.video.ended && right.video.ended) this.pause();
    this.correct(left, right);
  }

  /** Speed the right side up or down until it presents the same frame as the left one. */
  correct(left, right) {
    const ahead = right.latest - left.latest;
    if (Math.abs(ahead) > this.fps) right.video.currentTime = left.video.currentTime;
    right.video.playbackRate = Math.abs(ahead) < 1 ? 1 : 1 - Math.sign(ahead) * NUDGE * Math.min(4, Math.abs(ahead));
  }

  draw(left, right) {
    this.shown = [left, right];
    const { canvas, context } = this;
    const larger = left.width >= right.width ? left : right;
    if (canvas.width !== larger.width || canvas.height !== larger.height) Object.assign(canvas, { width: larger.width, height: larger.height });
    const { width, height } = canvas;
    const edge = Math.round(width * this.wipe);
    context.drawImage(left, 0, 0, width, height);
    context.save();
    context.beginPath();
    context.rect(edge, 0, width - edge, height);
    context.clip();
    context.drawImage(right, 0, 0, width, height);
    context.restore();
    context.fillStyle = "#ffffff";
    context.fillRect(edge - Math.max(1, width / 900), 0, Math.max(2, width / 450), height);
    this.report();
  }

  report() {
    const { section, number } = this;
    section.dataset.frame = number;
    section.querySelector(".outcome").textContent = `Frame ${number} at ${preciseClock(number / this.fps)} on both sides.`;
  }

  setWipe(fraction) {
    this.wipe = Math.max(0, Math.min(1, fraction));
    this.slider.value = Math.round(this.wipe * 1000);
    const [left, right] = this.sides ? this.sides.map((side) => side.frames.get(this.number)) : [];
    if (left && right) this.draw(left, right);
  }

  drag(event) {
    const box = this.canvas.getBoundingClientRect();
    this.setWipe((event.clientX - box.left) / box.width);
  }

  key(event) {
    if (event.target.closest("select, input, button") && event.key !== "," && event.key !== ".") return;
    const action = {
      " ": () => this.toggle(),
      ",": () => this.step(-1),
      ".": () => this.step(1),
      ArrowLeft: () => this.setWipe(this.wipe - 0.02),
      ArrowRight: () => this.setWipe(this.wipe + 0.02),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
