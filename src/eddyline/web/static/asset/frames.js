// Exact frames of a rendition: seeks a hidden video and waits until that frame is presented.

import { frameAt, middleOf } from "/static/asset/sync.js";

const PATIENCE_MS = 15_000;

export class FrameReader {
  constructor(url, fps) {
    this.fps = fps;
    this.video = document.createElement("video");
    Object.assign(this.video, { src: url, muted: true, preload: "auto", playsInline: true });
    this.last = Promise.resolve();
  }

  /** Draw frame `number` into a canvas. Returns the number of the frame that the decoder presented. */
  draw(number, canvas) {
    const drawn = this.last.then(() => this.seek(number)).then((presented) => {
      const { video } = this;
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext("2d", { willReadFrequently: true }).drawImage(video, 0, 0);
      return presented;
    });
    this.last = drawn.catch(() => {}); // one seek at a time; a failed one does not stop the next
    return drawn;
  }

  async seek(number) {
    const { video, fps } = this;
    if (video.readyState < 1) await happened(video, "loadedmetadata");
    const time = middleOf(number, fps);
    const presented = nextFrame(video);
    video.currentTime = time;
    const mediaTime = await presented;
    return frameAt(mediaTime, fps);
  }

  close() {
    this.video.removeAttribute("src");
    this.video.load();
  }
}

function happened(video, name) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the rendition does not load")), PATIENCE_MS);
    const settle = (fn) => (value) => {
      clearTimeout(timer);
      fn(value);
    };
    video.addEventListener(name, settle(resolve), { once: true });
    video.addEventListener("error", settle(() => reject(new Error("this browser cannot decode the rendition"))), { once: true });
  });
}

/** The media time of the next presented frame; after `seeked` alone where no new frame is presented. */
function nextFrame(video) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the frame was not decoded in time")), PATIENCE_MS);
    const done = (time) => {
      clearTimeout(timer);
      resolve(time);
    };
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback((_, { mediaTime }) => done(mediaTime));
    video.addEventListener(
      "seeked",
      () => setTimeout(() => done(video.currentTime), "requestVideoFrameCallback" in video ? 1000 : 50),
      { once: true },
    );
  });
}
