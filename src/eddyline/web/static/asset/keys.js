// Keys of the player that work anywhere on the page: space, arrows, and one frame by "," and ".".

const ELSEWHERE = "input, select, textarea, button, a, summary, dialog, [role=tabpanel], [role=slider], .shaka-controls-container";

export function frameKeys({ player, clock }) {
  const { video } = player;
  const step = (by) => {
    video.pause();
    clock.step(by);
  };
  const actions = {
    " ": () => (video.paused ? video.play().catch(() => {}) : video.pause()),
    k: () => (video.paused ? video.play().catch(() => {}) : video.pause()),
    ",": () => step(-1),
    ".": () => step(1),
    ArrowLeft: () => clock.seek(clock.position - 5),
    ArrowRight: () => clock.seek(clock.position + 5),
    m: () => {
      video.muted = !video.muted;
    },
    f: () => (document.fullscreenElement ? document.exitFullscreen() : document.getElementById("player").requestFullscreen().catch(() => {})),
  };
  document.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || event.target.closest(ELSEWHERE)) return;
    event.preventDefault();
    action();
  });
}
