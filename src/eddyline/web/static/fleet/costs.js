// The table of costs: read when it is asked for, because the server reads all starts of the range.

import { announce, api } from "/static/api.js";
import { count, dollars, duration } from "/static/fleet/format.js";
import { fill } from "/static/fleet/tables.js";

const byId = (id) => document.getElementById(id);
const UNKNOWN = "unknown";

/** Dollars with enough digits for the cost of a few jobs. */
export function exactDollars(value) {
  if (value === 0 || Math.abs(value) >= 1) return dollars(value);
  return `$${value.toPrecision(3)}`;
}

const amount = (found, of = "listed_usd") => (found ? exactDollars(found[of]) : UNKNOWN);

/** The columns of a table whose rows have `key` and `work`. */
export function costColumns(name) {
  return [
    { name, text: (row) => row.key || UNKNOWN },
    { name: "starts", number: true, text: ({ work }) => count(work.starts) },
    { name: "slot time", number: true, text: ({ work }) => duration(work.slot_s) },
    { name: "list", number: true, text: ({ work }) => (work.unknown_starts && work.cost ? "> " : "") + amount(work.cost) },
    { name: "billed", number: true, text: ({ work }) => amount(work.cost, "billed_usd") },
    { name: "redone", number: true, text: ({ work }) => amount(work.redone) },
    { name: "overhead", number: true, text: ({ work }) => amount(work.overhead) },
  ];
}

/** What is not known, and where prices come from, as sentences. */
export function costNotes({ unknown, prices }) {
  const date = (at) => new Date(at * 1000).toISOString().slice(0, 10);
  const reasons = unknown.map(({ reason, instance_type, zone, starts, instances }) => {
    const what = [instance_type, zone].filter(Boolean).join(" ");
    return `Not known (${reason}${what ? ` of ${what}` : ""}): ${count(starts)} starts, ${count(instances)} instances.`;
  });
  const sources = prices.map(({ option, name, first, last }) => {
    const dates = date(first) === date(last) ? date(first) : `${date(first)} to ${date(last)}`;
    return `Prices, ${option}: ${name}, of ${dates}.`;
  });
  return [...reasons, ...sources];
}

function machineNote({ instances, instance_cost: all, starts, boot, idle, drain }) {
  if (!instances) return [];
  const parts = Object.entries({ starts, boot, idle, drain }).map(([name, found]) => `${name} ${amount(found)}`);
  return [`${count(instances)} instances: list ${amount(all)}, billed ${amount(all, "billed_usd")}; ${parts.join(", ")}.`];
}

/** Connects the section of costs; `query()` returns the parameters of the range. */
export function costSection(query) {
  const section = byId("costs");
  const parameters = () => {
    const all = query();
    return new URLSearchParams({ from: all.get("from"), to: all.get("to"), by: byId("costs-by").value });
  };
  byId("costs-show").addEventListener("click", async () => {
    const chosen = parameters();
    section.setAttribute("aria-busy", "true");
    byId("costs-show").disabled = true;
    const notes = byId("costs-notes");
    try {
      const found = await api(`/fleet/costs?${chosen}`);
      const rows = [...found.groups, { key: "all", work: found.total }];
      fill(byId("costs-table"), costColumns(chosen.get("by")), rows, "Costs");
      const left = found.group_count - found.groups.length;
      const more = left > 0 ? [`The ${count(found.groups.length)} dearest; ${count(left)} more in the CSV.`] : [];
      showNotes(notes, [...more, ...machineNote(found.machines), ...costNotes(found)]);
      byId("costs-csv").href = `/api/v1/fleet/costs?${chosen}&format=csv`;
      byId("costs-csv").hidden = false;
      announce("The costs are shown.");
    } catch (error) {
      showNotes(notes, [error.sentence ?? error.message]);
    } finally {
      section.removeAttribute("aria-busy");
      byId("costs-show").disabled = false;
    }
  });
}

/** Shows sentences as a list. */
export function showNotes(list, sentences) {
  list.replaceChildren(
    ...sentences.map((sentence) => {
      const line = document.createElement("li");
      line.textContent = sentence;
      return line;
    }),
  );
}
