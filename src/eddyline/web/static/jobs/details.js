// One job with its evidence and the history of its starts, in a dialog or in a list of failures.

import { announce, api } from "/static/api.js";
import { clock, duration, element, shortName } from "/static/jobs/model.js";

const pre = (text) => element("pre", { text, tabindex: 0 });
const quote = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** What the job left behind when it failed: command line, exit status, end of stderr. */
export function evidence(error) {
  const list = element("dl", { class: "evidence" });
  const add = (term, child) => list.append(element("dt", { text: term }), element("dd", { children: [child] }));
  if (error.remedy) add("What to do", document.createTextNode(error.remedy));
  if (error.argv) add("Command", pre(error.argv.map(String).map(quote).join(" ")));
  const status = error.returncode ?? error.exit_status ?? error.status;
  if (status !== undefined && status !== null) add("Exit status", document.createTextNode(String(status)));
  if (error.stderr) add("End of stderr", pre(error.stderr));
  if (error.traceback) add("Traceback", pre(error.traceback));
  if (error.buried) add("Not retried", document.createTextNode(error.buried));
  const shown = new Set(["buried", "error", "message", "remedy", "argv", "returncode", "exit_status", "status", "stderr", "traceback"]);
  for (const [name, value] of Object.entries(error)) {
    if (!shown.has(name) && value !== null && value !== "") add(name, document.createTextNode(typeof value === "object" ? JSON.stringify(value) : String(value)));
  }
  return list;
}

function history(job) {
  if (!job.history.length) return element("p", { class: "quiet", text: "No start has ended yet." });
  const head = ["Worker", "Started", "Took", "Outcome"].map((text) => element("th", { scope: "col", text }));
  const rows = job.history.map((start) =>
    element("tr", {
      children: [
        element("td", { class: "mono", text: start.instance ? `${start.worker} (${start.instance})` : start.worker }),
        element("td", { text: clock(start.started) }),
        element("td", { text: duration(start.ended - start.started) }),
        element("td", { text: start.outcome }),
      ],
    }),
  );
  const table = element("table", {
    children: [element("thead", { children: [element("tr", { children: head })] }), element("tbody", { children: rows })],
  });
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Starts", children: [table] });
}

export class JobDialog {
  constructor(onChange) {
    this.dialog = document.getElementById("job-dialog");
    this.body = document.getElementById("job-body");
    this.actions = document.getElementById("job-actions");
    this.onChange = onChange;
  }

  async open({ id }) {
    document.getElementById("job-title").textContent = shortName(id);
    this.body.replaceChildren(element("p", { class: "quiet", text: "Loading" }));
    this.actions.replaceChildren();
    if (!this.dialog.open) this.dialog.showModal();
    try {
      this.show(await api(`/jobs/${encodeURIComponent(id)}`));
    } catch (problem) {
      this.body.replaceChildren(element("p", { class: "bad", role: "alert", text: problem.sentence || String(problem) }));
    }
  }

  show(job) {
    const facts = [`${job.state}`, `pool ${job.pool}`, `attempt ${job.attempt}`];
    if (job.worker) facts.push(`on ${job.worker}`);
    if (job.state === "running") facts.push(`${Math.round(job.fraction * 100)} %`);
    if (job.interruptions) facts.push(`interrupted ${job.interruptions} times`);
    const parts = [element("p", { class: "quiet", text: facts.join(", ") })];
    if (job.error) parts.push(element("p", { class: "bad", text: job.error.message || job.error.error }), evidence(job.error));
    parts.push(element("h3", { text: "Starts" }), history(job));
    this.body.replaceChildren(...parts);
    if (this.actions.dataset.readonly) return;
    const act = (text, action, kind) =>
      element("button", { type: "button", text, class: kind, on: { click: () => this.act(job, action, text) } });
    if (["dead", "cancelled"].includes(job.state)) this.actions.replaceChildren(act("Retry", "retry", "primary"));
    if (["waiting", "ready", "running"].includes(job.state)) this.actions.replaceChildren(act("Cancel this job", "cancel", "danger"));
  }

  async act(job, action, text) {
    try {
      await api(`/jobs/${encodeURIComponent(job.id)}/${action}`, { method: "POST" });
      announce(`${text}: ${shortName(job.id)}`);
      this.dialog.close();
      this.onChange();
    } catch (problem) {
      this.body.prepend(element("p", { class: "bad", role: "alert", text: problem.sentence || String(problem) }));
    }
  }
}
