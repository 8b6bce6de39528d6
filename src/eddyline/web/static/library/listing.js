// The cards of the page, rendered by the server: pages by cursor, and single cards that changed.

import { request } from "/static/api.js";

const MOST_NAMED = 60; // as in web/pages/library.py

/** The list element that the server answers with. */
async function fragment(url, signal) {
  const text = await (await request(url, { signal })).text();
  const list = new DOMParser().parseFromString(text, "text/html").querySelector("ul.cards");
  return document.importNode(list, true);
}

export class Listing {
  constructor({ list, more, results, onCounts }) {
    Object.assign(this, { list, more, results, onCounts });
    this.seen = new IntersectionObserver(([entry]) => entry.isIntersecting && this.showMore(), { rootMargin: "600px" });
    this.more.addEventListener("click", (event) => {
      event.preventDefault();
      this.showMore();
    });
    this.offer(list.dataset.next);
  }

  card(asset) {
    return this.list.querySelector(`[data-asset="${CSS.escape(asset)}"]`);
  }

  get size() {
    return this.list.children.length;
  }

  offer(next) {
    this.next = next;
    this.more.hidden = !next;
    this.seen.disconnect();
    if (next) this.seen.observe(this.more);
  }

  /** Replace all cards by those of another query. */
  async load(query) {
    this.abort?.abort();
    this.abort = new AbortController();
    this.results.setAttribute("aria-busy", "true");
    try {
      const list = await fragment(`/library/cards?${query}`, this.abort.signal);
      this.list.replaceChildren(...list.children);
      this.offer(list.dataset.next);
      this.onCounts(JSON.parse(list.dataset.counts));
    } finally {
      this.results.setAttribute("aria-busy", "false");
    }
  }

  async showMore() {
    const url = this.next;
    if (!url || this.loading) return;
    this.loading = true;
    try {
      const list = await fragment(url);
      if (this.next !== url) return; // another query was loaded meanwhile
      const added = [...list.children].filter((card) => !this.card(card.dataset.asset));
      this.list.append(...added);
      this.offer(list.dataset.next);
    } finally {
      this.loading = false;
    }
  }

  /** Render the named assets again: cards are replaced, removed if they stopped matching, or added at the start. */
  async refresh(assets, query, { add }) {
    for (let at = 0; at < assets.length; at += MOST_NAMED) {
      const named = assets.slice(at, at + MOST_NAMED);
      const list = await fragment(`/library/cards?${query}${query ? "&" : ""}assets=${named.join(",")}`);
      const found = new Map([...list.children].map((card) => [card.dataset.asset, card]));
      for (const asset of named) this.place(asset, found.get(asset), add);
      this.onCounts(JSON.parse(list.dataset.counts));
    }
  }

  place(asset, card, add) {
    const old = this.card(asset);
    if (old && card) {
      const focused = old.contains(document.activeElement);
      keepProgress(old, card);
      old.replaceWith(card);
      if (focused) card.querySelector(".poster").focus();
    } else if (old) old.remove();
    else if (card && add) this.list.prepend(card);
  }
}

/** Progress that was shown never goes back. */
export function keepProgress(old, card) {
  const [before, now] = [old.querySelector("progress"), card.querySelector("progress")];
  if (before && now && before.value > now.value) showPercent(card, before.value);
}

export function showPercent(card, percent) {
  const bar = card.querySelector("progress");
  if (!bar) return;
  bar.value = Math.max(bar.value, percent);
  card.querySelector(".progress b").textContent = `${Math.floor(bar.value)} %`;
}
