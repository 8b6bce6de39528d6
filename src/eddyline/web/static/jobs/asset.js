// The page of one asset's jobs: failures first, stages, chunks, timeline, table. It follows the stream of events, and
// asks again from time to time while jobs are open.

import { announce, api } from "/static/api.js";
import { evidence, JobDialog } from "/static/jobs/details.js";
import { duration, element, parse, STAGES, titleOf } from "/static/jobs/model.js";
import { Strip } from "/static/jobs/strip.js";
import { JobTable } from "/static/jobs/table.js";
import { Timeline } from "/static/jobs/timeline.js";

const byId = (id) => document.getElementById(id);
const asset = byId("jobs").dataset.asset;
const MAX_FAILURES = 10;
const MARKS = { done: "✓", running: "●", dead: "✕", waiting: "○", absent: "–" };

const dialog = new JobDialog(() => load());
const open = (job) => dialog.open(job);
const strip = new Strip(byId("chunks"), byId("chunk-note"), open);
const timeline = new Timeline(byId("timeline"), byId("timeline-note"), open);
const table = new JobTable(open);
let failuresShown = "";
let timer = 0;
let loading = false;
let again = false;

async function load() {
  if (loading) {
    again = true;
    return;
  }
  loading = true;
  clearTimeout(timer);
  let pause = 5000;
  try {
    const model = parse(await api(`/assets/${asset}/jobs`));
    byId("problem").hidden = true;
    show(model);
    const isOpen = model.jobs.some(({ state }) => ["waiting", "ready", "running"].includes(state));
    pause = isOpen ? (model.jobs.length > 1000 ? 6000 : 2500) : 30000;
  } catch (problem) {
    byId("problem").textContent = problem.status === 404 ? "The asset was deleted." : problem.sentence || String(problem);
    byId("problem").hidden = false;
    if (problem.status === 404) pause = 0;
  }
  loading = false;
  if (again) {
    again = false;
    pause = 1000;
  }
  if (pause) timer = setTimeout(load, pause);
}

function show(model) {
  showSummary(model);
  showFailures(model.jobs.filter(({ state }) => state === "dead"));
  showStages(model.jobs);
  const chunks = model.jobs.filter(({ kind }) => kind === "chunk");
  byId("chunks-section").hidden = !chunks.length;
  strip.update(chunks, model.now);
  byId("timeline-section").hidden = !(model.starts.length || model.jobs.some(({ state }) => state === "running"));
  timeline.update(model);
  table.update(model);
}

function showSummary({ progress, jobs, starts, asset: found }) {
  byId("reason").textContent = progress ? progress.reason.charAt(0).toUpperCase() + progress.reason.slice(1) : found.state;
  byId("progress").value = progress ? progress.fraction : 0;
  const percent = progress ? `${Math.floor(progress.fraction * 100)} %` : "";
  const left = progress?.eta_s ? `, about ${duration(progress.eta_s)} left` : "";
  byId("eta").textContent = percent + left;
  const count = (state) => jobs.filter((job) => job.state === state).length;
  const redone = jobs.reduce((sum, job) => sum + Math.max(job.starts - 1, 0), 0);
  const lost = starts.filter(({ outcome }) => outcome === "interrupted" || outcome === "lost").length;
  byId("totals").textContent =
    `${jobs.length.toLocaleString("en")} jobs: ${count("done").toLocaleString("en")} done, ${count("running")} running, ` +
    `${(count("ready") + count("waiting")).toLocaleString("en")} waiting, ${count("dead")} failed. ` +
    `${lost} starts interrupted, ${redone} jobs done again.`;
  const button = (id, visible) => {
    if (byId(id)) byId(id).hidden = !visible;
  };
  button("retry-asset", count("dead") > 0 || (count("cancelled") > 0 && found.state === "cancelled"));
  button("cancel-asset", found.state === "processing" && count("ready") + count("waiting") + count("running") > 0);
}

async function showFailures(dead) {
  const key = dead.map(({ id, finished }) => `${id}:${finished}`).join();
  if (key === failuresShown) return;
  failuresShown = key;
  byId("failures-section").hidden = !dead.length;
  const cards = dead.slice(0, MAX_FAILURES).map((job, index) => {
    const details = element("details", { open: index < 2 && dead.length < 4, children: [element("summary", { text: "Evidence" })] });
    const fill = async () => {
      if (details.dataset.filled) return;
      details.dataset.filled = "yes";
      try {
        const { error } = await api(`/jobs/${encodeURIComponent(job.id)}`);
        details.append(error ? evidence(error) : element("p", { text: "No evidence was kept." }));
      } catch (problem) {
        details.append(element("p", { class: "bad", text: problem.sentence || String(problem) }));
      }
    };
    details.addEventListener("toggle", () => details.open && fill());
    if (details.open) fill();
    const title = element("h3", { children: [element("button", { type: "button", class: "link", text: job.name, on: { click: () => open(job) } })] });
    return element("article", { class: "card failure", children: [title, element("p", { text: job.message || "failed" }), details] });
  });
  if (dead.length > MAX_FAILURES) {
    const show = () => table.filter({ state: "dead" });
    const text = `Show all ${dead.length.toLocaleString("en")} failed jobs`;
    cards.push(element("button", { type: "button", text, on: { click: show } }));
  }
  byId("failures").replaceChildren(...cards);
}

function showStages(jobs) {
  const kinds = Map.groupBy ? Map.groupBy(jobs, ({ kind }) => kind) : groupBy(jobs);
  const columns = STAGES.map((stage) => {
    const nodes = stage.map((kind) => node(kind, kinds.get(kind) || []));
    return element("div", { class: stage.length > 1 ? "stage wide" : "stage", children: nodes });
  });
  const focused = document.activeElement?.dataset?.kind;
  byId("stages").replaceChildren(...columns);
  if (focused) byId("stages").querySelector(`[data-kind="${focused}"]`)?.focus();
}

function groupBy(jobs) {
  const found = new Map();
  for (const job of jobs) found.set(job.kind, [...(found.get(job.kind) || []), job]);
  return found;
}

function node(kind, all) {
  const jobs = all.filter(({ state }) => state !== "cancelled");
  const count = (state) => jobs.filter((job) => job.state === state).length;
  const done = count("done");
  const state = !jobs.length ? "absent" : count("dead") ? "dead" : count("running") ? "running" : done === jobs.length ? "done" : "waiting";
  const words = { absent: all.length ? "cancelled" : "none", dead: `${count("dead")} failed`, running: `${count("running")} running`, done: "done", waiting: "waiting" };
  const text = jobs.length > 1 ? `${done.toLocaleString("en")} of ${jobs.length.toLocaleString("en")}, ${words[state]}` : words[state];
  const name = element("span", { class: "name", children: [titleOf(kind), element("span", { class: "mark", "aria-hidden": "true", text: MARKS[state] })] });
  return element("button", {
    type: "button", class: `node ${state}`, "data-kind": kind,
    children: [name, element("span", { class: "count", text })],
    on: { click: () => table.filter({ kind }) },
  });
}

async function act(action, text) {
  try {
    const { jobs } = await api(`/assets/${asset}/${action}`, { method: "POST" });
    announce(`${text}: ${jobs.length} jobs`);
  } catch (problem) {
    byId("problem").textContent = problem.sentence || String(problem);
    byId("problem").hidden = false;
  }
  load();
}

byId("retry-asset")?.addEventListener("click", () => act("retry", "Retried"));
byId("cancel-asset")?.addEventListener("click", () => {
  if (confirm("Cancel all open jobs of this asset? What is done is kept, and it can be retried.")) act("cancel", "Cancelled");
});

import("/static/events.js")
  .then(({ subscribe }) => {
    subscribe("*", (event) => event.asset === asset && load());
    subscribe("gap", () => load());
  })
  .catch(() => {}); // then it asks from time to time only
document.addEventListener("visibilitychange", () => !document.hidden && load());
load();
