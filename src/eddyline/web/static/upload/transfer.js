// The transfer of one recording: fingerprint, lookup, and its files one after the other by tus, resumed where possible.

import { api, Problem } from "../api.js";
import { fingerprint } from "./fingerprint.js";

const ENDPOINT = "/api/v1/uploads";
// A request is a few seconds of a fast line: proxies accept it, and an answer that refuses it arrives.
const CHUNK_BYTES = 32 * 1024 * 1024;
const LONGEST_PAUSE_MS = 30_000;
const RETRY_DELAYS = [0, 500, 1000, 2000, 5000, 10_000, ...Array(200).fill(LONGEST_PAUSE_MS)];
const HEAD_BYTES = 4096;
const NOT_TRANSIENT = new Set([507]);

export class Cancelled extends Error {}

/**
 * The states of a recording: "waiting", "checking", "sending", "paused", and the ends "sent" (the server makes the
 * asset), "present", "ready", "failed". `sent` and `size` are bytes of all its files; `onChange(recording)` follows.
 */
export class Transfer {
  constructor(files, { profile, onChange }) {
    this.files = files;
    this.name = files[0].file.name;
    this.chapters = files.length;
    this.size = files.reduce((sum, { file }) => sum + file.size, 0);
    this.sent = 0;
    this.resumedAt = 0; // bytes that were on the server before this page sent any
    this.profile = profile;
    this.state = "waiting";
    this.reason = "";
    this.asset = null;
    this.note = "";
    this.uploads = []; // ids on the server, by file
    this.onChange = onChange;
    this.control = new AbortController();
    this.current = null; // the tus.Upload of the file that is being sent
  }

  get ended() {
    return ["sent", "present", "failed"].includes(this.state);
  }

  /** Transfer all files. Never rejects: the state says how it ended. */
  async run() {
    try {
      this.set("checking");
      const prints = [];
      for (const { file } of this.files) prints.push(await fingerprint(file, this.control.signal));
      const known = await this.lookUp(prints);
      if (known.reason) throw new Problem(415, { detail: known.reason, remedy: known.remedy });
      if (known.asset) {
        this.asset = known.asset;
        this.set("present");
        return;
      }
      this.set("sending");
      await this.send(prints, known.uploads);
      this.set("sent");
    } catch (error) {
      if (this.control.signal.aborted || error instanceof Cancelled) return;
      this.fail(error);
    }
  }

  async lookUp(prints) {
    const head = await this.files[0].file.slice(0, HEAD_BYTES).arrayBuffer();
    const json = { fingerprints: prints, profile: this.profile, head: base64(new Uint8Array(head)) };
    return api("/uploads/lookup", { json, signal: this.control.signal });
  }

  async send(prints, unfinished) {
    // Uploads of an earlier visit continue; those of another recording with the same file do not.
    const recording = unfinished.find((each) => each.recording)?.recording ?? randomName();
    let before = 0;
    for (const [part, { file }] of this.files.entries()) {
      const earlier = unfinished.find((each) => each.part === part && each.fingerprint === prints[part]);
      const metadata = {
        filename: file.name,
        profile: this.profile,
        fingerprint: prints[part],
        ...(this.files.length > 1 ? { recording, part: String(part), parts: String(this.files.length) } : {}),
      };
      if (earlier) {
        this.resumedAt += earlier.offset;
        if (earlier.offset) this.note = "continued";
      }
      if (!earlier || earlier.state === "open") {
        await this.sendFile(file, metadata, earlier?.id, before);
      }
      this.uploads[part] ??= earlier?.id;
      before += file.size;
      this.sent = before;
      this.onChange(this);
    }
  }

  sendFile(file, metadata, id, before) {
    return new Promise((resolve, reject) => {
      let bad = 0;
      const upload = new globalThis.tus.Upload(file, {
        endpoint: ENDPOINT,
        uploadUrl: id ? `${ENDPOINT}/${id}` : null,
        metadata,
        chunkSize: CHUNK_BYTES,
        retryDelays: RETRY_DELAYS,
        storeFingerprintForResuming: false, // the server knows unfinished uploads by their fingerprint
        onShouldRetry: (error) => {
          const status = error.originalResponse?.getStatus() ?? 0;
          bad = status === 460 ? bad + 1 : 0;
          const again = status < 400 || [408, 409, 423, 429, 460].includes(status) || (status >= 500 && !NOT_TRANSIENT.has(status));
          if (again && bad < 5) {
            this.note = status ? "the server is busy; retrying" : "the connection is lost; retrying";
            this.onChange(this);
          }
          return again && bad < 5;
        },
        onProgress: (sent) => {
          this.note = this.resumedAt ? "continued" : "";
          this.sent = before + sent;
          this.onChange(this);
        },
        onUploadUrlAvailable: () => {
          this.uploads[Number(metadata.part ?? 0)] = upload.url.split("/").pop();
        },
        onSuccess: resolve,
        onError: (error) => reject(problemOf(error)),
      });
      this.current = upload;
      this.onCancel = () => reject(new Cancelled("cancelled"));
      upload.start();
    }).finally(() => {
      this.current = null;
    });
  }

  pause() {
    if (this.state !== "sending") return;
    this.current?.abort();
    this.set("paused");
  }

  /** Continue after a pause, or at once after a network is back. */
  resume() {
    if (!["paused", "sending"].includes(this.state)) return;
    this.current?.abort().then(() => this.current?.start());
    this.set("sending");
  }

  /** Stop, and delete what the server has. */
  async cancel() {
    this.control.abort();
    await this.current?.abort();
    this.onCancel?.();
    for (const id of this.uploads.filter(Boolean)) await cancelUpload(id).catch(() => {});
  }

  fail(error) {
    this.reason = error instanceof Problem ? error.sentence : readError(error);
    this.set("failed");
  }

  set(state) {
    this.state = state;
    this.onChange(this);
  }
}

/** Delete an upload on the server. */
export async function cancelUpload(id) {
  const response = await fetch(`${ENDPOINT}/${id}`, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0" } });
  if (!response.ok && response.status !== 404) throw new Problem(response.status, {});
}

function readError(error) {
  if (error.name === "NotReadableError" || error.name === "NotFoundError") {
    return "The file cannot be read any more: it was changed, moved or removed since it was chosen. Choose it again.";
  }
  return error.message;
}

function problemOf(error) {
  const response = error.originalResponse;
  if (!response) return error.causingError ?? error;
  try {
    return new Problem(response.getStatus(), JSON.parse(response.getBody()));
  } catch {
    return new Problem(response.getStatus(), {});
  }
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

function randomName() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
