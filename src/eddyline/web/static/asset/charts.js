// Charts of the telemetry: a line marks the frame on the screen, a click seeks.

import uPlot from "/static/vendor/uPlot.esm.js";
import { clock } from "/static/format.js";

const HEIGHT = 132;

/** A colour of base.css, for a canvas. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * One chart. `series` is a list of {label, values, stroke (a custom property), fill, band}; `times` are media times.
 * `band` [low, high]: fill between these series.
 */
export class Chart {
  constructor(element, { times, series, bands = [], duration, unit, onSeek, markers = [] }) {
    Object.assign(this, { element, markers, onSeek, time: 0 });
    this.options = { times, series, bands, duration, unit };
    this.make();
    new ResizeObserver(([{ contentRect }]) => {
      const width = Math.floor(contentRect.width);
      if (width && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
    }).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.make());
  }

  make() {
    const { times, series, bands, duration, unit } = this.options;
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    this.plot?.destroy();
    this.plot = new uPlot(
      {
        width: Math.max(120, Math.floor(this.element.clientWidth)),
        height: HEIGHT,
        legend: { show: false },
        padding: [8, 18, 0, 0],
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 }, sync: { key: "telemetry" } },
        scales: { x: { time: false, range: () => [0, duration] }, y: { range: (_, low, high) => padded(low, high) } },
        axes: [
          { ...axis, size: 24, values: (_, ticks) => ticks.map(clock), incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600] },
          { ...axis, size: 46, splits: (plot, _, low, high) => ticksOf(low, high), values: (_, ticks) => ticks.map((tick) => String(tick).replace("-", "−")) },
        ],
        series: [
          {},
          ...series.map(({ label, stroke, width = 1.5 }) => ({ label: `${label} (${unit})`, stroke: colour(stroke), width, points: { show: false }, spanGaps: false })),
        ],
        bands: bands.map(({ series: pair, fill }) => ({ series: pair, fill: `color-mix(in srgb, ${colour(fill)} 30%, transparent)` })),
        hooks: { draw: [() => this.drawMarks()], ready: [(plot) => this.listen(plot)] },
      },
      [times, ...series.map(({ values }) => values)],
      this.element,
    );
    this.plot.root.querySelector("canvas").setAttribute("aria-hidden", "true");
  }

  listen(plot) {
    plot.over.addEventListener("click", (event) => this.onSeek(plot.posToVal(event.offsetX, "x")));
    this.line = document.createElement("div");
    this.line.className = "now";
    plot.over.append(this.line);
    this.place(plot);
  }

  drawMarks() {
    const { ctx, bbox } = this.plot;
    ctx.save();
    ctx.fillStyle = colour("--warn");
    for (const time of this.markers) {
      const x = Math.round(this.plot.valToPos(time, "x", true));
      ctx.fillRect(x - 1, bbox.top, 2, 7 * devicePixelRatio);
    }
    ctx.restore();
    if (this.line) this.place(this.plot);
  }

  /** Move the line to a media time. */
  show(time) {
    this.time = time;
    this.place(this.plot);
  }

  place(plot) {
    this.line.style.transform = `translateX(${plot.valToPos(this.time, "x")}px)`;
  }

  /** Show other values, such as those in other units. */
  update(changes) {
    Object.assign(this.options, changes);
    this.make();
  }
}

function padded(low, high) {
  if (low === null || high === null || low === undefined) return [0, 1];
  const room = Math.max((high - low) * 0.08, Math.abs(high) * 0.02, 0.05);
  return [low >= 0 && low < high / 2 ? 0 : low - room, high + room];
}

function ticksOf(low, high) {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= raw);
  const ticks = [];
  for (let at = Math.ceil(low / step); at * step <= high; at += 1) ticks.push(Number((at * step).toPrecision(6)));
  return ticks;
}
