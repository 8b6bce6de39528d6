// Storyboards: WebVTT whose cues name a region of a sprite ("storyboard-00.jpg#xywh=0,0,160,90").

const cache = new Map();

/** The cues [{start, stop, image, x, y, width, height}] of a storyboard; images are absolute URLs. */
export function loadStoryboard(url) {
  if (!cache.has(url)) {
    const loading = fetch(url)
      .then((response) => (response.ok ? response.text() : ""))
      .then((text) => parseStoryboard(text, new URL(url, location.href)))
      .catch(() => {
        cache.delete(url); // a lost connection; the next call tries again
        return [];
      });
    cache.set(url, loading);
  }
  return cache.get(url);
}

export function parseStoryboard(text, base) {
  const cues = [];
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length - 1; at += 1) {
    const [start, stop] = lines[at].split(" --> ").map(seconds);
    const match = /^(.+)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(lines[at + 1]);
    if (!Number.isFinite(start) || !Number.isFinite(stop) || !match) continue;
    const [x, y, width, height] = match.slice(2).map(Number);
    const image = new URL(match[1], base);
    if (image.origin === base.origin && width && height) cues.push({ start, stop, image: image.href, x, y, width, height });
  }
  return cues;
}

function seconds(text = "") {
  const match = /^\s*(?:(\d+):)?(\d+):(\d+)\.(\d{3})/.exec(text);
  return match ? Number(match[1] || 0) * 3600 + Number(match[2]) * 60 + Number(match[3]) + Number(match[4]) / 1000 : NaN;
}

/** The cue that shows the moment `time` (seconds): the last one that starts at or before it. */
export function cueAt(cues, time) {
  let [low, high] = [0, cues.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cues[middle].start <= time) low = middle + 1;
    else high = middle;
  }
  return cues[Math.max(0, low - 1)];
}

/** Show a cue in an element, scaled to cover it. */
export function showCue(element, cue, box = element.getBoundingClientRect()) {
  const scale = Math.max(box.width / cue.width, box.height / cue.height);
  const [dx, dy] = [(box.width - cue.width * scale) / 2, (box.height - cue.height * scale) / 2];
  element.style.backgroundImage = `url("${cue.image}")`;
  element.style.backgroundPosition = `${dx - cue.x * scale}px ${dy - cue.y * scale}px`;
  spriteSize(cue.image).then(({ width, height }) => {
    element.style.backgroundSize = `${width * scale}px ${height * scale}px`;
  }, () => {});
}

const sprites = new Map();

function spriteSize(url) {
  if (!sprites.has(url)) {
    const image = new Image();
    image.src = url;
    sprites.set(url, image.decode().then(() => ({ width: image.naturalWidth, height: image.naturalHeight })));
  }
  return sprites.get(url);
}
