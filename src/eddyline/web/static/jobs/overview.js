// All failed jobs, by asset, and the assets that are being processed.

import { announce, api } from "/static/api.js";
import { JobDialog } from "/static/jobs/details.js";
import { duration, element, shortName } from "/static/jobs/model.js";

const byId = (id) => document.getElementById(id);
const PAGE = 100;
const dialog = new JobDialog(() => load());
let names = new Map();
let limit = PAGE;
let timer = 0;
let loading = false;

async function load() {
  if (loading) return;
  loading = true;
  clearTimeout(timer);
  try {
    const [running, failed, jobs] = await Promise.all([
      api("/assets?state=processing&limit=100&counts=true"),
      api("/assets?state=failed&limit=500"),
      api(`/jobs?state=dead&limit=${limit}`),
    ]);
    byId("problem").hidden = true;
    names = new Map(failed.assets.map(({ asset, name }) => [asset, name]));
    showRunning(running);
    showFailed(jobs);
  } catch (problem) {
    byId("problem").textContent = problem.sentence || String(problem);
    byId("problem").hidden = false;
  }
  loading = false;
  timer = setTimeout(load, 5000);
}

function showFailed({ jobs, next }) {
  const groups = new Map();
  for (const job of jobs) groups.set(job.asset, [...(groups.get(job.asset) || []), job]);
  byId("failed").replaceChildren(...[...groups].map(([asset, dead]) => failedAsset(asset, dead)));
  byId("failed").setAttribute("aria-busy", "false");
  byId("none-failed").hidden = jobs.length > 0;
  byId("failed-count").textContent = jobs.length ? `${jobs.length}${next ? "+" : ""}` : "";
  byId("more-failed").hidden = !next || limit >= 1000;
  if (byId("redrive")) byId("redrive").hidden = !jobs.length;
}

function failedAsset(asset, dead) {
  const link = element("a", { href: `/assets/${asset}/jobs`, text: names.get(asset) || asset });
  const items = dead.slice(0, 5).map((job) =>
    element("p", {
      children: [
        element("button", { type: "button", class: "link", text: shortName(job.id), on: { click: () => dialog.open(job) } }),
        `: ${job.message || "failed"}`,
      ],
    }),
  );
  if (dead.length > 5) items.push(element("p", { class: "quiet", text: `and ${dead.length - 5} more failed jobs` }));
  return element("article", { class: "card failure", children: [element("h3", { children: [link] }), ...items] });
}

function showRunning({ assets, counts, next }) {
  byId("running").replaceChildren(...assets.map(runningAsset));
  byId("running").setAttribute("aria-busy", "false");
  byId("none-running").hidden = assets.length > 0;
  const total = counts?.processing ?? assets.length;
  byId("running-count").textContent = assets.length ? `${total}${counts || !next ? "" : "+"}` : "";
}

function runningAsset({ asset, name, progress }) {
  const { fraction = 0, eta_s: eta = null, reason = "" } = progress || {};
  const left = eta ? `, about ${duration(eta)} left` : "";
  const head = element("div", {
    class: "row spread",
    children: [
      element("a", { href: `/assets/${asset}/jobs`, text: name }),
      element("span", { class: "quiet", text: `${Math.floor(fraction * 100)} %${left}` }),
    ],
  });
  const bar = element("progress", { max: 1, value: fraction, "aria-label": `Progress of ${name}` });
  return element("li", { class: "card", children: [head, bar, element("span", { class: "quiet", text: reason })] });
}

byId("redrive")?.addEventListener("click", async () => {
  try {
    const { jobs } = await api("/jobs/redrive", { method: "POST" });
    announce(`${jobs.length} jobs are tried again`);
  } catch (problem) {
    byId("problem").textContent = problem.sentence || String(problem);
    byId("problem").hidden = false;
  }
  load();
});
byId("more-failed").addEventListener("click", () => {
  limit = Math.min(limit * 3, 1000);
  load();
});

let waiting = 0;
import("/static/events.js")
  .then(({ subscribe }) => {
    subscribe("*", () => {
      // Many assets may report at once.
      waiting ||= setTimeout(() => {
        waiting = 0;
        load();
      }, 1000);
    });
  })
  .catch(() => {}); // then it asks from time to time only
load();
