// Keeps the cards of the library as the server's events say.

import { announce } from "/static/api.js";
import { subscribe } from "/static/events.js";
import { remaining } from "/static/format.js";
import { showPercent } from "/static/library/listing.js";

const GATHER_MS = 250; // one request for the cards that changed in this time
const MOST_ADDED = 12; // more new assets than this are offered by a button

export function followEvents(listing, { query, accepts, fresh, connection, onChange }) {
  const changed = new Set();
  const created = new Set();
  let timer = null;

  const flush = async () => {
    timer = null;
    const names = [...changed];
    changed.clear();
    const added = [...created].filter((name) => !listing.card(name));
    if (added.length <= MOST_ADDED && accepts()) created.clear();
    else offer();
    const wanted = new Set([...names, ...(created.size ? [] : added)]);
    if (wanted.size) await listing.refresh([...wanted], query(), { add: accepts() }).catch(() => {});
    onChange();
  };
  const later = (name, isNew) => {
    (isNew ? created : changed).add(name);
    timer ??= setTimeout(flush, GATHER_MS);
  };
  const offer = () => {
    fresh.hidden = created.size === 0;
    fresh.firstElementChild.textContent = created.size === 1 ? "Show 1 new asset" : `Show ${created.size} new assets`;
  };
  const reload = async () => {
    created.clear();
    changed.clear();
    fresh.hidden = true;
    await listing.load(query()).catch(() => {});
    onChange();
  };
  fresh.firstElementChild.addEventListener("click", () => {
    scrollTo({ top: 0 });
    reload();
  });

  subscribe("asset.progress", ({ asset, body }) => {
    const card = listing.card(asset);
    if (!card) return;
    if (!card.querySelector("progress")) later(asset, false);
    showProgress(card, body);
  });
  subscribe("asset.created", ({ asset }) => later(asset, true));
  for (const kind of ["asset.ready", "asset.failed", "asset.cancelled", "asset.deleted"]) {
    subscribe(kind, ({ asset }) => {
      const name = listing.card(asset)?.querySelector("h2")?.textContent.trim();
      if (name) announce(`${name}: ${kind.slice("asset.".length)}`);
      created.delete(asset);
      later(asset, kind === "asset.ready" && !listing.card(asset));
    });
  }
  subscribe("state", (state) => {
    connection.hidden = state === "open";
  });
  subscribe("gap", reload);
}

/** Show the progress of an event or of the API: {fraction, eta_s, reason}. */
export function showProgress(card, { fraction, eta_s: eta, reason }) {
  if (Number.isFinite(fraction)) showPercent(card, Math.floor(fraction * 100));
  const text = [reason, remaining(eta)].filter(Boolean).join(" · ");
  const line = card.querySelector(".reason");
  if (line && text && !line.classList.contains("bad")) line.textContent = text;
}
