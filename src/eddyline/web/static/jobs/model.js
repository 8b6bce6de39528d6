// The jobs of an asset as objects, and texts about them.

export const STAGES = [
  ["inspect"],
  ["chunk", "audio", "preview", "extend", "pictures", "poster", "samples", "telemetry", "subtitles"],
  ["assemble"],
  ["package", "quality"],
  ["publish"],
];
const TITLES = {
  inspect: "Inspect", chunk: "Chunks", audio: "Audio", pictures: "Thumbnails", poster: "Poster", samples: "Frame samples",
  telemetry: "Telemetry", subtitles: "Subtitles", preview: "Preview", extend: "Preview, extended", assemble: "Assemble", package: "Package", quality: "Quality", publish: "Publish", tidy: "Tidy",
};
const ORDER = [...STAGES.flat(), "tidy"];

export const titleOf = (kind) => TITLES[kind] || kind;

const objects = ({ columns, rows }) =>
  rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]])));

/** The name of a job within its asset: "chunk-0007". */
export const shortName = (id) => id.split(".").slice(2).join(".") || id;

const rank = (kind) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length);

/** The response of /assets/{asset}/jobs as objects, jobs in the order in which an asset passes its stages. */
export function parse(body) {
  const jobs = objects(body.jobs);
  for (const job of jobs) job.name = shortName(job.id);
  jobs.sort((a, b) => rank(a.kind) - rank(b.kind) || a.name.localeCompare(b.name, "en", { numeric: true }));
  return { ...body, jobs, starts: objects(body.starts), byId: new Map(jobs.map((job) => [job.id, job])) };
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min ${String(Math.round(seconds % 60)).padStart(2, "0")} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.round((seconds % 3600) / 60)).padStart(2, "0")} min`;
}

export const clock = (seconds) => (seconds ? new Date(seconds * 1000).toLocaleTimeString() : "–");

export function took(job, now) {
  if (job.started === null) return null;
  if (job.state === "running") return Math.max(now - job.started, 0);
  return job.finished === null ? null : job.finished - job.started;
}

export function describe(job, now) {
  const parts = [job.name, job.state === "running" ? `running, ${Math.round(job.fraction * 100)} %` : job.state];
  if (job.worker) parts.push(`on ${job.worker}`);
  const time = took(job, now);
  if (time !== null) parts.push(duration(time));
  if (job.starts > 1) parts.push(`${job.starts} starts`);
  if (job.message) parts.push(job.message);
  return parts.join(", ");
}

export function element(name, { text, children = [], on = {}, ...attributes } = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  if (text !== undefined) made.textContent = text;
  for (const [kind, listener] of Object.entries(on)) made.addEventListener(kind, listener);
  made.append(...children);
  return made;
}
