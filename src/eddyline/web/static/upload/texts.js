// What the panel says about uploads.

const UNITS = ["kB", "MB", "GB", "TB", "PB"];

/** A number of bytes in powers of 1000: "512 B", "1.2 kB", "38 MB". */
export function bytes(size) {
  if (size < 1000) return `${Math.round(size)} B`;
  let value = size;
  let unit = "";
  for (unit of UNITS) {
    value /= 1000;
    if (value < 1000) break;
  }
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

export function remaining(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds / 5) * 5)} s left`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min left` : `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** All uploads in one line. */
export function progressText({ counts, size, sent, speed, etaS }, paused) {
  const all = Object.values(counts).reduce((a, b) => a + b, 0);
  const ended = counts.sent + counts.present + counts.ready + counts.failed;
  const words = [`${ended.toLocaleString("en")} of ${count(all, "recording")}`, `${bytes(sent)} of ${bytes(size)}`];
  if (paused) words.push("paused");
  else if (speed > 0 && etaS !== null) words.push(`${bytes(speed)}/s`, remaining(etaS));
  return words.join(" · ");
}

/** What one recording does now. */
export function stateText(transfer) {
  const percent = `${Math.floor((100 * transfer.sent) / (transfer.size || 1))} %`;
  const note = transfer.note ? ` (${transfer.note})` : "";
  const texts = {
    waiting: "waiting",
    checking: "reading its fingerprint",
    sending: `${percent} of ${bytes(transfer.size)}${note}`,
    paused: `paused at ${percent}`,
    sent: "received; becoming an asset",
    present: "already in your library",
    ready: "in your library",
    failed: transfer.reason,
  };
  return texts[transfer.state];
}

/** The name of a recording, with its chapters. */
export function title(transfer) {
  return transfer.chapters > 1 ? `${transfer.name} · ${transfer.chapters} chapters` : transfer.name;
}
