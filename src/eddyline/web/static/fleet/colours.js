// Colours, dashes and patterns of series: never colour alone tells them apart.

const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2], [1, 4]];
const PATTERNS = ["solid", "right", "dots", "left", "cross", "rows"];
const TILE = 8;

export function property(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The look of series number `at`. The last of six is grey: it is used for "other". */
export function look(at) {
  const place = at % 6;
  return { color: property(`--series-${place + 1}`), dash: DASHES[place], pattern: PATTERNS[place] };
}

/** A fill of an area: a pale ground with the pattern in the full colour. */
export function patternFill(context, color, kind) {
  const scale = devicePixelRatio || 1;
  const size = Math.round(TILE * scale);
  const tile = document.createElement("canvas");
  tile.width = size;
  tile.height = size;
  const pen = tile.getContext("2d");
  pen.fillStyle = color;
  pen.globalAlpha = 0.3;
  pen.fillRect(0, 0, size, size);
  pen.globalAlpha = 0.75;
  pen.strokeStyle = color;
  pen.lineWidth = 1.2 * scale;
  for (const path of strokes(kind, size)) {
    pen.beginPath();
    pen.moveTo(path[0], path[1]);
    pen.lineTo(path[2], path[3]);
    pen.stroke();
  }
  if (kind === "dots") {
    pen.beginPath();
    pen.arc(size / 2, size / 2, 1.4 * scale, 0, 7);
    pen.fill();
  }
  return context.createPattern(tile, "repeat");
}

function strokes(kind, size) {
  const right = [[0, size, size, 0], [-1, 1, 1, -1], [size - 1, size + 1, size + 1, size - 1]];
  const left = [[0, 0, size, size], [-1, size - 1, 1, size + 1], [size - 1, -1, size + 1, 1]];
  if (kind === "right") return right;
  if (kind === "left") return left;
  if (kind === "cross") return [...right, ...left];
  if (kind === "rows") return [[0, size / 2, size, size / 2]];
  return [];
}

/** The colour with an opacity, for bands; `color` is #rrggbb. */
export function translucent(color, alpha) {
  return `${color}${Math.round(alpha * 255).toString(16).padStart(2, "0")}`;
}

const SVG = "http://www.w3.org/2000/svg";

/** A sample of a series for a legend: its line, or its area. */
export function swatch({ color, dash, pattern }, area = false) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("width", "28");
  svg.setAttribute("height", "12");
  svg.setAttribute("aria-hidden", "true");
  if (!area) {
    svg.append(segment([0, 6, 28, 6], color, dash, 2.5));
    return svg;
  }
  const box = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ width: 28, height: 12, fill: color, "fill-opacity": 0.3 })) {
    box.setAttribute(name, String(value));
  }
  svg.append(box);
  for (let x = 0; x < 32; x += TILE) {
    for (const [x1, y1, x2, y2] of strokes(pattern, TILE)) {
      for (const y of [0, TILE]) svg.append(segment([x + x1, y + y1, x + x2, y + y2], color, [], 1));
    }
    if (pattern === "dots") svg.append(segment([x + 4, 6, x + 6, 6], color, [], 2));
  }
  return svg;
}

function segment([x1, y1, x2, y2], color, dash, width) {
  const line = document.createElementNS(SVG, "line");
  const attributes = { x1, y1, x2, y2, stroke: color, "stroke-width": width, "stroke-dasharray": dash.join(" ") };
  for (const [name, value] of Object.entries(attributes)) line.setAttribute(name, String(value));
  return line;
}
