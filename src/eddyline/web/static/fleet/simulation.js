// Simulated figures beside those that were measured in the range.

import { NONE, number, percent } from "/static/fleet/format.js";
import { fill } from "/static/fleet/tables.js";

const byId = (id) => document.getElementById(id);
const minutes = (seconds) => (seconds === null ? NONE : `${(seconds / 60).toFixed(1)} min`);
const FIGURES = [
  ["saved_own", "saved", percent],
  ["spot_share", "on Spot", percent],
  ["redone_share", "redone", (value) => percent(value, 2)],
  ["interruptions_per_hour", "interruptions an hour", number],
  ["p99_s", "time to ready p99", minutes],
];
const MARKS = { above: "\u25b2", below: "\u25bc" };

/** A mean with its interval, and a mark where the measured figure lies outside. */
export function intervalText(figure, format) {
  if (!figure) return NONE;
  const range = figure.low === figure.high ? "" : ` (${format(figure.low)} to ${format(figure.high)})`;
  const mark = MARKS[figure.measured_is];
  return `${format(figure.mean)}${range}${mark ? ` ${mark}` : ""}`;
}

/** The rows of the table: what was measured, then each policy. */
export function comparisonRows({ measured, simulation }) {
  const first = { label: "measured", text: (name, format) => format(measured[name]), outside: () => "" };
  const others = simulation.policies.map(({ label, figures }) => ({
    label,
    text: (name, format) => intervalText(figures[name], format),
    outside: (name) => (MARKS[figures[name]?.measured_is] ? figures[name].measured_is : ""),
  }));
  return [first, ...others];
}

function cell(row, name, format) {
  const outside = row.outside(name);
  const box = document.createElement("span");
  box.textContent = row.text(name, format);
  if (outside) {
    box.className = "warn";
    const words = document.createElement("span");
    words.className = "visually-hidden";
    words.textContent = ` measured is ${outside} the interval`;
    box.append(words);
  }
  return box;
}

/** Fills the section from the report `simulation`; it is hidden without a simulation. */
export function showSimulation(report) {
  const { simulation, problem } = report;
  byId("simulation").hidden = !simulation && !problem;
  byId("simulation-table").replaceChildren();
  byId("simulation-notes").replaceChildren();
  byId("simulation-about").textContent = problem ? `The simulation could not be read: ${problem}` : "";
  if (!simulation) return;
  const made = simulation.created ? `, of ${simulation.created.slice(0, 10)}` : "";
  const deadline = simulation.deadline ? `, policies tuned for the deadline ${simulation.deadline}` : "";
  byId("simulation-about").textContent = `Simulation \u201c${simulation.name}\u201d${made}${deadline}. Means, with 95 % intervals over its seeds.`;
  const columns = FIGURES.map(([name, title, format]) => ({
    name: title,
    number: true,
    cell: (row) => cell(row, name, format),
  }));
  fill(byId("simulation-table"), [{ name: "", text: (row) => row.label }, ...columns], comparisonRows(report), "Simulated beside measured");
  const notes = [
    `${MARKS.above} measured is above the interval, ${MARKS.below} below it.`,
    "Saved: against the same types On-Demand. On Spot: of the vCPU-hours; simulated, of the work.",
  ];
  byId("simulation-notes").replaceChildren(
    ...notes.map((text) => {
      const line = document.createElement("li");
      line.textContent = text;
      return line;
    }),
  );
}
