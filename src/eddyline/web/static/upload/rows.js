// The recordings of the panel. Lists show a bounded number of rows, so that a thousand files cost no more than fifty.

import { element } from "./dom.js";
import { count, stateText, title } from "./texts.js";

const MOST_ROWS = 50;
const DONE = new Set(["sent", "present", "ready"]);

export class Rows {
  constructor(parts, queue) {
    this.parts = parts;
    this.queue = queue;
    this.known = new Map(); // transfer -> its row, while it is shown
    this.opened = new Set();
  }

  draw(skipped) {
    const groups = { active: [], problems: [], waiting: [], done: [] };
    for (const each of this.queue.transfers) {
      if (each.state === "waiting") groups.waiting.push(each);
      else if (each.state === "failed") groups.problems.push(each);
      else groups[DONE.has(each.state) ? "done" : "active"].push(each);
    }
    const shown = new Set();
    this.list("problems", "Failed", groups.problems, shown);
    this.list("active", "Uploading", groups.active, shown);
    this.folded("waiting", "Waiting", groups.waiting, shown);
    this.folded("done", "Done", groups.done.reverse(), shown);
    for (const each of this.known.keys()) if (!shown.has(each)) this.known.delete(each);
    this.drawSkipped(skipped);
  }

  list(name, heading, transfers, shown) {
    const section = this.parts[name];
    section.hidden = !transfers.length;
    if (!transfers.length) return section.replaceChildren();
    if (!section.firstChild) {
      section.append(element("h3"), element("ul", { class: "upload-rows" }), element("p", { class: "quiet" }));
    }
    const [head, list, more] = section.children;
    setText(head, `${heading} (${transfers.length.toLocaleString("en")})`);
    this.fill(list, transfers, shown);
    setText(more, rest(transfers.length));
    return section;
  }

  /** A list that is closed until the user opens it. */
  folded(name, heading, transfers, shown) {
    const section = this.parts[name];
    section.hidden = !transfers.length;
    if (!transfers.length) return section.replaceChildren();
    if (!section.firstChild) section.append(foldable(() => this.queue.onChange()));
    const details = section.firstChild;
    setText(details.children[0], `${heading} (${transfers.length.toLocaleString("en")})`);
    this.fill(details.children[1], details.open ? transfers : [], shown);
    setText(details.children[2], details.open ? rest(transfers.length) : "");
    return section;
  }

  fill(list, transfers, shown) {
    const rows = transfers.slice(0, MOST_ROWS).map((transfer) => {
      shown.add(transfer);
      const row = this.known.get(transfer) ?? this.create(transfer);
      this.known.set(transfer, row);
      this.update(row, transfer);
      return row;
    });
    // Only what changed is touched: a button keeps the focus, and a screen reader its place.
    const wanted = new Set(rows);
    for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
    rows.forEach((row, at) => {
      if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
    });
  }

  create(transfer) {
    const name = element("span", { class: "upload-name" }, title(transfer));
    const progress = element("progress", { max: 1, "aria-label": `Upload of ${transfer.name}` });
    const text = element("span", { class: "upload-state" });
    const link = element("a", { hidden: true }, "Open");
    const button = (label, action) =>
      element("button", { type: "button", "aria-label": `${label} ${transfer.name}`, onclick: action }, label);
    const pause = button("Pause", () => (transfer.state === "paused" ? transfer.resume() : transfer.pause()));
    const retry = button("Try again", () => this.queue.retry(transfer));
    const cancel = button("Cancel", () => this.queue.cancel(transfer));
    const row = element("li", {}, name, text, progress, element("span", { class: "row" }, link, pause, retry, cancel));
    row.parts = { progress, text, link, pause, retry, cancel };
    return row;
  }

  update(row, transfer) {
    const { progress, text, link, pause, retry, cancel } = row.parts;
    setText(text, stateText(transfer));
    text.classList.toggle("bad", transfer.state === "failed");
    text.classList.toggle("good", DONE.has(transfer.state));
    progress.hidden = !["sending", "paused", "checking"].includes(transfer.state);
    if (transfer.state === "checking") progress.removeAttribute("value");
    else progress.value = transfer.sent / (transfer.size || 1);
    link.hidden = !transfer.asset;
    if (transfer.asset) link.href = `/assets/${transfer.asset}`;
    pause.hidden = !["sending", "paused"].includes(transfer.state);
    setText(pause, transfer.state === "paused" ? "Continue" : "Pause");
    pause.setAttribute("aria-label", `${pause.textContent} ${transfer.name}`);
    retry.hidden = transfer.state !== "failed";
    cancel.hidden = DONE.has(transfer.state);
    setText(cancel, transfer.state === "failed" ? "Remove" : "Cancel");
    cancel.setAttribute("aria-label", `${cancel.textContent} ${transfer.name}`);
  }

  drawSkipped(skipped) {
    const section = this.parts.skipped;
    section.hidden = !skipped.length;
    if (!skipped.length) return;
    if (!section.firstChild) section.append(foldable(() => {}));
    const [summary, list, more] = section.firstChild.children;
    setText(summary, `Skipped: ${count(skipped.length, "file")} that ${skipped.length === 1 ? "is" : "are"} not video`);
    for (const { path, reason } of skipped.slice(list.children.length, MOST_ROWS)) {
      list.append(element("li", {}, element("span", { class: "upload-name" }, path), element("span", {}, reason)));
    }
    setText(more, rest(skipped.length));
  }
}

function foldable(onToggle) {
  const details = element(
    "details",
    {},
    element("summary"),
    element("ul", { class: "upload-rows" }),
    element("p", { class: "quiet" }),
  );
  details.addEventListener("toggle", onToggle);
  return details;
}

function rest(number) {
  return number > MOST_ROWS ? `and ${(number - MOST_ROWS).toLocaleString("en")} more` : "";
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
