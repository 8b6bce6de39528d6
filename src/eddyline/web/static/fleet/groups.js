// The tables of the page: drains, redone work, groups with their rates, and machines.

import { count, dollars, duration, NONE, percent, perThousand, time } from "/static/fleet/format.js";
import { append, fill } from "/static/fleet/tables.js";

const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

export function showDrains(report) {
  const buckets = report.histogram;
  const largest = Math.max(...buckets.map((bucket) => bucket.machines), report.total.missed, 1);
  const rows = buckets.map((bucket, at) => ({
    name: bucket.at_most_s === null ? `over ${buckets[at - 1].at_most_s} s` : `${at ? buckets[at - 1].at_most_s : 0} to ${bucket.at_most_s} s`,
    machines: bucket.machines,
    late: false,
  }));
  rows.push({ name: "missed: a job was lost", machines: report.total.missed, late: true });
  const columns = [
    { name: "from notice", text: (row) => row.name },
    { name: "machines", number: true, text: (row) => count(row.machines) },
    { name: "relative number", cell: (row) => bar(row.machines / largest, row.late) },
  ];
  fill(byId("histogram"), columns, rows, "Machines by seconds from notice to drained");
  for (const cell of byId("histogram").querySelectorAll("td:last-child")) cell.className = "bar-cell";
  const all = report.total;
  byId("drain-notes").textContent =
    `${count(all.interruptions)} interruptions: p50 ${duration(all.drained_s.p50)}, p95 ${duration(all.drained_s.p95)}, longest ${duration(all.drained_s.max)}; ` +
    `${count(all.missed)} missed (${percent(all.missed_share)}), ${count(all.without_notice)} without notice, ${count(all.idle)} idle.`;
  const groups = [...report.groups, ...(report.groups.length > 1 ? [{ ...all, key: "all" }] : [])];
  fill(
    byId("redone-table"),
    [
      { name: report.by, text: (row) => row.key },
      { name: "interruptions", number: true, text: (row) => count(row.interruptions) },
      { name: "starts", number: true, text: (row) => count(row.redone_starts) },
      { name: "time", number: true, text: (row) => duration(row.redone_s) },
      { name: "for each", number: true, text: (row) => duration(row.redone_s_per_interruption) },
      { name: "CPU time", number: true, text: (row) => duration(row.redone_cpu_s) },
      { name: "not measured", number: true, text: (row) => count(row.redone_unmeasured) },
    ],
    groups,
    "Redone work by group",
  );
  const others = report.redone.reduce((sum, row) => sum + row.seconds, 0);
  byId("redone-notes").textContent = report.redone.length
    ? `In all ${duration(others)} did not count, also of crashed workers, rollouts and cancelled jobs.`
    : "";
}

function bar(share, late) {
  const length = document.createElement("div");
  length.className = late && share > 0 ? "length late" : "length";
  length.style.width = `${(share * 100).toFixed(1)}%`;
  return length;
}

export function showGroups(rates, savings, survival, drains, running) {
  const find = (report, key) => report.find((group) => group.key === key);
  const rows = rates.groups.map((rate) => ({
    rate,
    use: find(running.groups, rate.key),
    money: find(savings.groups, rate.key),
    life: find(survival.groups, rate.key),
    drain: find(drains.groups, rate.key),
  }));
  const scale = Math.max(...rows.map((row) => Math.min(row.rate.rate_high ?? 0, 3 * (row.rate.rate_per_instance_hour ?? 0) || (row.rate.rate_high ?? 0))), 1e-9);
  byId("by-name").textContent = rates.by;
  fill(
    byId("groups"),
    [
      { name: rates.by, text: (row) => row.rate.key },
      { name: "Spot hours", number: true, text: (row) => count(row.rate.instance_hours) },
      { name: "on Spot", number: true, text: (row) => percent(row.use?.spot_share ?? null, 0) },
      { name: "interrupted", number: true, text: (row) => count(row.rate.interruptions) },
      { name: "per 1,000 h", number: true, text: (row) => perThousand(row.rate.rate_per_instance_hour) },
      { name: "95 % interval", cell: (row) => interval(row.rate, scale) },
      { name: "of launches", number: true, text: (row) => `${percent(row.rate.interrupted_share_of_launches, 0)} of ${count(row.rate.launches)}` },
      { name: "scaled in", number: true, text: (row) => count(row.rate.scale_ins) },
      { name: "other ends", number: true, text: (row) => count(row.rate.other_ends) },
      { name: "median life", number: true, text: (row) => (row.life ? (row.life.median_s === null ? "not reached" : duration(row.life.median_s)) : NONE) },
      { name: "drained p95", number: true, text: (row) => duration(row.drain?.drained_s.p95 ?? null) },
      { name: "missed", number: true, text: (row) => count(row.drain?.missed ?? 0) },
      { name: "saved", number: true, text: (row) => (row.money?.on_demand_cost_usd ? `${dollars(row.money.saved_usd)} (${percent(row.money.saved_share, 0)})` : NONE) },
    ],
    rows,
    `Interruptions, lives and savings by ${rates.by}`,
  );
  const notes = [];
  if (rates.unfollowed) notes.push(`${count(rates.unfollowed)} running machines have an interruption notice.`);
  if (rates.incomplete) notes.push(`${count(rates.incomplete)} machines are left out: their launch or purchase option is not known.`);
  byId("group-notes").textContent = notes.join(" ");
}

/** The rate as a dot, its interval as a line, and both in words. */
function interval(rate, scale) {
  const box = document.createElement("span");
  if (rate.rate_low === null) return box;
  const width = 110;
  const at = (value) => Math.min((value / scale) * width, width);
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ class: "interval", width, height: 14, "aria-hidden": "true" })) svg.setAttribute(name, String(value));
  svg.append(
    shape("line", { x1: at(rate.rate_low), x2: at(rate.rate_high), y1: 7, y2: 7, stroke: "currentColor", "stroke-width": 2 }),
    shape("circle", { cx: at(rate.rate_per_instance_hour), cy: 7, r: 4, fill: "currentColor" }),
  );
  const text = document.createElement("span");
  text.className = "quiet";
  text.textContent = `${perThousand(rate.rate_low)} to ${perThousand(rate.rate_high)}`;
  box.append(svg, text);
  return box;
}

function shape(name, attributes) {
  const found = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, String(value));
  return found;
}

const MACHINES = [
  { name: "instance", text: (row) => row.instance },
  { name: "pool", text: (row) => row.pool },
  { name: "type", text: (row) => row.instance_type },
  { name: "zone", text: (row) => row.zone },
  { name: "purchase", text: (row) => row.lifecycle },
  { name: "vCPU", number: true, text: (row) => count(row.vcpu) },
  { name: "launched", text: (row) => time(row.launched) },
  { name: "ended", text: (row) => time(row.terminated) },
  { name: "ended by", cell: (row) => end(row) },
  { name: "hours", number: true, text: (row) => row.instance_hours.toFixed(1) },
  { name: "drained", number: true, text: (row) => (row.missed ? "missed" : duration(row.drained_s)) },
  { name: "redone", number: true, text: (row) => duration(row.redone_s) },
];

function end(row) {
  const text = document.createElement("span");
  const interrupted = row.ended_by === "interruption";
  text.className = interrupted ? "bad-end" : "";
  text.textContent = interrupted && row.warned_at === null ? "interruption, no notice" : row.ended_by;
  return text;
}

export function showMachines(page, { more = false } = {}) {
  const table = byId("machines");
  if (more) append(table.tBodies[0], MACHINES, page.machines);
  else fill(table, MACHINES, page.machines, "Machines");
  const shown = table.tBodies[0].rows.length;
  byId("machine-count").textContent = `${count(shown)} of ${count(page.total)} shown`;
  byId("more").hidden = !page.next;
}
