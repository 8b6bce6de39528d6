"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const video = at("video"), strip = at("strip"), playhead = at("playhead"), preview = at("preview");
  const radios = [...document.querySelectorAll("#switch input")];
  const length = () => (Number.isFinite(video.duration) && video.duration > 0 ? video.duration : data.duration);
  const clock = (s) => {
    const whole = Math.max(0, Math.floor(s)), pad = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return (hours ? hours + ":" + pad(minutes) : minutes) + ":" + pad(whole % 60);
  };
  const showToast = (text) => {
    at("toast").textContent = text;
    at("toast").classList.add("visible");
    clearTimeout(showToast.timer);
    showToast.timer = setTimeout(() => at("toast").classList.remove("visible"), 1600);
  };

  // Switching renditions: keep position, rate and play state.
  let selected = radios.findIndex((radio) => radio.checked);
  const selectRendition = (index) => {
    if (index === selected || !radios[index] || radios[index].disabled) return;
    const time = video.currentTime, paused = video.paused, rate = video.playbackRate, started = time > 0;
    selected = index;
    radios[index].checked = true;
    at("error").hidden = true;
    if (started) video.removeAttribute("poster"); // else it flashes between the renditions
    video.addEventListener("loadedmetadata", () => {
      video.currentTime = Math.min(time, length());
      video.playbackRate = rate;
      if (!paused) video.play().catch(() => {});
    }, { once: true });
    video.src = data.renditions[index].path;
  };
  radios.forEach((radio, index) => {
    if (!video.canPlayType(data.renditions[index].type)) {
      radio.disabled = true;
      radio.nextElementSibling.title = "This browser cannot play it; download it";
    }
    radio.addEventListener("change", () => selectRendition(index));
  });
  // Subtitles, unless the browser already shows those of the file. Their text is WebVTT, never HTML.
  video.addEventListener("loadedmetadata", () => {
    if (video.textTracks.length) return;
    data.subtitles.forEach(([label, language, shown, cues]) => {
      const track = video.addTextTrack("subtitles", label, language);
      cues.forEach(([start, end, text, top]) => {
        const cue = new VTTCue(start, end, text);
        if (top) cue.line = 0;
        track.addCue(cue);
      });
      track.mode = shown ? "showing" : "disabled";
    });
  });
  video.addEventListener("error", () => {
    if (!video.error) return;
    at("error").textContent = "This browser cannot play " + data.renditions[selected].name +
      ". Select another rendition, or download it.";
    at("error").hidden = false;
  });

  // Position: the time and, at a constant frame rate, the frame number.
  const frame = () => Math.min(data.frames - 1, Math.floor(video.currentTime * data.fps + 0.001));
  const showPosition = () => {
    const time = video.currentTime, whole = length();
    playhead.style.left = (whole ? Math.min(1, time / whole) * 100 : 0) + "%";
    strip.setAttribute("aria-valuemax", whole.toFixed(1));
    strip.setAttribute("aria-valuenow", time.toFixed(1));
    strip.setAttribute("aria-valuetext", clock(time) + " of " + clock(whole));
    at("counter").textContent = clock(time) + " / " + clock(whole) +
      (data.fps ? " · frame " + (frame() + 1).toLocaleString("en") + " of " + data.frames.toLocaleString("en") : "");
  };
  const tick = () => { showPosition(); if (!video.paused && !video.ended) requestAnimationFrame(tick); };
  ["seeking", "seeked", "pause", "loadedmetadata", "durationchange"].forEach((name) => video.addEventListener(name, showPosition));
  video.addEventListener("play", tick);
  const margin = 0.0005; // browsers truncate times to microseconds, and would show the frame before
  const seek = (time) => { video.currentTime = Math.max(0, Math.min(length(), time)); };
  const step = (by) => { video.pause(); if (data.fps) seek((Math.max(0, frame() + by) + 0.5) / data.fps); else seek(video.currentTime + by / 30); };

  // Filmstrip: storyboard tiles side by side; hovering previews a time, clicking or dragging seeks.
  const sheets = {};
  const loadSheet = (path, then) => {
    if (!sheets[path]) { sheets[path] = new Image(); sheets[path].src = path; }
    const image = sheets[path];
    if (image.complete && image.naturalWidth) then(image);
    else image.addEventListener("load", () => then(image), { once: true });
  };
  const paintTile = (box, cue, wide, high) => {
    const [, , path, x, y, w, h] = cue, scale = Math.max(wide / w, high / h);
    loadSheet(path, (image) => {
      box.style.backgroundImage = "url(" + JSON.stringify(path) + ")";
      box.style.backgroundSize = image.naturalWidth * scale + "px " + image.naturalHeight * scale + "px";
      box.style.backgroundPosition = ((wide - w * scale) / 2 - x * scale) + "px " + ((high - h * scale) / 2 - y * scale) + "px";
    });
  };
  const cueAt = (time) => {
    let low = 0, high = data.cues.length - 1;
    while (low < high) { const middle = (low + high + 1) >> 1; if (data.cues[middle][0] <= time) low = middle; else high = middle - 1; }
    return data.cues[low];
  };
  const filmstrip = at("filmstrip");
  const layOut = () => {
    filmstrip.replaceChildren();
    if (!data.cues.length) return;
    const [, , , , , w, h] = data.cues[0], wide = strip.clientWidth, high = strip.clientHeight;
    const cells = Math.max(1, Math.round(wide / (high * w / h)));
    for (let cell = 0; cell < cells; cell++) {
      const box = filmstrip.appendChild(document.createElement("div"));
      paintTile(box, cueAt((cell + 0.5) / cells * length()), wide / cells, high);
    }
  };
  strip.hidden = false;
  at("shortcuts").hidden = false;
  let layoutWidth = 0;
  new ResizeObserver(() => { if (strip.clientWidth !== layoutWidth) { layoutWidth = strip.clientWidth; layOut(); } }).observe(strip);
  const timeAt = (event) => {
    const box = strip.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * length();
  };
  const showPreview = (event) => {
    const time = dragging ? timeAt(event) : targetTime(event), box = strip.getBoundingClientRect();
    at("preview-time").textContent = dragging || !event.target.title ? clock(time) : event.target.title + " · " + clock(time);
    preview.hidden = false;
    if (data.cues.length) {
      const cue = cueAt(time), scale = Math.min(1.25, 200 / cue[5], 200 / cue[6]), image = at("preview-image");
      image.style.width = cue[5] * scale + "px";
      image.style.height = cue[6] * scale + "px";
      paintTile(image, cue, cue[5] * scale, cue[6] * scale);
    }
    const half = preview.offsetWidth / 2, x = Math.max(half, Math.min(box.width - half, event.clientX - box.left));
    preview.style.left = x - half + "px";
  };

  // HiLights: one marker each; clicking seeks to its time, hovering shows its title.
  const markers = at("markers");
  const placeMarkers = () => data.highlights.forEach(([time, name], index) => {
    const marker = markers.children[index] || markers.appendChild(document.createElement("i"));
    marker.title = name;
    marker.dataset.time = time;
    marker.style.left = Math.min(1, time / (length() || 1)) * 100 + "%";
  });
  placeMarkers();
  video.addEventListener("durationchange", placeMarkers);
  const targetTime = (event) => event.target.dataset.time === undefined ? timeAt(event) : Number(event.target.dataset.time) + margin;
  let dragging = false;
  strip.addEventListener("pointerdown", (event) => { if (event.button) return; dragging = true; strip.setPointerCapture(event.pointerId); seek(targetTime(event)); showPreview(event); });
  strip.addEventListener("pointermove", (event) => { showPreview(event); if (dragging) seek(timeAt(event)); });
  strip.addEventListener("pointerup", (event) => { dragging = false; if (event.pointerType === "touch") preview.hidden = true; });
  strip.addEventListener("pointercancel", () => { dragging = false; preview.hidden = true; });
  strip.addEventListener("pointerleave", () => { if (!dragging) preview.hidden = true; });

  document.querySelectorAll("[data-seek]").forEach((button) => button.addEventListener("click", () => {
    seek(Number(button.dataset.seek) + margin);
    video.scrollIntoView({ block: "nearest" });
  }));

  // Copying: execCommand is the fallback where the browser denies the clipboard API.
  const copyText = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = document.body.appendChild(document.createElement("textarea"));
      field.value = text;
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    showToast("Copied");
  };
  document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", () => copyText(button.dataset.copy)));
  document.querySelectorAll("[data-url]").forEach((button) =>
    button.addEventListener("click", () => copyText(new URL(button.dataset.url, location.href).href)));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target, focused = target.closest("button, a, input, video");
    const key = event.key;
    if (key === "," || key === ".") step(key === "." ? 1 : -1);
    else if (/^[1-9]$/.test(key)) selectRendition(Number(key) - 1);
    else if (focused) return; // space and arrow keys belong to the focused element
    else if (key === " " || key === "k") { if (video.paused) video.play().catch(() => {}); else video.pause(); }
    else if (key === "ArrowLeft") seek(video.currentTime - 5);
    else if (key === "ArrowRight") seek(video.currentTime + 5);
    else if (target !== strip) return; // other keys scroll the page
    else if (key === "ArrowDown" || key === "PageDown") seek(video.currentTime - 5);
    else if (key === "ArrowUp" || key === "PageUp") seek(video.currentTime + 5);
    else if (key === "Home") seek(0);
    else if (key === "End") seek(length());
    else return;
    event.preventDefault();
  });
  showPosition();
})();
