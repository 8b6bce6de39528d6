// Uploads of earlier visits that the server still has: they continue when the same files are dropped again.

import { api } from "../api.js";
import { element } from "./dom.js";
import { bytes } from "./texts.js";
import { cancelUpload } from "./transfer.js";

export class Unfinished {
  constructor(section) {
    this.section = section;
    this.recordings = [];
  }

  /** Ask the server again. */
  async refresh(queue) {
    const all = await api("/uploads").catch(() => []);
    const groups = new Map();
    for (const each of all.filter(({ state }) => state === "open" || state === "complete")) {
      const key = each.recording || each.id;
      groups.set(key, [...(groups.get(key) ?? []), each]);
    }
    this.recordings = [...groups.values()];
    this.drawn = "";
    this.draw(queue);
  }

  draw(queue) {
    const ours = new Set(queue.transfers.flatMap((each) => each.uploads));
    const shown = this.recordings.filter((files) => !files.some(({ id }) => ours.has(id)));
    const key = shown.map((files) => files.map(({ id }) => id).join()).join(";");
    if (key === this.drawn) return;
    this.drawn = key;
    this.section.hidden = !shown.length;
    this.section.replaceChildren(
      element("h3", {}, `Unfinished uploads (${shown.length})`),
      element("p", { class: "quiet" }, "Choose or drop the same files again: each continues where it stopped."),
      element("ul", { class: "upload-rows" }, ...shown.slice(0, 50).map((files) => this.row(files, queue))),
    );
  }

  row(files, queue) {
    const [{ name, parts }] = files;
    const sum = (key) => files.reduce((total, each) => total + (each[key] ?? 0), 0);
    const complete = files.filter(({ state }) => state === "complete");
    const has = `${bytes(sum("offset"))} of ${bytes(sum("length"))} received`;
    const text = parts > 1 ? `${complete.length} of ${parts} chapters, ${has}` : has;
    const act = (label, action) =>
      element(
        "button",
        {
          type: "button",
          "aria-label": `${label} ${name}`,
          onclick: async () => {
            await action();
            await this.refresh(queue);
          },
        },
        label,
      );
    const buttons = [act("Cancel", () => Promise.all(files.map(({ id }) => cancelUpload(id))))];
    if (complete.length) {
      buttons.unshift(
        act("Use without the missing chapters", () => api(`/uploads/${complete[0].id}/submit`, { method: "POST" })),
      );
    }
    return element(
      "li",
      {},
      element("span", { class: "upload-name" }, name),
      element("span", { class: "upload-state" }, text),
      element("span", { class: "row" }, ...buttons),
    );
  }
}
