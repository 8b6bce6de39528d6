// Values for people: the same spellings as core/formatting.py, and the units that the reader chose.

const KEY = "eddyline.units";
const METRIC = {
  speed: { unit: "km/h", factor: 3.6, digits: 1 },
  altitude: { unit: "m", factor: 1, digits: 0 },
  distance: { unit: "km", factor: 1 / 1000, digits: 1 },
};
const IMPERIAL = {
  speed: { unit: "mph", factor: 2.2369362921, digits: 1 },
  altitude: { unit: "ft", factor: 3.280839895, digits: 0 },
  distance: { unit: "mi", factor: 1 / 1609.344, digits: 1 },
};
const MINUS = "−";

/** "metric" or "imperial": the reader's choice in this browser. */
export function unitSystem() {
  try {
    return localStorage.getItem(KEY) === "imperial" ? "imperial" : "metric";
  } catch {
    return "metric"; // storage is blocked
  }
}

export function setUnitSystem(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Without storage the choice holds until the page is closed.
  }
}

/** Unit, factor from SI, and digits of "speed" (m/s), "altitude" (m) and "distance" (m). */
export function unitOf(quantity, system = unitSystem()) {
  return (system === "imperial" ? IMPERIAL : METRIC)[quantity];
}

/** A value in SI units as text in the reader's units: "31.4 km/h". */
export function quantity(name, value, system = unitSystem()) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const { unit, factor, digits } = name === "distance" && value < 1000 ? unitOf("altitude", system) : unitOf(name, system);
  return `${number(value * factor, digits)} ${unit}`;
}

export function number(value, digits = 0) {
  const text = Math.abs(value).toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return value < 0 && Number(value.toFixed(digits)) !== 0 ? MINUS + text : text;
}

/** A number of bytes in powers of 1000: "512 B", "1.2 kB", "38 MB". */
export function bytes(size) {
  if (size < 1000) return `${Math.round(size)} B`;
  let value = size;
  let unit = "B";
  for (const larger of ["kB", "MB", "GB", "TB", "PB"]) {
    if (value < 1000) break;
    value /= 1000;
    unit = larger;
  }
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

const two = (value) => String(value).padStart(2, "0");

/** A duration or media time: "0:08", "3:05", "1:02:03". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A media time with milliseconds: "0:08.341". */
export function preciseClock(seconds) {
  const ms = Math.round(Math.max(0, seconds) * 1000);
  return `${clock(Math.floor(ms / 1000))}.${String(ms % 1000).padStart(3, "0")}`;
}

/** A remaining time: "a few seconds left", "40 s left", "3 min left", "1 h 5 min left". */
export function remaining(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds < 5) return "a few seconds left";
  if (seconds < 60) return `${Math.round(seconds / 5) * 5} s left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min left`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

/** An instant (seconds since 1970, or ISO 8601) as local date and time. */
export function instant(value) {
  return new Date(typeof value === "number" ? value * 1000 : value).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
