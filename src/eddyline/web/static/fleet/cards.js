// The headline figures.

import { count, dollars, duration, NONE, number, percent, perThousand, time } from "/static/fleet/format.js";

/** Fills the list of headline figures from the report `summary`. */
export function showCards(list, report) {
  const { interruptions: rate, usage, savings, drains, replacements, machines } = report;
  const reclaim = report.largest_reclaim;
  list.replaceChildren(
    card("Interruption rate", perThousand(rate.rate_per_instance_hour), "/ 1,000 h", [
      rate.rate_low === null ? "no Spot Instance ran" : `95 %: ${perThousand(rate.rate_low)} to ${perThousand(rate.rate_high)}`,
      `${count(rate.interruptions)} in ${count(rate.instance_hours)} instance-hours`,
      rate.launches ? `${percent(rate.interrupted_share_of_launches)} of ${count(rate.launches)} launches` : "no launch",
    ]),
    share(usage, report.spot_target),
    card("Saved", savings.on_demand_cost_usd ? dollars(savings.saved_usd) : "not known", "", [
      savings.on_demand_cost_usd ? `${percent(savings.saved_share)} of ${dollars(savings.on_demand_cost_usd)} On-Demand` : "",
      savings.free_usd ? `${percent(savings.saved_share_as_billed)} as billed` : "",
      `price known for ${percent(savings.priced_share_of_hours)} of hours`,
      report.prices ? "" : "no prices recorded: see docs/how-to/dashboard.md",
    ]),
    card("Notice to drained", duration(drains.drained_s.p50), "p50", [
      `p95 ${duration(drains.drained_s.p95)}, longest ${duration(drains.drained_s.max)}`,
      `${count(drains.missed)} missed of ${count(drains.interruptions - drains.idle)} (${percent(drains.missed_share)})`,
      `${count(drains.without_notice)} without notice, ${count(drains.idle)} idle`,
    ]),
    card("Redone work", duration(drains.redone_s), "", [
      `${duration(drains.redone_s_per_interruption)} for each interruption`,
      `${duration(drains.redone_cpu_s)} of CPU time, ${count(drains.redone_unmeasured)} starts not measured`,
    ]),
    card("Survive an hour", percent(report.survival_at_60_min), "", [
      report.survival_at_60_min === null ? "no launch in this time is an hour old" : "",
      report.survival_median_s === null ? rate.launches && "median life not reached" : `median life ${duration(report.survival_median_s)}`,
    ]),
    card("Largest reclaim", reclaim ? count(reclaim.instances) : "none", reclaim ? "machines in 5 min" : "", [
      reclaim ? `${count(reclaim.vcpu)} vCPU, ${time(reclaim.start)}` : "",
      reclaim ? `${reclaim.pools.join(", ")} in ${reclaim.zones.join(", ")}` : "",
    ]),
    card("Time to replacement", duration(replacements.seconds.p50), "p50", [
      `p95 ${duration(replacements.seconds.p95)}`,
      `${count(replacements.missing)} not replaced within an hour`,
    ]),
    card("Machines", count(machines.running), "running", [
      `${count(machines.ran)} ran, at most ${count(machines.peak_running)} at once`,
      `ended: ${count(machines.interrupted)} interrupted, ${count(machines.scaled_in)} scaled in, ${count(machines.ended_otherwise)} other`,
      machines.incomplete ? `${count(machines.incomplete)} of unknown launch or purchase option` : "",
    ]),
  );
}

function card(name, figure, unit, details, extra) {
  const box = document.createElement("div");
  const term = document.createElement("dt");
  term.textContent = name;
  const value = document.createElement("dd");
  value.className = "figure";
  value.append(figure);
  if (unit && figure !== NONE) {
    const small = document.createElement("span");
    small.className = "unit";
    small.textContent = ` ${unit}`;
    value.append(small);
  }
  box.append(term, value);
  if (extra) box.append(extra);
  for (const text of details.filter(Boolean)) {
    const line = document.createElement("dd");
    line.className = "detail";
    line.textContent = text;
    box.append(line);
  }
  return box;
}

function share(usage, target) {
  const bar = document.createElement("dd");
  bar.className = "target";
  const meter = document.createElement("meter");
  meter.min = 0;
  meter.max = 1;
  meter.low = target;
  meter.high = target;
  meter.optimum = 1;
  meter.value = usage.spot_share ?? 0;
  meter.setAttribute("aria-label", "Share of Spot in the vCPU-hours");
  meter.textContent = percent(usage.spot_share);
  const line = document.createElement("span");
  line.className = "line";
  line.style.left = percent(target, 0).replace(" ", "");
  bar.append(meter, line);
  const reached = usage.spot_share === null ? "" : usage.spot_share >= target ? "above" : "below";
  return card(
    "On Spot",
    percent(usage.spot_share),
    "",
    [
      "of the vCPU-hours",
      reached && `${reached} the line of ${percent(target, 0)}`,
      `${number(usage.spot_vcpu_hours)} of ${number(usage.spot_vcpu_hours + usage.on_demand_vcpu_hours)} vCPU-hours`,
      usage.vcpu_unknown_hours > 1 ? `without ${count(usage.vcpu_unknown_hours)} hours of unknown vCPU` : "",
    ],
    bar,
  );
}
