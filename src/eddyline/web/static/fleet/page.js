// The Spot dashboard: reads the reports of the chosen range, draws them, and reads them again each minute.

import { resize } from "/static/fleet/chart.js";
import { showCards } from "/static/fleet/cards.js";
import { nameGroups, showCapacity, showRates, showRunning, showSavings, showShare, showSurvival } from "/static/fleet/figures.js";
import { showDrains, showGroups, showMachines } from "/static/fleet/groups.js";
import { change, parameters, read } from "/static/fleet/state.js";
import { costSection } from "/static/fleet/costs.js";
import { showSimulation } from "/static/fleet/simulation.js";
import { showWorkers } from "/static/fleet/workers.js";

const REFRESH_MS = 60_000;
const REPORTS = ["summary", "interruptions", "running", "savings", "drains", "survival", "capacity", "machines", "simulation"];
const byId = (id) => document.getElementById(id);
const form = byId("controls");
let query = new URLSearchParams();
let found = null;
let loading = new AbortController();
let next = "";
let paused = false;

async function report(name, extra = {}) {
  const all = new URLSearchParams(query);
  for (const [key, value] of Object.entries(extra)) all.set(key, value);
  return get(`/api/v1/fleet/${name}?${all}`);
}

async function get(path) {
  const response = await fetch(path, { signal: loading.signal, headers: { Accept: "application/json" } });
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({ detail: `the server answered ${response.status}` }));
  throw new Error([problem.detail, problem.remedy].filter(Boolean).join("; "));
}

async function load() {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  const state = read();
  query = parameters(state, Date.now());
  byId("figures").setAttribute("aria-busy", "true");
  try {
    const by = { by: state.by };
    // The first one makes the server read the machines; the others share what it read.
    const [summary, { workers }] = await Promise.all([report("summary"), get("/api/v1/workers")]);
    showWorkers(workers, state);
    const others = await Promise.all(
      REPORTS.slice(1).map((name) => report(name, name === "machines" ? { limit: 50, ended_by: byId("ended-by").value } : by)),
    );
    if (signal.aborted) return;
    found = { summary, ...Object.fromEntries(others.map((each, at) => [REPORTS[at + 1], each])) };
    show(state);
    byId("problem").hidden = true;
  } catch (error) {
    if (signal.aborted) return;
    byId("problem").hidden = false;
    byId("problem").textContent = `The figures could not be read: ${error.message}`;
    byId("updated").textContent = "Not updated";
  } finally {
    if (!signal.aborted) byId("figures").removeAttribute("aria-busy");
  }
}

function show(state) {
  const { summary, interruptions, running, savings, drains, survival, capacity, machines, simulation } = found;
  const empty = summary.machines.ran === 0 && capacity.pools[0].samples === 0;
  byId("empty").hidden = !empty;
  byId("figures").hidden = empty;
  const made = summary.range.demonstration;
  byId("demonstration").hidden = !made;
  byId("demonstration").textContent = `Demonstration data: ${made}. No machine of this page exists.`;
  options("pool", summary.pools, state.pool);
  options("type", summary.types, state.type);
  options("zone", summary.zones, state.zone);
  showSimulation(simulation);
  if (!empty) {
    showCards(byId("cards"), summary);
    byId("cards").removeAttribute("aria-busy");
    nameGroups(running.groups);
    showRates(interruptions);
    showRunning(running);
    showShare(running);
    showSavings(savings);
    showCapacity(capacity);
    showSurvival(survival);
    showDrains(drains);
    showGroups(interruptions, savings, survival, drains, running);
    showMachines(machines);
    next = machines.next;
  }
  links(state);
  byId("updated").textContent = `Updated ${new Date().toISOString().slice(11, 19)} UTC`;
}

function options(name, values, chosen) {
  const select = form.elements[name];
  const wanted = ["", ...new Set([...values, ...(chosen ? [chosen] : [])])];
  if ([...select.options].map((option) => option.value).join("\n") !== wanted.join("\n")) {
    select.replaceChildren(...wanted.map((value) => new Option(value || "all", value)));
  }
  select.value = chosen;
}

function links(state) {
  for (const link of document.querySelectorAll("a.csv")) {
    const all = new URLSearchParams(query);
    all.set("format", "csv");
    if (link.dataset.rows) all.set("rows", link.dataset.rows);
    if (link.dataset.csv === "machines") all.set("ended_by", byId("ended-by").value);
    else if (link.dataset.csv !== "capacity") all.set("by", link.closest("#share") ? "all" : state.by);
    link.href = `/api/v1/fleet/${link.dataset.csv}?${all}`;
  }
}

function showState() {
  const state = read();
  for (const input of form.elements.range) input.checked = input.value === state.range;
  form.elements.from.value = state.from.slice(0, 16);
  form.elements.to.value = state.to.slice(0, 16);
  form.elements.by.value = state.by;
  byId("clear").hidden = !(state.pool || state.type || state.zone);
}

function choose(changes) {
  change(changes);
  showState();
  load();
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", ({ target }) => {
  if (target.name === "range") choose({ range: target.value, from: "", to: "" });
  else if (["pool", "type", "zone", "by"].includes(target.name)) choose({ [target.name]: target.value });
});
byId("apply").addEventListener("click", () => {
  const [from, to] = ["from", "to"].map((name) => form.elements[name].value);
  if (from && to && from < to) choose({ range: "", from: `${from}Z`, to: `${to}Z` });
  else form.elements.from.focus();
});
byId("clear").addEventListener("click", () => choose({ pool: "", type: "", zone: "" }));
byId("ended-by").addEventListener("change", async () => {
  const page = await report("machines", { limit: 50, ended_by: byId("ended-by").value });
  showMachines(page);
  next = page.next;
  links(read());
});
byId("more").addEventListener("click", async () => {
  const page = await report("machines", { limit: 200, ended_by: byId("ended-by").value, after: next });
  showMachines(page, { more: true });
  next = page.next;
});
costSection(() => parameters(read(), Date.now()));
byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  byId("pause").textContent = paused ? "Continue" : "Pause";
  if (!paused) load();
});
window.addEventListener("popstate", () => {
  showState();
  load();
});
new ResizeObserver(resize).observe(byId("figures"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => found && show(read()));
setInterval(() => {
  const fixed = Boolean(read().to);
  if (!paused && !fixed && document.visibilityState === "visible") load();
}, REFRESH_MS);

showState();
load();
