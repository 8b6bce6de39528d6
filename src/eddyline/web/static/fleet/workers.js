// The table of live workers: their machines, slots and the jobs that they hold.

import { count, NONE, time } from "/static/fleet/format.js";
import { fill } from "/static/fleet/tables.js";

const byId = (id) => document.getElementById(id);

const COLUMNS = [
  { name: "worker", text: (row) => row.name },
  { name: "state", cell: (row) => state(row) },
  { name: "pool", text: (row) => row.pool || NONE },
  { name: "machine", text: (row) => row.instance || row.host },
  { name: "type", text: (row) => row.instance_type || NONE },
  { name: "zone", text: (row) => row.zone || NONE },
  { name: "purchase", text: (row) => row.lifecycle || NONE },
  { name: "slots", number: true, text: (row) => count(row.slots) },
  { name: "jobs held", cell: (row) => held(row.jobs) },
  { name: "since", text: (row) => time(row.registered) },
];

/** Shows the live workers that the filters of the page choose. */
export function showWorkers(workers, { pool, type, zone }) {
  const matches = (filter, value) => !filter || filter === (value || "not known");
  const live = workers.filter((row) => row.alive && matches(pool, row.pool) && matches(type, row.instance_type) && matches(zone, row.zone));
  const sum = (value) => live.reduce((total, row) => total + value(row), 0);
  byId("worker-count").textContent = live.length
    ? `${count(live.length)} live, ${count(sum((row) => Number(row.draining)))} of them draining; ${count(sum((row) => row.jobs.length))} jobs on ${count(sum((row) => row.slots ?? 0))} slots.`
    : "No worker runs.";
  byId("workers").hidden = live.length === 0;
  fill(byId("workers"), COLUMNS, live, "Live workers");
}

function state(row) {
  const text = document.createElement("span");
  text.className = row.draining ? "bad-end" : "";
  text.textContent = row.draining ? "draining" : row.jobs.length ? "busy" : "idle";
  return text;
}

/** The number of jobs, and of each its kind with a link to the jobs of its asset. */
function held(jobs) {
  const box = document.createElement("span");
  box.append(count(jobs.length));
  jobs.forEach((job, at) => {
    const link = document.createElement("a");
    link.href = `/assets/${encodeURIComponent(job.asset)}/jobs`;
    link.textContent = job.kind;
    link.title = job.job;
    box.append(at ? ", " : ": ", link);
  });
  return box;
}
