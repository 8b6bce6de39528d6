// Charts with uPlot: lines, steps, stacked areas. Each is a figure with a legend whose entries follow the cursor.

import uPlot from "/static/vendor/uPlot.esm.js";
import { patternFill, property, swatch, translucent } from "/static/fleet/colours.js";

const HEIGHT = 240;
const AGES_S = [1, 5, 15, 60, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];
const charts = new Map();

/**
 * Draws into `figure` (which has .plot and .legend), replacing an earlier chart.
 *
 * `x` are seconds since 1970, or what `xFormat` formats; `series` are {name, look, values, format, scale, area,
 * band: {low, high}, width}. `lines` are horizontal lines {at, text, scale}, `marks` vertical ones {at, text}.
 */
export function draw(figure, { x, series, time = true, xFormat, stepped = true, stacked = false, ...options }) {
  const holder = figure.querySelector(".plot");
  const last = charts.get(figure);
  if (last) last.plot.destroy();
  const data = [x];
  const shown = [{}];
  const bands = [];
  const path = stepped ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear();
  let below = x.map(() => 0);
  for (const each of series) {
    const values = stacked ? each.values.map((value, at) => (value ?? 0) + below[at]) : each.values;
    data.push(values);
    const show = stacked || !isHidden(figure, each.name);
    shown.push({
      show,
      stroke: each.look.color,
      width: each.width ?? (stacked ? 1 : 2),
      dash: stacked ? [] : each.look.dash,
      paths: path,
      points: { show: false },
      scale: each.scale ?? "y",
      spanGaps: false,
      fill: stacked && shown.length === 1 ? (plot) => patternFill(plot.ctx, each.look.color, each.look.pattern) : undefined,
    });
    if (stacked && shown.length > 2) {
      bands.push({
        series: [shown.length - 1, shown.length - 2],
        fill: (plot) => patternFill(plot.ctx, each.look.color, each.look.pattern),
      });
    }
    if (stacked) below = values;
    if (each.band) {
      data.push(each.band.high, each.band.low);
      const edge = { show, stroke: null, width: 0, paths: path, points: { show: false }, scale: each.scale ?? "y" };
      shown.push({ ...edge }, { ...edge });
      bands.push({ series: [shown.length - 2, shown.length - 1], fill: translucent(each.look.color, 0.16) });
    }
  }
  const places = places_of(series);
  const entries = legend(figure, series, places, stacked);
  const plot = new uPlot(
    {
      width: Math.max(holder.clientWidth, 200),
      height: HEIGHT,
      legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time }, ...scales(series, options) },
      axes: axes(series, { time, xFormat, ...options }),
      series: shown,
      bands,
      hooks: {
        draw: [(self) => marks(self, options)],
        setCursor: [(self) => follow(self, entries, series, places, { time, xFormat })],
      },
    },
    data,
    holder,
  );
  charts.set(figure, { plot, series });
}

function places_of(series) {
  let place = 0;
  return series.map((each) => {
    place += 1;
    const own = place;
    place += each.band ? 2 : 0;
    return own;
  });
}

function scales(series, { max = {}, min = 0 }) {
  const found = {};
  for (const scale of new Set(series.map((each) => each.scale ?? "y"))) {
    found[scale] = {
      range: (_, low, high) => [Math.min(min, low ?? 0), max[scale] ?? (high > 0 ? high * 1.08 : 1)],
    };
  }
  return found;
}

function axes(series, { time, xFormat, axisFormat = {}, labels = {} }) {
  const style = {
    stroke: property("--quiet"),
    grid: { stroke: property("--line"), width: 1 },
    ticks: { stroke: property("--line"), width: 1 },
    font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif",
  };
  const x = { ...style, grid: { show: false } };
  if (!time) Object.assign(x, { values: (_, ticks) => ticks.map(xFormat), incrs: AGES_S });
  if (labels.x) Object.assign(x, { label: labels.x, labelSize: 20 });
  const found = [x];
  for (const scale of new Set(series.map((each) => each.scale ?? "y"))) {
    found.push({
      ...style,
      scale,
      side: scale === "y" ? 3 : 1,
      grid: scale === "y" ? style.grid : { show: false },
      size: 58,
      label: labels[scale],
      labelSize: 18,
      values: (_, ticks) => ticks.map(axisFormat[scale] ?? String),
    });
  }
  return found;
}

function marks(plot, { lines = [], marks: vertical = [] }) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.strokeStyle = property("--text");
  ctx.fillStyle = property("--text");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const { at, text, scale = "y" } of lines) {
    const y = plot.valToPos(at, scale, true);
    stroke(ctx, bbox.left, y, bbox.left + bbox.width, y);
    ctx.textAlign = "right";
    ctx.fillText(text, bbox.left + bbox.width - 4, y - 5 * devicePixelRatio);
  }
  for (const [number, { at, text }] of vertical.entries()) {
    if (at < plot.scales.x.min || at > plot.scales.x.max) continue;
    const x = plot.valToPos(at, "x", true);
    stroke(ctx, x, bbox.top, x, bbox.top + bbox.height);
    ctx.textAlign = "left";
    const y = number % 2 ? bbox.top + 13 * devicePixelRatio : bbox.top + bbox.height - 6 * devicePixelRatio;
    ctx.fillText(text, x + 5 * devicePixelRatio, y);
  }
  ctx.restore();
}

function stroke(ctx, x1, y1, x2, y2) {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

/** The entries of the series. Those of lines are buttons that hide and show them; hidden ones stay hidden. */
function legend(figure, series, places, area) {
  const list = figure.querySelector(".legend");
  list.replaceChildren();
  return series.map((each, at) => {
    const item = document.createElement("li");
    const entry = document.createElement(area ? "span" : "button");
    const name = document.createElement("span");
    const value = document.createElement("span");
    name.textContent = each.name;
    value.className = "value";
    entry.append(swatch(each.look, area), " ", name, " ", value);
    item.append(entry);
    list.append(item);
    if (!area) {
      entry.type = "button";
      entry.setAttribute("aria-pressed", String(!isHidden(figure, each.name)));
      entry.addEventListener("click", () => toggle(figure, each, places[at], entry));
    }
    return value;
  });
}

const hidden = new WeakMap();
const isHidden = (figure, name) => hidden.get(figure)?.has(name) ?? false;

function toggle(figure, { name, band }, place, entry) {
  const names = hidden.get(figure) ?? new Set();
  const show = names.has(name);
  if (show) names.delete(name);
  else names.add(name);
  hidden.set(figure, names);
  entry.setAttribute("aria-pressed", String(show));
  const { plot } = charts.get(figure);
  plot.batch(() => {
    for (let at = place; at <= place + (band ? 2 : 0); at += 1) plot.setSeries(at, { show });
  });
}

function follow(plot, entries, series, places, { time, xFormat }) {
  const at = plot.cursor.idx;
  const label = plot.root.closest("figure").querySelector(".at");
  if (at === null || at === undefined) {
    label.textContent = "";
    for (const entry of entries) entry.textContent = "";
    return;
  }
  const x = plot.data[0][at];
  label.textContent = time ? `${new Date(x * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC` : xFormat(x);
  series.forEach((each, number) => {
    const value = each.values[at] ?? (each.band ? plot.data[places[number]][at] : null);
    entries[number].textContent = each.format(value ?? null);
  });
}

/** Makes all charts as wide as their figures. */
export function resize() {
  for (const [figure, { plot }] of charts) {
    const width = figure.querySelector(".plot").clientWidth;
    if (width && width !== plot.width) plot.setSize({ width, height: HEIGHT });
  }
}
