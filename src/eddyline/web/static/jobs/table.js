// All jobs as a table, 100 rows at a time: the same facts as the pictures, also for screen readers.

import { clock, duration, element, took, titleOf } from "/static/jobs/model.js";

const PAGE = 100;
const byId = (id) => document.getElementById(id);
const STATES = ["dead", "running", "ready", "waiting", "done", "cancelled"];
const NAMES = { dead: "failed" };

export class JobTable {
  constructor(onOpen) {
    this.onOpen = onOpen;
    this.start = 0;
    this.model = { jobs: [], now: 0 };
    for (const state of STATES) byId("state-filter").append(element("option", { value: state, text: NAMES[state] || state }));
    for (const id of ["kind-filter", "state-filter"]) byId(id).addEventListener("change", () => this.turn(-this.start));
    byId("previous").addEventListener("click", () => this.turn(-PAGE));
    byId("next").addEventListener("click", () => this.turn(PAGE));
  }

  update(model) {
    this.model = model;
    const select = byId("kind-filter");
    const known = new Set([...select.options].map(({ value }) => value));
    for (const kind of new Set(model.jobs.map((job) => job.kind))) {
      if (!known.has(kind)) select.append(element("option", { value: kind, text: titleOf(kind) }));
    }
    this.draw();
  }

  filter({ kind = "", state = "" }) {
    byId("kind-filter").value = kind;
    byId("state-filter").value = state;
    this.turn(-this.start);
    byId("table-section").scrollIntoView({ block: "start" });
    byId("kind-filter").focus({ preventScroll: true });
  }

  turn(by) {
    this.start += by;
    this.draw();
  }

  draw() {
    const [kind, state] = [byId("kind-filter").value, byId("state-filter").value];
    const found = this.model.jobs.filter((job) => (!kind || job.kind === kind) && (!state || job.state === state));
    this.start = Math.max(0, Math.min(this.start, Math.floor((found.length - 1) / PAGE) * PAGE));
    const shown = found.slice(this.start, this.start + PAGE);
    const focused = document.activeElement?.dataset?.job;
    byId("rows").replaceChildren(...shown.map((job) => this.row(job)));
    if (focused) byId("rows").querySelector(`[data-job="${CSS.escape(focused)}"]`)?.focus();
    byId("previous").disabled = this.start === 0;
    byId("next").disabled = this.start + PAGE >= found.length;
    const text = found.length
      ? `${this.start + 1} to ${this.start + shown.length} of ${found.length.toLocaleString("en")}`
      : "no jobs";
    if (byId("range").textContent !== text) byId("range").textContent = text;
  }

  row(job) {
    const running = job.state === "running" ? ` ${Math.round(job.fraction * 100)} %` : "";
    const button = element("button", {
      type: "button", class: "link", text: job.name, "data-job": job.id, on: { click: () => this.onOpen(job) },
    });
    const cell = (text, attributes = {}) => element("td", { text, ...attributes });
    return element("tr", {
      children: [
        element("td", { children: [button] }),
        cell((NAMES[job.state] || job.state) + running, { class: job.state === "dead" ? "bad" : undefined }),
        cell(job.worker || "–", { class: "mono" }),
        cell(clock(job.started)),
        cell(duration(took(job, this.model.now)), { class: "number" }),
        cell(String(job.starts), { class: "number" }),
        cell(job.message),
      ],
    });
  }
}
