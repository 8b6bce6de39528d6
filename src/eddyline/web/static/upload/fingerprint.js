// The content fingerprint of a file, exactly as media/source/fingerprint.py computes it: the SHA-256 of the size,
// the index boxes of an MP4 (moov, moof) and sampled blocks. A 60 GB file costs about 1.2 MB of reads besides its index.

import { Sha256 } from "../sha256.js";

const BLOCK = 64 * 1024;
const INNER_BLOCKS = 16;
const VERSION = new TextEncoder().encode("eddyline fingerprint 1\n");
// The limits of mp4/movie.py: generous for cameras, small for memory.
const MAX_INDEX = 128 * 1024 * 1024;
const MAX_BOXES = 200_000;
const WINDOW = 64 * 1024;
const FIRST_BOXES = new Set("ftyp styp moov moof mdat free skip wide pnot uuid sidx emsg".split(" "));
const UUID_BYTES = 16;

/** The fingerprint of a `File` as 64 hexadecimal digits. Rejects if the file cannot be read any more. */
export async function fingerprint(file, signal) {
  const digest = new Sha256().update(VERSION).update(bigEndian(file.size));
  for (const [start, end] of await indexBoxes(file, signal)) {
    digest.update(bigEndian(end - start));
    await hashSlice(digest, file, start, end, signal);
  }
  for (const offset of blockOffsets(file.size)) {
    digest.update(bigEndian(offset));
    digest.update(await bytesOf(file, offset, Math.min(offset + BLOCK, file.size), signal));
  }
  return digest.digest();
}

/** Where the sampled blocks start; the blocks of a small file cover all of it. */
export function blockOffsets(size) {
  const last = Math.max(0, size - BLOCK);
  const offsets = new Set();
  if (last <= INNER_BLOCKS * BLOCK) {
    for (let offset = 0; offset < size; offset += BLOCK) offsets.add(offset);
  } else {
    // last * step exceeds 2^53 for no file: File.size is below 2^48 in practice.
    for (let step = 0; step < INNER_BLOCKS + 2; step += 1) {
      offsets.add(Math.floor((last * step) / (INNER_BLOCKS + 1)));
    }
  }
  return [...offsets].sort((a, b) => a - b);
}

/** [start, end) of moov and of every moof; empty for a file that is not MP4, or whose index is incomplete. */
async function indexBoxes(file, signal) {
  const read = windowed(file, signal);
  const found = [];
  let moov = false;
  let fragmented = false; // moov contains mvex: fragments follow
  let indexBytes = 0;
  let at = 0;
  for (let count = 0; file.size - at >= 8; count += 1) {
    if (count >= MAX_BOXES) return [];
    const head = await read(at, Math.min(at + 16, file.size));
    const box = parseHeader(head, file.size - at);
    if (box === null || (at === 0 && !FIRST_BOXES.has(box.kind))) return moov ? found : [];
    const end = at + box.size;
    // Truncated: the pipeline finds that samples are missing, and does not use the index.
    if (end > file.size) return moov && box.kind !== "mdat" ? found : [];
    if ((box.kind === "moov" && !moov) || (box.kind === "moof" && (!moov || fragmented))) {
      indexBytes += box.size;
      if (indexBytes > MAX_INDEX) return [];
      found.push([at, end]);
      if (box.kind === "moov") {
        moov = true;
        found.unshift(found.pop()); // it is hashed first
        fragmented = await isFragmented(read, at + box.header, end);
      }
    }
    at = end;
  }
  return moov ? found : [];
}

/** Whether a moov box contains mvex: its fragments follow. */
async function isFragmented(read, start, end) {
  let at = start;
  while (end - at >= 8) {
    const box = parseHeader(await read(at, Math.min(at + 16, end)), end - at);
    if (box === null || at + box.size > end) return false;
    if (box.kind === "mvex") return true;
    at += box.size;
  }
  return false;
}

/** A reader that keeps the last window in memory, because headers are close to each other. */
function windowed(file, signal) {
  let start = 0;
  let data = new Uint8Array(0);
  return async (from, to) => {
    if (from < start || to > start + data.length) {
      start = from;
      data = await bytesOf(file, from, Math.min(Math.max(to, from + WINDOW), file.size), signal);
    }
    return data.subarray(from - start, to - start);
  };
}

/** The kind, header length and size of a box; `null` for a header that is invalid. */
function parseHeader(head, available) {
  if (head.length < 8) return null;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const kind = String.fromCharCode(...head.subarray(4, 8));
  let size = view.getUint32(0);
  let header = 8;
  if (size === 1) {
    if (head.length < 16) return null;
    size = Number(view.getBigUint64(8));
    header = 16;
  } else if (size === 0) {
    size = available;
  }
  if (kind === "uuid") header += UUID_BYTES;
  return size < header ? null : { kind, header, size };
}

async function hashSlice(digest, file, start, end, signal) {
  for (let at = start; at < end; at += 1024 * 1024) {
    digest.update(await bytesOf(file, at, Math.min(at + 1024 * 1024, end), signal));
  }
}

async function bytesOf(file, start, end, signal) {
  signal?.throwIfAborted();
  return new Uint8Array(await file.slice(start, end).arrayBuffer());
}

/** A number as eight bytes, most significant first. */
function bigEndian(value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
