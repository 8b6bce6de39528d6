// The state of the page is in its address: range of time, filters, grouping.

export const RANGES = { "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000, "90d": 7_776_000, "1y": 31_536_000 };
const NAMES = ["range", "from", "to", "pool", "type", "zone", "by"];
const DEFAULTS = { range: "24h", by: "type" };

/** The state that the address says. */
export function read() {
  const query = new URLSearchParams(location.search);
  const found = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? DEFAULTS[name] ?? ""]));
  if (!RANGES[found.range]) found.range = DEFAULTS.range;
  if (!["type", "pool", "zone"].includes(found.by)) found.by = DEFAULTS.by;
  const custom = Date.parse(found.from) < Date.parse(found.to);
  return custom ? { ...found, range: "" } : { ...found, from: "", to: "" };
}

/** Puts changes into the address; empty values and defaults are left out. */
export function change(changes) {
  const state = { ...read(), ...changes };
  const query = new URLSearchParams();
  for (const name of NAMES) {
    if (state[name] && state[name] !== DEFAULTS[name]) query.set(name, state[name]);
  }
  history.pushState(null, "", query.size ? `?${query}` : location.pathname);
}

/** The parameters of the reports: an equal `to` for all of them, so that the server computes once. */
export function parameters(state, now) {
  const stop = state.to ? Date.parse(state.to) / 1000 : Math.floor(now / 1000);
  const start = state.from ? Date.parse(state.from) / 1000 : stop - RANGES[state.range];
  const query = new URLSearchParams({ from: String(start), to: String(stop) });
  for (const name of ["pool", "type", "zone"]) if (state[name]) query.set(name, state[name]);
  return query;
}
