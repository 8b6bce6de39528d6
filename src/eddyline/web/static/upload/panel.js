// The upload panel: a dialog that can be closed while uploads go on; a button with their progress opens it again.

import { announce, api } from "../api.js";
import { MAX_FILES, filesOfDrop, filesOfInput, planUploads } from "./chosen.js";
import { element } from "./dom.js";
import { Queue } from "./queue.js";
import { Rows } from "./rows.js";
import { progressText } from "./texts.js";
import { Transfer } from "./transfer.js";
import { Unfinished } from "./unfinished.js";

const DRAW_MS = 200;
const PROFILE_KEY = "eddyline.upload-profile"; // an unfinished upload continues only with the same profile

let panel = null;

/** Open the panel; `transfer` is the DataTransfer of a drop, or null. */
export async function openPanel(transfer = null) {
  const dropped = transfer ? filesOfDrop(transfer) : null; // before any await: the browser empties it
  panel ??= create();
  const { show, add } = await panel;
  show();
  if (dropped) await add(await dropped);
}

async function create() {
  await Promise.all([loadStyle("/static/upload/upload.css"), loadScript("/static/vendor/tus.min.js")]);
  return new Panel();
}

class Panel {
  constructor() {
    this.queue = new Queue(() => this.changed());
    this.skipped = [];
    this.build();
    this.unfinished = new Unfinished(this.parts.unfinished);
    this.rows = new Rows(this.parts, this.queue);
    this.timer = null;
    this.finished = true;
    this.show = () => this.open();
    this.add = (chosen) => this.take(chosen);
    addEventListener("beforeunload", (event) => {
      const { counts } = this.queue.summary();
      if (counts.waiting + counts.active) event.preventDefault();
    });
  }

  build() {
    const parts = {};
    const input = (directory) => {
      const field = element("input", { type: "file", multiple: true, hidden: true, webkitdirectory: directory });
      field.addEventListener("change", () => {
        this.take(filesOfInput(field));
        field.value = ""; // the same files can be chosen again
      });
      return field;
    };
    const [files, folder] = [input(false), input(true)];
    parts.profile = element("select", { id: "upload-profile" }, element("option", {}, "default"));
    parts.profile.addEventListener("change", () => keepProfile(parts.profile.value));
    parts.message = element("p", { class: "notice bad", role: "alert", hidden: true });
    parts.progress = element("progress", { max: 1, value: 0, "aria-label": "All uploads" });
    parts.total = element("p", { class: "upload-total" });
    parts.pause = element("button", { type: "button", onclick: () => this.togglePause() }, "Pause");
    for (const name of ["unfinished", "problems", "active", "waiting", "skipped", "done"]) {
      parts[name] = element("section", { class: `upload-${name}`, hidden: true });
    }
    parts.overall = element(
      "div",
      { class: "upload-overall", hidden: true },
      element("div", { class: "row spread" }, parts.total, parts.pause),
      parts.progress,
    );
    parts.zone = element(
      "div",
      { class: "upload-zone" },
      element("p", {}, "Drop camera files, folders or a memory card here, or choose them:"),
      element(
        "div",
        { class: "row" },
        element("button", { type: "button", class: "primary", onclick: () => files.click() }, "Choose files"),
        element("button", { type: "button", onclick: () => folder.click() }, "Choose a folder"),
        element("label", { for: "upload-profile" }, "Profile"),
        parts.profile,
      ),
      files,
      folder,
    );
    this.parts = parts;
    this.dialog = element(
      "dialog",
      { class: "upload-panel", "aria-labelledby": "upload-title" },
      element(
        "div",
        { class: "row spread" },
        element("h2", { id: "upload-title" }, "Add recordings"),
        element("button", { type: "button", onclick: () => this.dialog.close() }, "Close"),
      ),
      parts.message,
      parts.zone,
      parts.overall,
      ...["problems", "active", "unfinished", "waiting", "skipped", "done"].map((name) => parts[name]),
    );
    this.dialog.addEventListener("dragover", (event) => event.preventDefault());
    this.dialog.addEventListener("close", () => this.draw());
    this.status = element("button", { type: "button", class: "upload-status", hidden: true, onclick: () => this.open() });
    document.body.append(this.dialog, this.status);
    api("/profiles")
      .then((found) => this.setProfiles(found))
      .catch(() => {}); // the default one remains
  }

  setProfiles(found) {
    const names = (found.profiles ?? found.items ?? found).map((each) => each.name ?? each);
    const kept = keptProfile();
    const chosen = names.includes(kept) ? kept : "default";
    const options = names.map((name) => element("option", { value: name, selected: name === chosen }, name));
    if (options.length) this.parts.profile.replaceChildren(...options);
  }

  open() {
    if (!this.dialog.open) this.dialog.showModal();
    this.unfinished.refresh(this.queue);
    this.draw();
  }

  /** Add chosen files: {file, path} each. */
  async take(chosen) {
    this.parts.message.hidden = true;
    if (chosen.length > MAX_FILES) {
      this.say(`More than ${MAX_FILES.toLocaleString("en")} files: choose fewer at a time.`);
      return;
    }
    if (!chosen.length) return;
    try {
      const { recordings, skipped } = await planUploads(chosen);
      this.skipped.push(...skipped);
      const onChange = () => this.changed();
      const profile = this.parts.profile.value;
      this.finished = false;
      this.queue.add(recordings.map((files) => new Transfer(files, { profile, onChange })));
      const others = skipped.length ? `, ${skipped.length} files skipped` : "";
      announce(`${recordings.length} recordings added${others}`);
    } catch (error) {
      this.say(error.sentence ?? error.message);
    }
    this.draw();
  }

  say(text) {
    this.parts.message.textContent = text;
    this.parts.message.hidden = false;
  }

  togglePause() {
    if (this.queue.paused) this.queue.resume();
    else this.queue.pause();
  }

  /** Something changed: draw soon, at most five times a second however many files there are. */
  changed() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.draw();
    }, DRAW_MS);
  }

  draw() {
    const summary = this.queue.summary();
    const { counts, size, sent } = summary;
    const running = counts.waiting + counts.active > 0;
    const { parts } = this;
    parts.overall.hidden = !this.queue.transfers.length;
    parts.progress.value = size ? sent / size : 1;
    parts.total.textContent = progressText(summary, this.queue.paused);
    parts.pause.textContent = this.queue.paused ? "Continue" : "Pause";
    parts.pause.hidden = !running;
    this.rows.draw(this.skipped);
    this.unfinished.draw(this.queue);
    this.status.hidden = this.dialog.open || !(running || counts.failed);
    this.status.textContent = running
      ? `Uploading, ${Math.floor((100 * sent) / (size || 1))} %`
      : `${counts.failed} uploads failed`;
    if (!running && !this.finished) {
      this.finished = true;
      announce(`All uploads have ended${counts.failed ? `, ${counts.failed} failed` : ""}`);
    }
  }
}

function keepProfile(name) {
  try {
    localStorage.setItem(PROFILE_KEY, name);
  } catch {
    // Without storage the choice holds until the page is closed.
  }
}

function keptProfile() {
  try {
    return localStorage.getItem(PROFILE_KEY);
  } catch {
    return null; // storage is blocked
  }
}

function loadStyle(href) {
  return loaded(element("link", { rel: "stylesheet", href }));
}

function loadScript(src) {
  return globalThis.tus ? Promise.resolve() : loaded(element("script", { src }));
}

function loaded(node) {
  return new Promise((resolve, reject) => {
    node.addEventListener("load", resolve);
    node.addEventListener("error", () => reject(new Error(`${node.src || node.href} cannot be loaded`)));
    document.head.append(node);
  });
}
