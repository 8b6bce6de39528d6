// The charts of the page, each from one report, with the table that has the rows of its CSV.

import { draw } from "/static/fleet/chart.js";
import { look, property } from "/static/fleet/colours.js";
import { count, dollars, duration, number, percent, perThousand, short, time } from "/static/fleet/format.js";
import { fill, lazyTable } from "/static/fleet/tables.js";

const MOST = 5;
const figure = (id) => document.getElementById(id);
const total = () => ({ color: property("--text"), dash: [], pattern: "solid" });

/** The groups with the most hours: they have the same look in all charts, the others are grey. */
let named = [];

export function nameGroups(groups) {
  named = groups.slice(0, MOST).map((group) => group.key);
}

const lookOf = (key) => look(named.includes(key) ? named.indexOf(key) : MOST);
const namedOf = (groups) => named.map((key) => groups.find((group) => group.key === key)).filter(Boolean);

/** Steps hold until the next one; the last one until the end of the range. */
const times = (range) => [...range.steps, range.stop];
const held = (values) => [...values, values.at(-1)];

function rowsOf(range, groups) {
  return groups.flatMap((group) => range.steps.map((start, at) => ({ group, start, at })));
}

const STEP = [
  { name: "group", text: (row) => row.group.key },
  { name: "step_start", text: (row) => time(row.start) },
];

function stepColumns(names) {
  return [
    ...STEP,
    ...names.map((name) => ({ name, number: true, text: (row) => cell(row.group.steps[name][row.at]) })),
  ];
}

const cell = (value) => (value === null ? "" : String(Number(value.toPrecision(6))));

function label(id, text) {
  figure(id).querySelector(".plot").setAttribute("aria-label", text);
}

/** The groups to draw: the first ones, and the sum of the others as "other". */
function most(groups, names) {
  if (groups.length <= MOST + 1) return groups;
  const rest = groups.slice(MOST);
  const steps = Object.fromEntries(
    names.map((name) => [name, rest[0].steps[name].map((_, at) => rest.reduce((sum, each) => sum + (each.steps[name][at] ?? 0), 0))]),
  );
  return [...groups.slice(0, MOST), { key: `other (${rest.length})`, steps }];
}

export function showRates(report) {
  const { range } = report;
  const scaled = (values) => held(values).map((value) => (value === null ? null : value * 1000));
  const all = report.total.steps;
  const series = [
    {
      name: "all",
      look: total(),
      width: 2.5,
      values: scaled(all.rate_per_instance_hour),
      band: { low: scaled(all.rate_low), high: scaled(all.rate_high) },
      format: number,
    },
    ...namedOf(report.groups).map((group) => ({
      name: group.key,
      look: lookOf(group.key),
      width: 1.5,
      values: scaled(group.steps.rate_per_instance_hour),
      format: number,
    })),
  ];
  // A step with few hours has a wide interval, which would hide the rates.
  const rates = series.flatMap((each) => each.values).filter((value) => value !== null);
  const top = Math.max(...rates, 1) * 1.25;
  draw(figure("rates"), { x: times(range), series, max: { y: top }, axisFormat: { y: short }, labels: { y: "per 1,000 h" } });
  const rate = report.total;
  label(
    "rates",
    `Interruption rate over time: ${perThousand(rate.rate_per_instance_hour)} for each 1,000 instance-hours, ` +
      `95 % interval ${perThousand(rate.rate_low)} to ${perThousand(rate.rate_high)}, ${count(rate.interruptions)} interruptions.`,
  );
  const names = ["instance_hours", "interruptions", "launches", "launches_interrupted", "rate_per_instance_hour", "rate_low", "rate_high"];
  lazyTable(figure("rates"), (table) => fill(table, stepColumns(names), rowsOf(range, report.groups), "Interruption rate by group and step"));
}

export function showRunning(report) {
  const { range } = report;
  const groups = most(report.groups, ["instances"]);
  const series = groups.map((group) => ({ name: group.key, look: lookOf(group.key), values: held(group.steps.instances), format: number }));
  draw(figure("running"), { x: times(range), series, stacked: true, axisFormat: { y: short }, labels: { y: "machines" } });
  label(
    "running",
    `Running machines over time: ${groups.map((group) => `${group.key} ${count(group.instance_hours ?? null)} hours`).join(", ")}.`,
  );
  const names = ["instances", "spot_vcpu", "on_demand_vcpu", "unknown_lifecycle_vcpu", "spot_share"];
  lazyTable(figure("running"), (table) => fill(table, stepColumns(names), rowsOf(range, report.groups), "Running machines by group and step"));
}

export function showShare(report) {
  const { range, total: all } = report;
  const series = [
    { name: "Spot vCPU", look: look(0), values: held(all.steps.spot_vcpu), format: number },
    { name: "On-Demand vCPU", look: look(1), values: held(all.steps.on_demand_vcpu), format: number },
  ];
  const part = { name: "share of Spot", look: total(), values: held(all.steps.spot_share), format: (value) => percent(value, 0) };
  draw(figure("share"), {
    x: times(range),
    series: [{ ...part, width: 2.5 }, ...series.map((each) => ({ ...each, scale: "vcpu", width: 1.5, look: { ...each.look } }))],
    max: { y: 1.05 },
    axisFormat: { y: (value) => (value > 1 ? "" : percent(value, 0)), vcpu: short },
    labels: { y: "share of Spot", vcpu: "vCPU" },
    lines: [{ at: report.spot_target, text: `target ${percent(report.spot_target, 0)}` }],
  });
  label("share", `Share of Spot in the vCPU-hours: ${percent(all.spot_share)}, target ${percent(report.spot_target, 0)}.`);
  const names = ["spot_vcpu", "on_demand_vcpu", "unknown_lifecycle_vcpu", "spot_share"];
  lazyTable(figure("share"), (table) => fill(table, stepColumns(names), rowsOf(range, [all]), "Spot and On-Demand by step"));
}

export function showSavings(report) {
  const { range, total: all } = report;
  // Dollars an hour: the first and the last step are shorter than the others.
  const ends = times(range);
  const hourly = (values) => held(values.map((value, at) => (value * 3600) / (ends[at + 1] - ends[at])));
  const series = [
    { name: "On-Demand price", look: look(1), values: hourly(all.steps.on_demand_cost_usd), format: dollars },
    { name: "cost", look: look(0), values: hourly(all.steps.cost_usd), format: dollars },
    { name: "saved", look: look(3), width: 2.5, values: hourly(all.steps.saved_usd), format: dollars },
  ];
  draw(figure("savings"), { x: times(range), series, axisFormat: { y: (value) => `$${short(value)}` }, labels: { y: "$ an hour" } });
  label("savings", `Savings: ${dollars(all.saved_usd)}, ${percent(all.saved_share)} of the On-Demand price; price known for ${percent(all.priced_share_of_hours)} of the hours.`);
  const names = ["cost_usd", "on_demand_cost_usd", "saved_usd", "priced_share_of_hours"];
  lazyTable(figure("savings"), (table) => fill(table, stepColumns(names), rowsOf(range, report.groups), "Savings by pool and step"));
}

export function showCapacity(report) {
  const { range } = report;
  const all = report.pools[0].steps;
  const sum = all.spot_vcpu.map((value, at) => (value === null ? null : value + all.on_demand_vcpu[at]));
  const series = [
    { name: "running vCPU", look: look(0), values: held(sum), format: number },
    { name: "wanted vCPU", look: { ...look(1), dash: [6, 4] }, values: held(all.wanted_vcpu), format: number },
    { name: "missing on Spot", look: { ...look(4), dash: [2, 3] }, values: held(all.spot_shortfall_vcpu), format: number },
    { name: "backlog, vCPU-hours", look: { ...look(2), dash: [10, 3, 2, 3] }, scale: "backlog", values: held(all.backlog_vcpu_hours), format: number },
  ];
  draw(figure("capacity"), { x: times(range), series, axisFormat: { y: short, backlog: short }, labels: { y: "vCPU", backlog: "backlog, vCPU-hours" } });
  label("capacity", `Capacity against backlog over time, from ${count(report.pools[0].samples)} samples.`);
  const names = Object.keys(all);
  lazyTable(figure("capacity"), (table) => fill(table, stepColumns(names), rowsOf(range, report.pools), "Capacity and backlog by pool and step"));
}

export function showSurvival(report) {
  const curves = [report.total, ...namedOf(report.groups)];
  const longest = Math.max(...curves.map((curve) => curve.longest_s), 60);
  const x = [...new Set([0, longest, ...curves.flatMap((curve) => [...curve.points.map((point) => point.age_s), curve.longest_s])])].sort((a, b) => a - b);
  const series = curves.map((curve, at) => ({
    name: `${curve.key} (${count(curve.instances)})`,
    look: at ? lookOf(curve.key) : total(),
    width: at ? 1.5 : 2.5,
    values: steps(curve, x, "survival"),
    format: (value) => percent(value),
    ...(at ? {} : { band: { low: steps(curve, x, "low"), high: steps(curve, x, "high") } }),
  }));
  const median = report.total.median_s;
  draw(figure("survival"), {
    x,
    series,
    time: false,
    xFormat: (value) => duration(value).replace(".0", ""),
    max: { y: 1 },
    axisFormat: { y: (value) => percent(value, 0) },
    labels: { y: "not interrupted" },
    marks: [{ at: 3600, text: "1 h" }, ...(median ? [{ at: median, text: `median ${duration(median)}` }] : [])],
  });
  const all = report.total;
  label(
    "survival",
    `Survival of ${count(all.instances)} launches, ${count(all.interruptions)} interrupted: ` +
      `${percent(all.survival_at_60_min)} survive an hour, median ${all.median_s === null ? "not reached" : duration(all.median_s)}.`,
  );
  const columns = [
    { name: "group", text: (row) => row.curve.key },
    ...["age_s", "survival", "low", "high", "at_risk", "interruptions"].map((name) => ({ name, number: true, text: (row) => cell(row.point[name]) })),
  ];
  const rows = [report.total, ...report.groups].flatMap((curve) => curve.points.map((point) => ({ curve, point })));
  lazyTable(figure("survival"), (table) => fill(table, columns, rows, "Survival by group and age"));
}

/** A curve at the ages of x: it holds until its next point, and ends with its longest life. */
function steps(curve, x, name) {
  let next = 0;
  let value = curve.instances ? 1 : null;
  return x.map((age) => {
    while (next < curve.points.length && curve.points[next].age_s <= age) {
      value = curve.points[next][name];
      next += 1;
    }
    return age > curve.longest_s ? null : value;
  });
}
