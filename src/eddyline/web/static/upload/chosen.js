// The files that a user chose or dropped, directories included, and what the server says about them.

import { api } from "../api.js";

export const MAX_FILES = 10_000;

/** The files of a drop as {file, path}. Must be called in the handler: the browser empties the drop after it. */
export function filesOfDrop(transfer) {
  const entries = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  return collect(entries.filter(Boolean));
}

/** The files of an <input type="file"> as {file, path}. */
export function filesOfInput(input) {
  return [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

async function collect(entries) {
  const found = [];
  const pending = [...entries].reverse();
  while (pending.length && found.length <= MAX_FILES) {
    const entry = pending.pop();
    if (entry instanceof File) found.push({ file: entry, path: entry.name });
    else if (entry.isDirectory) pending.push(...(await childrenOf(entry)).reverse());
    else found.push(await fileOf(entry));
  }
  return found;
}

async function childrenOf(directory) {
  const reader = directory.createReader();
  const children = [];
  for (;;) {
    // Chromium returns at most 100 entries at once.
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return children.sort((a, b) => (a.name < b.name ? -1 : 1));
    children.push(...some);
  }
}

function fileOf(entry) {
  const path = entry.fullPath.replace(/^\//, "");
  return new Promise((resolve) =>
    entry.file(
      (file) => resolve({ file, path }),
      (error) => resolve({ file: null, path, reason: `the browser cannot read it: ${error.message}` }),
    ),
  );
}

/**
 * The recordings among chosen files, each a list of {file, path}, and the others as {path, reason}. The server decides,
 * by the rules of `eddyline run`.
 */
export async function planUploads(chosen) {
  const skipped = chosen.filter((each) => !each.file).map(({ path, reason }) => ({ path, reason }));
  const readable = chosen.filter((each) => each.file);
  const files = readable.map(({ file, path }) => ({ path: path.slice(-1024), size: file.size }));
  const plan = await api("/uploads/plan", { json: { files } });
  skipped.push(...plan.skipped.map(({ file, reason }) => ({ path: readable[file].path, reason })));
  return { recordings: plan.recordings.map((numbers) => numbers.map((n) => readable[n])), skipped };
}
