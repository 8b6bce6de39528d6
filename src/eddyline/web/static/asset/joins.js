// Joins: the last and the first frame at each join of two chunks, drawn from the rendition in this browser.

import { preciseClock } from "/static/format.js";
import { FrameReader } from "/static/asset/frames.js";

const SAMPLE = 64; // pixels: frames are compared at this width

export class Joins {
  /** `starts`: the first frame of each chunk but the first one. */
  constructor(section, { starts, fps, onSeek }) {
    Object.assign(this, { section, starts, fps, onSeek, at: 0, reader: null, turn: 0 });
    this.canvases = [...section.querySelectorAll("canvas")];
    this.find(".previous").addEventListener("click", () => this.show(this.at - 1));
    this.find(".next").addEventListener("click", () => this.show(this.at + 1));
    this.find(".play").addEventListener("click", () => this.onSeek((this.starts[this.at] - this.fps) / this.fps));
    this.find("select").addEventListener("change", () => this.open());
    this.find(".number").addEventListener("change", ({ target }) => this.show(Number(target.value) - 1));
    section.addEventListener("keydown", (event) => {
      if (event.target.closest("select, input")) return;
      if (event.key === "ArrowLeft") this.show(this.at - 1);
      if (event.key === "ArrowRight") this.show(this.at + 1);
    });
  }

  find(selector) {
    return this.section.querySelector(selector);
  }

  /** Open the selected rendition; nothing is loaded before. */
  open() {
    this.reader?.close();
    this.reader = new FrameReader(this.find("select").value, this.fps);
    this.show(this.at);
  }

  async show(at) {
    this.at = Math.max(0, Math.min(at, this.starts.length - 1)) || 0;
    this.find(".number").value = this.at + 1;
    this.find(".previous").disabled = this.at === 0;
    this.find(".next").disabled = this.at === this.starts.length - 1;
    this.turn += 1;
    const turn = this.turn;
    const start = this.starts[this.at];
    this.section.dataset.state = "loading";
    this.find(".outcome").textContent = `Decoding frames ${start - 1} and ${start} …`;
    try {
      const spare = document.createElement("canvas");
      await this.reader.draw(Math.max(0, start - 2), spare);
      const before = await this.reader.draw(start - 1, this.canvases[0]);
      const after = await this.reader.draw(start, this.canvases[1]);
      if (turn === this.turn) this.report(start, before, after, spare);
    } catch (error) {
      if (turn !== this.turn) return;
      this.section.dataset.state = "error";
      this.find(".outcome").textContent = `The frames cannot be shown: ${error.message}.`;
    }
  }

  report(start, before, after, spare) {
    const continuous = before === start - 1 && after === start;
    const [across, within] = [change(this.canvases[0], this.canvases[1]), change(spare, this.canvases[0])];
    this.section.dataset.state = continuous ? "continuous" : "broken";
    this.caption(0, `Last frame of chunk ${this.at + 1}`, before);
    this.caption(1, `First frame of chunk ${this.at + 2}`, after);
    const numbers = continuous
      ? `Frame ${after} follows frame ${before}: none is missing and none is repeated.`
      : `The decoder presents frame ${before} and then frame ${after}; ${start - 1} and ${start} are expected.`;
    this.find(".outcome").textContent =
      `${numbers} The picture changes by ${across.toFixed(1)} % across the join, and by ${within.toFixed(1)} % one frame earlier.`;
  }

  caption(at, text, frame) {
    const caption = this.section.querySelectorAll("figcaption")[at];
    const time = preciseClock(frame / this.fps);
    caption.replaceChildren(`${text} `, Object.assign(document.createElement("b"), { textContent: `frame ${frame}` }), ` at ${time}`);
    this.canvases[at].setAttribute("aria-label", `${text}, frame ${frame} at ${time}`);
  }
}

/** The mean difference of two pictures in percent of the full range. */
function change(one, other) {
  const pixels = [one, other].map((canvas) => {
    const small = document.createElement("canvas");
    small.width = SAMPLE;
    small.height = Math.max(1, Math.round((SAMPLE * canvas.height) / canvas.width));
    const context = small.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0, small.width, small.height);
    return context.getImageData(0, 0, small.width, small.height).data;
  });
  let sum = 0;
  for (let at = 0; at < pixels[0].length; at += 1) if (at % 4 !== 3) sum += Math.abs(pixels[0][at] - pixels[1][at]);
  return (100 * sum) / (255 * 0.75 * pixels[0].length);
}
