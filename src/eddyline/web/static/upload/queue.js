// All recordings of this page: three are transferred at a time, in order; what became of them is asked for all at once.

import { api } from "../api.js";

const AT_ONCE = 3;
const POLL_MS = 2000;
const SPEED_WINDOW_MS = 10_000;

export class Queue {
  /** `onChange()` is called often; it should only note that something changed. */
  constructor(onChange) {
    this.onChange = onChange;
    this.transfers = [];
    this.next = 0; // the first one that was never started
    this.running = new Set();
    this.paused = false;
    this.marks = []; // [time, bytes that were sent by this page], for the speed
    this.poll = null;
    globalThis.addEventListener("online", () => this.running.forEach((each) => each.resume()));
  }

  add(transfers) {
    this.transfers.push(...transfers);
    this.fill();
    this.onChange();
  }

  pause() {
    this.paused = true;
    this.running.forEach((each) => each.pause());
    this.onChange();
  }

  resume() {
    this.paused = false;
    this.marks = [];
    this.running.forEach((each) => each.resume());
    this.fill();
    this.onChange();
  }

  async cancel(transfer) {
    this.transfers = this.transfers.filter((each) => each !== transfer);
    this.next = this.transfers.findIndex((each) => each.state === "waiting");
    if (this.next < 0) this.next = this.transfers.length;
    this.onChange();
    await transfer.cancel();
  }

  /** Try a failed one again, after all others. */
  retry(transfer) {
    this.transfers = this.transfers.filter((each) => each !== transfer);
    this.next = Math.min(this.next, this.transfers.length);
    this.next = this.transfers.findIndex((each) => each.state === "waiting");
    if (this.next < 0) this.next = this.transfers.length;
    transfer.state = "waiting";
    transfer.reason = "";
    transfer.control = new AbortController();
    this.add([transfer]);
  }

  fill() {
    while (!this.paused && this.running.size < AT_ONCE && this.next < this.transfers.length) {
      const transfer = this.transfers[this.next];
      this.next += 1;
      this.running.add(transfer);
      transfer.run().finally(() => {
        this.running.delete(transfer);
        transfer.files = transfer.state === "failed" ? transfer.files : []; // releases the files
        if (transfer.state === "sent") this.follow();
        this.fill();
        this.onChange();
      });
    }
  }

  /** Counts and sums; `etaS` is null while it is unknown. */
  summary() {
    const counts = { waiting: 0, active: 0, sent: 0, present: 0, failed: 0, ready: 0 };
    let size = 0;
    let sent = 0;
    let ours = 0; // without what earlier visits sent
    for (const each of this.transfers) {
      counts[each.state in counts ? each.state : "active"] += 1;
      if (each.state === "present" || each.state === "failed") continue;
      size += each.size;
      const has = each.state === "ready" ? each.size : each.sent;
      sent += has;
      ours += Math.max(0, has - each.resumedAt);
    }
    return { counts, size, sent, speed: this.speed(ours), ...this.eta(size - sent) };
  }

  speed(sent) {
    const now = performance.now();
    if (sent !== this.marks.at(-1)?.[1]) this.marks.push([now, sent]);
    while (this.marks.length > 2 && now - this.marks[0][0] > SPEED_WINDOW_MS) this.marks.shift();
    const [at, before] = this.marks[0];
    this.rate = now - at > 1000 ? Math.max(0, (sent - before) / ((now - at) / 1000)) : (this.rate ?? 0);
    return this.rate;
  }

  eta(left) {
    return { etaS: !this.paused && this.rate > 0 && left > 0 ? left / this.rate : null };
  }

  /** Ask what became of sent uploads until all are known: one request for all of them. */
  follow() {
    this.poll ??= setTimeout(async () => {
      this.poll = null;
      const byId = new Map((await api("/uploads").catch(() => [])).map((each) => [each.id, each]));
      for (const transfer of this.transfers.filter((each) => each.state === "sent")) {
        const found = transfer.uploads.map((id) => byId.get(id));
        const failed = found.find((each) => each?.state === "failed");
        if (failed) transfer.fail(new Error(sentence(failed.failure)));
        else if (found.every((each) => each?.state === "submitted")) {
          transfer.asset = found[0].asset;
          transfer.set("ready");
        }
      }
      this.onChange();
      if (this.transfers.some((each) => each.state === "sent")) this.follow();
    }, POLL_MS);
  }
}

function sentence(failure) {
  const text = failure?.message ?? "The server could not use the file";
  return failure?.remedy ? `${text}: ${failure.remedy}` : text;
}
