// Numbers, durations and times as people read them. All times are UTC.

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const money = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 0 });
const cents = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });

export const NONE = "–";

export function count(value) {
  return value === null ? NONE : plain.format(value);
}

export function short(value) {
  return value === null ? NONE : compact.format(value);
}

/** A number with three significant digits. */
export function number(value) {
  return value === null ? NONE : new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(value);
}

export function percent(value, digits = 1) {
  return value === null ? NONE : `${(value * 100).toFixed(digits)} %`;
}

export function dollars(value) {
  if (value === null) return NONE;
  return Math.abs(value) < 100 ? cents.format(value) : money.format(value);
}

/** Seconds in the unit in which they are easiest to read. */
export function duration(seconds) {
  if (seconds === null) return NONE;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(seconds < 600 ? 1 : 0)} min`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}

/** Interruptions per instance-hour, as a number for each 1,000 hours. */
export function perThousand(rate) {
  return rate === null ? NONE : number(rate * 1000);
}

export function time(seconds, withSeconds = false) {
  if (seconds === null) return NONE;
  const text = new Date(seconds * 1000).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, withSeconds ? 19 : 16)}`;
}
