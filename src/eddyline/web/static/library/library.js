// The library page: search and filters without reloading, live cards, dropping recordings.

import { announce, api, Problem } from "/static/api.js";
import { gridKeys } from "/static/library/keys.js";
import { Listing } from "/static/library/listing.js";
import { followEvents } from "/static/library/live.js";
import { scrubPosters } from "/static/library/scrub.js";
import { dropAnywhere } from "/static/library/drop.js";

const SEARCH_PAUSE_MS = 200;
const byId = (id) => document.getElementById(id);
const form = byId("filters");
const list = byId("cards");

/** The query of the form, without values that equal the defaults. */
function query() {
  const values = new URLSearchParams(new FormData(form));
  if (values.get("sort") === "-created") values.delete("sort");
  for (const [name, value] of [...values]) if (!value.trim()) values.delete(name);
  return values.toString();
}

function showCounts(counts) {
  for (const element of form.querySelectorAll("[data-count]")) {
    element.textContent = (counts[element.dataset.count] ?? 0).toLocaleString("en");
  }
}

function showEmptiness() {
  const values = new URLSearchParams(query());
  const filtered = ["q", "state", "camera"].some((name) => values.has(name));
  byId("nothing").hidden = listing.size > 0 || !filtered;
  byId("empty").hidden = listing.size > 0 || filtered;
}

const listing = new Listing({ list, more: byId("more"), results: byId("results"), onCounts: showCounts });

async function apply({ push }) {
  const text = query();
  history[push ? "pushState" : "replaceState"](null, "", text ? `/?${text}` : "/");
  try {
    await listing.load(text);
    showEmptiness();
    announce(listing.size ? `${listing.size} assets shown` : "No asset matches");
  } catch (error) {
    if (error.name !== "AbortError") announce(error.message);
  }
}

let timer = null;
form.addEventListener("input", ({ target }) => {
  clearTimeout(timer);
  if (target.name === "q") timer = setTimeout(() => apply({ push: false }), SEARCH_PAUSE_MS);
  else apply({ push: true });
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  apply({ push: true });
});
addEventListener("popstate", () => {
  const values = new URLSearchParams(location.search);
  form.elements.q.value = values.get("q") || "";
  for (const radio of form.elements.state) radio.checked = radio.value === (values.get("state") || "");
  form.elements.camera.value = values.get("camera") || "";
  form.elements.sort.value = values.get("sort") || "-created";
  listing.load(query()).then(showEmptiness, () => {});
});

list.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-retry]");
  if (!button) return;
  button.disabled = true;
  try {
    await api(`/assets/${button.dataset.retry}/retry`, { method: "POST" });
    await listing.refresh([button.dataset.retry], query(), { add: false });
  } catch (error) {
    button.disabled = false;
    const line = button.closest(".asset").querySelector(".reason");
    if (line && error instanceof Problem) line.textContent = error.sentence;
  }
});

scrubPosters(list);
gridKeys(list, form.elements.q);
dropAnywhere({ cover: byId("drop"), buttons: document.querySelectorAll("#add, [data-add]") });
followEvents(listing, {
  query,
  // New assets appear at the start of the page only where they belong there.
  accepts: () => form.elements.sort.value === "-created" && scrollY < 400,
  fresh: byId("fresh"),
  connection: byId("connection"),
  onChange: showEmptiness,
});
