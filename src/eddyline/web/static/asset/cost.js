// What the asset cost: read when the section is opened, because the server reads all starts on its machines.

import { api } from "/static/api.js";
import { costColumns, costNotes, exactDollars, showNotes } from "/static/fleet/costs.js";
import { fill } from "/static/fleet/tables.js";

const dollarsOf = (found, of = "listed_usd") => (found ? exactDollars(found[of]) : "unknown");

const RENDITIONS = [
  { name: "rendition", text: (row) => row.name },
  { name: "list", number: true, text: (row) => dollarsOf(row.cost) },
  { name: "billed", number: true, text: (row) => dollarsOf(row.cost, "billed_usd") },
  { name: "overhead", number: true, text: (row) => dollarsOf(row.overhead) },
  { name: "a minute", number: true, text: (row) => dollarsOf(row.minute) },
];

/** Connects the section: the first time that it is opened, it asks the server. */
export function costSection(section, asset) {
  const details = section.querySelector("details");
  let asked = false;
  details.addEventListener("toggle", async () => {
    if (!details.open || asked) return;
    asked = true;
    try {
      show(section, await api(`/assets/${asset}/cost`));
    } catch (error) {
      asked = false;
      showNotes(section.querySelector(".notes"), [error.sentence ?? error.message]);
    }
  });
}

function show(section, found) {
  const [kinds, renditions] = section.querySelectorAll("table");
  fill(kinds, costColumns("kind of job"), [...found.kinds, { key: "all", work: found.total }], "Cost by kind of job");
  renditions.hidden = found.renditions.length === 0;
  if (found.renditions.length) fill(renditions, RENDITIONS, found.renditions, "Cost by rendition");
  const minute = found.minute
    ? [`A minute of output costs ${dollarsOf(found.minute)}, with its overhead ${dollarsOf(found.minute_with_overhead)}.`]
    : [];
  showNotes(section.querySelector(".notes"), [...minute, ...costNotes(found)]);
}
