// The map, the values of the frame on the screen, and the charts of an asset with telemetry.

import { Chart } from "/static/asset/charts.js";
import { TrackMap } from "/static/asset/map.js";
import { accelerationOf, indexAt, loadSensor, loadTelemetry, loadTrack, positionAt } from "/static/asset/telemetry.js";
import { number, quantity, setUnitSystem, unitOf } from "/static/format.js";

const byId = (id) => document.getElementById(id);
const AXES = ["--series-1", "--series-2", "--series-3"];

export async function showTrip({ asset, facts, clock, seek }) {
  const described = await loadTelemetry(asset).catch((error) => note(`The telemetry cannot be loaded: ${error.message}.`));
  if (!described) return;
  const charts = [];
  const units = byId("units");
  const times = facts.highlights.map(({ time_s: time }) => time);
  const common = { duration: facts.duration, onSeek: seek, markers: times };

  if (described.track) {
    const track = await loadTrack(asset);
    byId("trip").hidden = false;
    const map = new TrackMap(byId("map"), track, { onSeek: seek, highlights: facts.highlights, tiles: byId("map").dataset.tiles });
    charts.push(...trackCharts(track, common));
    const showValues = (time) => showPosition(positionAt(track, time));
    const showUnits = () => {
      showTotals(track);
      showValues(clock.time);
      charts.forEach((chart) => chart.restate?.());
    };
    units.value = unitOf("speed").unit === "mph" ? "imperial" : "metric";
    units.addEventListener("change", () => {
      setUnitSystem(units.value);
      showUnits();
    });
    showTotals(track);
    gpsNote(track);
    clock.subscribe((time) => {
      map.show(time);
      showValues(time);
    });
    globalThis.eddyline.map = map;
  }
  charts.push(...(await sensorCharts(asset, described, common)));
  if (!charts.length) return;
  clock.subscribe((time) => charts.forEach((chart) => chart.show(time)));
  globalThis.eddyline.charts = charts;
}

function note(text) {
  byId("telemetry").hidden = false;
  Object.assign(byId("telemetry-note"), { textContent: text, hidden: false });
}

function showPosition({ speed, altitude, good }) {
  for (const [id, name, value] of [["now-speed", "speed", speed], ["now-altitude", "altitude", altitude]]) {
    byId(id).textContent = quantity(name, value);
    byId(id).classList.toggle("uncertain", !good);
  }
}

function showTotals(track) {
  byId("top-speed").textContent = quantity("speed", track.top_speed_m_s);
  const { metres } = byId("distance").dataset;
  byId("distance").textContent = metres === undefined ? "–" : quantity("distance", Number(metres));
}

function gpsNote(track) {
  const bad = track.samples - track.good_samples;
  byId("gps-note").textContent = bad
    ? `Grey: ${bad.toLocaleString("en")} of ${track.samples.toLocaleString("en")} positions without a fix or too uncertain; maxima leave them out.`
    : `${track.samples.toLocaleString("en")} positions, all with a fix.`;
}

/** The element for a chart, with its title and the value of the frame. */
function frameOf(title) {
  byId("telemetry").hidden = false;
  const box = Object.assign(document.createElement("div"), { className: "chart" });
  const heading = Object.assign(document.createElement("h3"), { textContent: title });
  const value = document.createElement("span");
  const plot = Object.assign(document.createElement("div"), { className: "plot" });
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", `${title} over time`);
  heading.append(value);
  box.append(heading, plot);
  byId("charts").append(box);
  return { plot, value };
}

function trackCharts(track, common) {
  const make = (title, name, values) => {
    const { plot, value } = frameOf(title);
    const stated = () => {
      const { factor, unit } = unitOf(name);
      const kept = (wanted) => values.map((each, at) => (each === null || track.good[at] !== wanted ? null : each * factor));
      return {
        unit,
        series: [
          { label: title, values: kept(true), stroke: "--series-1", width: 1.8 },
          { label: `${title}, uncertain`, values: kept(false), stroke: "--series-6", width: 1.2 },
        ],
      };
    };
    const chart = new Chart(plot, { ...common, times: track.times, ...stated() });
    chart.restate = () => {
      chart.update(stated());
      show(chart.time);
    };
    const show = (time) => {
      value.textContent = quantity(name, values[indexAt(track.times, time)]);
    };
    extend(chart, show);
    return chart;
  };
  return [make("Speed", "speed", track.speed_2d), make("Altitude", "altitude", track.alt_m)];
}

async function sensorCharts(asset, { streams }, common) {
  const wanted = streams.filter(({ stream, elements }) => /^(ACCL|GYRO)$/.test(stream) && elements.length >= 3);
  const loaded = await Promise.all(wanted.map(({ stream }) => loadSensor(asset, stream).catch(() => null)));
  return wanted.flatMap(({ stream }, at) => {
    if (!loaded[at] || !loaded[at].times.length) return [];
    return [stream === "ACCL" ? accelerationChart(loaded[at], common) : gyroChart(loaded[at], common)];
  });
}

function accelerationChart(sensor, common) {
  const { plot, value } = frameOf("Acceleration");
  const { times, low, high } = accelerationOf(sensor);
  const series = [
    { label: "most", values: high, stroke: "--series-2", width: 1 },
    { label: "least", values: low, stroke: "--series-2", width: 1 },
  ];
  const chart = new Chart(plot, { ...common, times, series, bands: [{ series: [1, 2], fill: "--series-2" }], unit: "g" });
  extend(chart, (time) => {
    value.textContent = `${number(high[indexAt(times, time)], 2)} g`;
  });
  return chart;
}

function gyroChart({ times, axes }, common) {
  const { plot, value } = frameOf("Rotation");
  const series = axes.slice(0, 3).flatMap(({ name, min, max }, at) => [
    { label: name, values: max, stroke: AXES[at], width: 1 },
    { label: name, values: min, stroke: AXES[at], width: 1 },
  ]);
  const bands = [0, 1, 2].map((at) => ({ series: [2 * at + 1, 2 * at + 2], fill: AXES[at] }));
  const chart = new Chart(plot, { ...common, times, series, bands, unit: "rad/s" });
  extend(chart, (time) => {
    const at = indexAt(times, time);
    value.textContent = `${axes.slice(0, 3).map(({ max }) => number(max[at] ?? 0, 2)).join(" / ")} rad/s`;
  });
  return chart;
}

function extend(chart, more) {
  const show = chart.show.bind(chart);
  chart.show = (time) => {
    show(time);
    more(time);
  };
}
