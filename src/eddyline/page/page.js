"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const video = at("video"), strip = at("strip"), needle = at("needle"), peek = at("peek");
  const radios = [...document.querySelectorAll("#switch input")];
  const length = () => (Number.isFinite(video.duration) && video.duration > 0 ? video.duration : data.duration);
  const clock = (s) => {
    const whole = Math.max(0, Math.floor(s)), pad = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return (hours ? hours + ":" + pad(minutes) : minutes) + ":" + pad(whole % 60);
  };
  const say = (words) => {
    at("said").textContent = words;
    at("said").classList.add("on");
    clearTimeout(say.timer);
    say.timer = setTimeout(() => at("said").classList.remove("on"), 1600);
  };

  // Renditions: another file, the same moment, still playing if it was.
  let playing = radios.findIndex((radio) => radio.checked);
  const choose = (index) => {
    if (index === playing || !radios[index] || radios[index].disabled) return;
    const time = video.currentTime, paused = video.paused, rate = video.playbackRate, seen = time > 0;
    playing = index;
    radios[index].checked = true;
    at("trouble").hidden = true;
    if (seen) video.removeAttribute("poster"); // it would flash between two renditions
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
      radio.nextElementSibling.title = "This browser cannot play it; download it instead";
    }
    radio.addEventListener("change", () => choose(index));
  });
  // Subtitles, unless the browser shows those of the file itself; their texts are WebVTT, never HTML.
  video.addEventListener("loadedmetadata", () => {
    if (video.textTracks.length) return;
    data.subtitles.forEach(([label, language, shown, cues]) => {
      const track = video.addTextTrack("subtitles", label, language);
      cues.forEach(([start, end, words, top]) => {
        const cue = new VTTCue(start, end, words);
        if (top) cue.line = 0;
        track.addCue(cue);
      });
      track.mode = shown ? "showing" : "disabled";
    });
  });
  video.addEventListener("error", () => {
    if (!video.error) return;
    at("trouble").textContent = "This browser cannot play " + data.renditions[playing].name +
      ". Choose another rendition, or download it.";
    at("trouble").hidden = false;
  });

  // Position: time and, where the rate is constant, the number of the frame.
  const frame = () => Math.min(data.frames - 1, Math.floor(video.currentTime * data.fps + 0.001));
  const show = () => {
    const time = video.currentTime, whole = length();
    needle.style.left = (whole ? Math.min(1, time / whole) * 100 : 0) + "%";
    strip.setAttribute("aria-valuemax", whole.toFixed(1));
    strip.setAttribute("aria-valuenow", time.toFixed(1));
    strip.setAttribute("aria-valuetext", clock(time) + " of " + clock(whole));
    at("counter").textContent = clock(time) + " / " + clock(whole) +
      (data.fps ? " · frame " + (frame() + 1).toLocaleString("en") + " of " + data.frames.toLocaleString("en") : "");
  };
  const tick = () => { show(); if (!video.paused && !video.ended) requestAnimationFrame(tick); };
  ["seeking", "seeked", "pause", "loadedmetadata", "durationchange"].forEach((name) => video.addEventListener(name, show));
  video.addEventListener("play", tick);
  const hair = 0.0005; // browsers cut times to microseconds: a hair later, or they show the frame before
  const seek = (time) => { video.currentTime = Math.max(0, Math.min(length(), time)); };
  const step = (by) => { video.pause(); if (data.fps) seek((Math.max(0, frame() + by) + 0.5) / data.fps); else seek(video.currentTime + by / 30); };

  // The strip: pictures of the storyboard side by side; hover looks ahead, a click or a drag goes there.
  const sheets = {};
  const sheet = (path, then) => {
    if (!sheets[path]) { sheets[path] = new Image(); sheets[path].src = path; }
    const image = sheets[path];
    if (image.complete && image.naturalWidth) then(image);
    else image.addEventListener("load", () => then(image), { once: true });
  };
  const paint = (box, cue, wide, high) => {
    const [, , path, x, y, w, h] = cue, scale = Math.max(wide / w, high / h);
    sheet(path, (image) => {
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
  const film = at("film");
  const lay = () => {
    film.replaceChildren();
    if (!data.cues.length) return;
    const [, , , , , w, h] = data.cues[0], wide = strip.clientWidth, high = strip.clientHeight;
    const cells = Math.max(1, Math.round(wide / (high * w / h)));
    for (let cell = 0; cell < cells; cell++) {
      const box = film.appendChild(document.createElement("div"));
      paint(box, cueAt((cell + 0.5) / cells * length()), wide / cells, high);
    }
  };
  strip.hidden = false;
  at("keys").hidden = false;
  let laid = 0;
  new ResizeObserver(() => { if (strip.clientWidth !== laid) { laid = strip.clientWidth; lay(); } }).observe(strip);
  const timeAt = (event) => {
    const box = strip.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * length();
  };
  const look = (event) => {
    const time = dragging ? timeAt(event) : aimed(event), box = strip.getBoundingClientRect();
    at("peek-time").textContent = dragging || !event.target.title ? clock(time) : event.target.title + " · " + clock(time);
    peek.hidden = false;
    if (data.cues.length) {
      const cue = cueAt(time), scale = Math.min(1.25, 200 / cue[5], 200 / cue[6]), picture = at("peek-picture");
      picture.style.width = cue[5] * scale + "px";
      picture.style.height = cue[6] * scale + "px";
      paint(picture, cue, cue[5] * scale, cue[6] * scale);
    }
    const half = peek.offsetWidth / 2, x = Math.max(half, Math.min(box.width - half, event.clientX - box.left));
    peek.style.left = x - half + "px";
  };

  // HiLights: a pin each; a click goes to the very moment, hover names it.
  const marks = at("marks");
  const pin = () => data.highlights.forEach(([time, name], index) => {
    const mark = marks.children[index] || marks.appendChild(document.createElement("i"));
    mark.title = name;
    mark.dataset.time = time;
    mark.style.left = Math.min(1, time / (length() || 1)) * 100 + "%";
  });
  pin();
  video.addEventListener("durationchange", pin);
  const aimed = (event) => event.target.dataset.time === undefined ? timeAt(event) : Number(event.target.dataset.time) + hair;
  let dragging = false;
  strip.addEventListener("pointerdown", (event) => { if (event.button) return; dragging = true; strip.setPointerCapture(event.pointerId); seek(aimed(event)); look(event); });
  strip.addEventListener("pointermove", (event) => { look(event); if (dragging) seek(timeAt(event)); });
  strip.addEventListener("pointerup", (event) => { dragging = false; if (event.pointerType === "touch") peek.hidden = true; });
  strip.addEventListener("pointercancel", () => { dragging = false; peek.hidden = true; });
  strip.addEventListener("pointerleave", () => { if (!dragging) peek.hidden = true; });

  document.querySelectorAll("[data-seek]").forEach((button) => button.addEventListener("click", () => {
    seek(Number(button.dataset.seek) + hair);
    video.scrollIntoView({ block: "nearest" });
  }));

  // Copying: browsers allow it from a disk too; where not, the old way.
  const copy = async (words) => {
    try {
      await navigator.clipboard.writeText(words);
    } catch {
      const field = document.body.appendChild(document.createElement("textarea"));
      field.value = words;
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    say("Copied");
  };
  document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", () => copy(button.dataset.copy)));
  document.querySelectorAll("[data-address]").forEach((button) =>
    button.addEventListener("click", () => copy(new URL(button.dataset.address, location.href).href)));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.target, busy = on.closest("button, a, input, video");
    const key = event.key;
    if (key === "," || key === ".") step(key === "." ? 1 : -1);
    else if (/^[1-9]$/.test(key)) choose(Number(key) - 1);
    else if (busy) return; // space and arrows belong to what has the focus
    else if (key === " " || key === "k") { if (video.paused) video.play().catch(() => {}); else video.pause(); }
    else if (key === "ArrowLeft") seek(video.currentTime - 5);
    else if (key === "ArrowRight") seek(video.currentTime + 5);
    else if (on !== strip) return; // the rest scrolls the page
    else if (key === "ArrowDown" || key === "PageDown") seek(video.currentTime - 5);
    else if (key === "ArrowUp" || key === "PageUp") seek(video.currentTime + 5);
    else if (key === "Home") seek(0);
    else if (key === "End") seek(length());
    else return;
    event.preventDefault();
  });
  show();
})();
