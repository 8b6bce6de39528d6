// The starts of an asset's jobs over time, in lanes by worker. Work that was lost, and work that was done again, is
// hatched.

import { duration, shortName } from "/static/jobs/model.js";
import { color, hatch, prepare } from "/static/jobs/paint.js";

const LANE = 16;
const HEAD = 22;

/** The bars of all starts: ended ones from the history, running ones from the jobs. */
export function barsOf({ jobs, starts, byId, now }) {
  const bars = starts.map((start) => ({ ...start, kind: byId.get(start.job)?.kind || "" }));
  for (const job of jobs) {
    if (job.state === "running" && job.started !== null) {
      bars.push({ job: job.id, worker: job.worker, started: job.started, ended: now, outcome: "running", kind: job.kind });
    }
  }
  bars.sort((a, b) => a.started - b.started || a.ended - b.ended);
  const seen = new Set();
  for (const bar of bars) {
    bar.again = seen.has(bar.job);
    seen.add(bar.job);
    bar.lost = ["interrupted", "lost", "failed"].includes(bar.outcome);
  }
  return bars;
}

/** The lanes of each worker: overlapping bars are in different ones. */
export function lanesOf(bars) {
  const workers = new Map();
  for (const bar of bars) {
    if (!workers.has(bar.worker)) workers.set(bar.worker, []);
    const lanes = workers.get(bar.worker);
    let lane = lanes.findIndex((end) => end <= bar.started + 1e-3);
    if (lane < 0) lane = lanes.push(0) - 1;
    lanes[lane] = bar.ended;
    bar.lane = lane;
  }
  return [...workers].map(([worker, lanes]) => ({ worker, lanes: lanes.length }));
}

export class Timeline {
  constructor(canvas, note, onOpen) {
    this.canvas = canvas;
    this.note = note;
    this.bars = [];
    canvas.addEventListener("pointermove", (event) => this.describe(this.at(event)));
    canvas.addEventListener("click", (event) => {
      const bar = this.at(event);
      if (bar) onOpen({ id: bar.job });
    });
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
  }

  update(model) {
    this.bars = barsOf(model);
    this.workers = lanesOf(this.bars);
    this.draw();
  }

  draw() {
    const width = this.canvas.parentElement.clientWidth;
    if (!width || !this.bars.length) return;
    let y = HEAD;
    const tops = new Map();
    for (const { worker, lanes } of this.workers) {
      tops.set(worker, y);
      y += 18 + lanes * LANE + 8;
    }
    const context = prepare(this.canvas, width, y);
    const [text, quiet, line, surface] = ["--text", "--quiet", "--line", "--surface"].map(color);
    const [encode, other, lost, bad] = ["--series-1", "--series-3", "--series-2", "--bad"].map(color);
    const hatched = {
      encode: hatch(context, surface, encode, true), other: hatch(context, surface, other, true),
      lost: hatch(context, surface, lost, false), failed: hatch(context, surface, bad, false),
    };
    const first = this.bars[0].started;
    const last = Math.max(...this.bars.slice(-4000).map((bar) => bar.ended), ...this.bars.map((bar) => bar.ended).slice(0, 4000));
    this.scale = (width - 24) / Math.max(last - first, 1e-3);
    const place = (time) => 12 + (time - first) * this.scale;
    context.font = "12px system-ui, sans-serif";
    this.ticks(context, last - first, { width, height: y, place, first, quiet, line });
    context.fillStyle = text;
    for (const { worker } of this.workers) context.fillText(worker || "unknown worker", 12, tops.get(worker) + 12, width - 24);
    for (const bar of this.bars) {
      const x = place(bar.started);
      bar.box = [x, tops.get(bar.worker) + 18 + bar.lane * LANE, Math.max(place(bar.ended) - x - 0.5, 1.5), LANE - 3];
      const family = bar.kind === "chunk" ? "encode" : "other";
      context.fillStyle = bar.lost
        ? hatched[bar.outcome === "failed" ? "failed" : "lost"]
        : bar.again ? hatched[family] : family === "encode" ? encode : other;
      context.fillRect(...bar.box);
      if (bar.outcome === "running") {
        context.strokeStyle = text;
        context.setLineDash([3, 2]);
        context.strokeRect(bar.box[0] + 0.5, bar.box[1] + 0.5, Math.max(bar.box[2] - 1, 1), bar.box[3] - 1);
        context.setLineDash([]);
      }
    }
  }

  ticks(context, span, { width, height, place, first, quiet, line }) {
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
    const step = steps.find((each) => (span / each) * 80 < width) || 86400;
    context.fillStyle = quiet;
    context.strokeStyle = line;
    context.lineWidth = 1;
    for (let time = 0; time <= span; time += step) {
      const x = Math.round(place(first + time)) + 0.5;
      context.beginPath();
      context.moveTo(x, 16);
      context.lineTo(x, height);
      context.stroke();
      if (x < width - 40) context.fillText(time ? `+${duration(time).replace(" min 00 s", " min").replace(".0 s", " s")}` : "0", x + 3, 12);
    }
  }

  at({ offsetX, offsetY }) {
    return this.bars.findLast(({ box }) => box && offsetX >= box[0] - 1 && offsetX <= box[0] + box[2] + 1 && offsetY >= box[1] && offsetY <= box[1] + box[3]);
  }

  describe(bar) {
    this.note.textContent = bar
      ? `${shortName(bar.job)} on ${bar.worker}, ${duration(bar.ended - bar.started)}, ${bar.outcome}${bar.again ? ", ran again" : ""}`
      : "";
  }
}
