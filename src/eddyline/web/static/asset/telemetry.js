// The telemetry of an asset as the page uses it: the GPS track and the sensors, reduced by the server.

import { api } from "/static/api.js";

const POINTS = 2000;
const G = 9.80665; // m/s²

/** What the asset has: {streams, track, warnings}; null without telemetry. */
export async function loadTelemetry(asset) {
  try {
    return await api(`/assets/${asset}/telemetry`);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** The track: arrays of one length. Times are in seconds of the video, not of the camera's clock. */
export function loadTrack(asset) {
  return api(`/assets/${asset}/telemetry/track?points=${POINTS}`);
}

/** A sensor with three axes as {times, low, high}: the least and the greatest length in each bucket, or of its axes. */
export async function loadSensor(asset, stream) {
  const path = `/assets/${asset}/telemetry/${encodeURIComponent(stream)}?points=${POINTS}`;
  const { times, elements, reduced } = await api(path);
  return { times, reduced, axes: elements.filter(({ min }) => min.length) };
}

/** Acceleration in g: of each bucket the bounds of the vector's length that follow from the axes' bounds. */
export function accelerationOf({ times, axes }) {
  const low = [];
  const high = [];
  for (let at = 0; at < times.length; at += 1) {
    let least = 0;
    let most = 0;
    for (const { min, max } of axes.slice(0, 3)) {
      const [a, b] = [min[at], max[at]];
      most += Math.max(a * a, b * b);
      least += a <= 0 && b >= 0 ? 0 : Math.min(a * a, b * b);
    }
    low.push(Math.sqrt(least) / G);
    high.push(Math.sqrt(most) / G);
  }
  return { times, low, high };
}

/** The number of the last time at or before `time`; 0 before the first one. */
export function indexAt(times, time) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** The position at a time between two points of the track: {lat, lon, speed, altitude, good}. */
export function positionAt(track, time) {
  const at = indexAt(track.times, time);
  const next = Math.min(at + 1, track.times.length - 1);
  const span = track.times[next] - track.times[at];
  const part = span > 0 ? Math.min(1, Math.max(0, (time - track.times[at]) / span)) : 0;
  const mix = (values) => {
    const [a, b] = [values[at], values[next]];
    return a === null || b === null ? a : a + (b - a) * part;
  };
  return {
    lat: mix(track.lat),
    lon: mixLongitude(track.lon[at], track.lon[next], part),
    speed: mix(track.speed_2d),
    altitude: mix(track.alt_m),
    good: track.good[at] && track.good[next],
  };
}

function mixLongitude(a, b, part) {
  if (Math.abs(b - a) <= 180) return a + (b - a) * part;
  const mixed = a + (b + (b < a ? 360 : -360) - a) * part; // across the meridian of 180 degrees
  return mixed > 180 ? mixed - 360 : mixed < -180 ? mixed + 360 : mixed;
}
