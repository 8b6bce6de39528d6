// The media clock: tells subscribers which frame is on the screen, when it is presented.

export class MediaClock {
  /** `fps` is 0 if the frame rate varies or is not known. Seeks before the promise `loaded` take effect after it. */
  constructor(video, { fps = 0, loaded = Promise.resolve() } = {}) {
    this.video = video;
    this.fps = fps;
    this.time = 0;
    this.isLoaded = false;
    this.target = null;
    loaded.then(() => this.onLoaded(), () => {}); // the player shows why it failed
    this.subscribers = new Set();
    if ("requestVideoFrameCallback" in video) {
      const next = (_, { mediaTime }) => {
        this.set(mediaTime);
        video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
    } else {
      const tick = () => {
        if (!video.paused) this.set(video.currentTime);
        requestAnimationFrame(tick);
      };
      tick();
      video.addEventListener("seeked", () => this.set(video.currentTime));
    }
  }

  /** Call `fn(time, frame)` now and for each frame; times are in seconds, `frame` is -1 without a frame rate. */
  subscribe(fn) {
    this.subscribers.add(fn);
    fn(this.time, this.frame);
    return () => this.subscribers.delete(fn);
  }

  get frame() {
    return this.fps ? frameAt(this.time, this.fps) : -1;
  }

  set(time) {
    if (time === this.time) return;
    this.time = time;
    for (const fn of this.subscribers) fn(time, this.frame);
  }

  /** The time in seconds from which a relative seek counts: that of the seek that waits, or the video's. */
  get position() {
    return this.target ?? this.video.currentTime;
  }

  onLoaded() {
    this.isLoaded = true;
    if (this.target !== null) this.seek(this.target);
    this.target = null;
  }

  /** Seek `by` frames from the one on the screen, or from the seek that waits. Without a frame rate, by 1/30 s each. */
  step(by) {
    const frame = this.target === null ? this.frame : frameAt(this.target, this.fps);
    this.seek(this.fps ? (frame + by) / this.fps : this.position + by / 30);
  }

  seek(time) {
    const { video } = this;
    if (!this.isLoaded) {
      this.target = Math.max(0, time);
      return;
    }
    const end = Number.isFinite(video.duration) ? video.duration : time;
    // The middle of a frame: its start may be rounded into the frame before.
    const exact = this.fps ? middleOf(frameAt(time, this.fps), this.fps) : time;
    video.currentTime = Math.max(0, Math.min(exact, end));
  }
}

/** The frame that is presented at a time. The tolerance covers times rounded to microseconds. */
export function frameAt(time, fps) {
  return Math.max(0, Math.floor(time * fps + 0.01));
}

/** The middle of a frame's presentation, to which a seek is exact. */
export function middleOf(frame, fps) {
  return (frame + 0.5) / fps;
}
