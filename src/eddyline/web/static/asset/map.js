// The map: the GPS track, coloured by speed, and the position of the frame on the screen. Without a configured tile server
// the ground is plain and nothing is requested.

import { Map as LeafletMap, Polyline, CircleMarker, Control, LayerGroup, LatLngBounds, TileLayer } from "/static/vendor/leaflet-src.esm.js";
import { positionAt } from "/static/asset/telemetry.js";

const SHADES = 8;
// From slow to fast; readable on light and dark grounds, and in order of lightness for colour-blind readers.
const COLOURS = ["#3b4cc0", "#4a73d9", "#4f97d6", "#3fb3b8", "#5cbf7a", "#b5b93c", "#e8993a", "#d9483b"];

export class TrackMap {
  constructor(element, track, { onSeek, highlights = [], tiles = "" }) {
    Object.assign(this, { track, onSeek });
    this.lon = unwrapped(track.lon);
    this.map = new LeafletMap(element, {
      preferCanvas: true,
      attributionControl: Boolean(tiles),
      zoomSnap: 0.25,
      maxZoom: 22,
      scrollWheelZoom: false, // scrolling the page must not zoom
      zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    });
    if (tiles) new TileLayer(tiles, { maxNativeZoom: 19, maxZoom: 22 }).addTo(this.map);
    new Control.Scale({ imperial: true, metric: true, maxWidth: 120 }).addTo(this.map);
    this.map.fitBounds(this.bounds(), { padding: [22, 22], maxZoom: 19 });
    this.draw();
    this.mark(highlights);
    this.marker = new CircleMarker(this.point(0), { radius: 8, weight: 3, color: "#ffffff", fillColor: "#0b6e8a", fillOpacity: 1, className: "here" });
    this.marker.addTo(this.map);
    this.map.on("click", ({ latlng }) => this.onSeek(this.track.times[this.nearest(latlng)]));
    new ResizeObserver(() => this.map.invalidateSize()).observe(element);
  }

  point(at) {
    return [this.track.lat[at], this.lon[at]];
  }

  /** The bounds of the positions with a fix; those without may be anywhere. */
  bounds() {
    const all = this.track.lat.map((_, at) => at);
    const good = all.filter((at) => this.track.good[at]);
    return new LatLngBounds((good.length ? good : all).map((at) => this.point(at)));
  }

  draw() {
    const { times, good, speed_2d: speeds } = this.track;
    const top = Math.max(0.1, ...speeds.filter((speed, at) => good[at] && speed !== null));
    const lines = new LayerGroup().addTo(this.map);
    let from = 0;
    const shadeOf = (at) => (good[at] && good[at + 1] ? Math.min(SHADES - 1, Math.floor(((speeds[at] ?? 0) / top) * SHADES)) : -1);
    for (let at = 1; at < times.length; at += 1) {
      if (at < times.length - 1 && shadeOf(at) === shadeOf(from)) continue;
      const shade = shadeOf(from);
      const points = [];
      for (let each = from; each <= at; each += 1) points.push(this.point(each));
      const style = shade < 0 ? { color: "#8a949d", weight: 2, dashArray: "3 6" } : { color: COLOURS[shade], weight: 4 };
      new Polyline(points, { ...style, lineCap: "round", interactive: false, smoothFactor: 0.5 }).addTo(lines);
      from = at;
    }
  }

  mark(highlights) {
    for (const { time_s: time } of highlights) {
      const { lat, lon } = positionAt({ ...this.track, lon: this.lon }, time);
      const pin = new CircleMarker([lat, lon], { radius: 6, weight: 2, color: "#15202b", fillColor: "#ffd23f", fillOpacity: 1 });
      pin.on("click", () => this.onSeek(time)).addTo(this.map);
    }
  }

  nearest({ lat, lng }) {
    const scale = Math.cos((lat * Math.PI) / 180);
    let best = 0;
    let least = Infinity;
    this.track.lat.forEach((each, at) => {
      const [y, x] = [each - lat, (this.lon[at] - lng) * scale];
      const distance = x * x + y * y;
      if (distance < least) [best, least] = [at, distance];
    });
    return best;
  }

  /** Show the position at a media time. */
  show(time) {
    const { lat, lon, good } = positionAt({ ...this.track, lon: this.lon }, time);
    this.marker.setLatLng([lat, lon]);
    this.marker.setStyle({ fillColor: good ? "#0b6e8a" : "#8a949d" });
  }
}

/** Longitudes without jumps where the track crosses the meridian of 180 degrees. */
function unwrapped(longitudes) {
  let turns = 0;
  return longitudes.map((lon, at) => {
    const step = at ? lon - longitudes[at - 1] : 0;
    if (step > 180) turns -= 360;
    if (step < -180) turns += 360;
    return lon + turns;
  });
}
