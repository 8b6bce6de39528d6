// Canvases: sharp on every display, in the colours of the page, with hatching beside colour.

export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Size a canvas in CSS pixels; returns its context. */
export function prepare(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** A pattern of diagonal lines; `rising` or falling. */
export function hatch(context, foreground, background, rising) {
  const size = 6;
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const lines = tile.getContext("2d");
  lines.fillStyle = background;
  lines.fillRect(0, 0, size, size);
  lines.strokeStyle = foreground;
  lines.lineWidth = 2.4;
  lines.beginPath();
  for (const shift of [-size, 0, size]) {
    lines.moveTo(shift, rising ? size : 0);
    lines.lineTo(shift + size, rising ? 0 : size);
  }
  lines.stroke();
  return context.createPattern(tile, "repeat");
}
