// Files dropped anywhere on the page, and the buttons that add recordings, open the upload panel. The panel is loaded
// when it is needed first, which keeps the page small.

export function dropAnywhere({ cover, buttons }) {
  if (!buttons.length) return; // a reader may not upload
  const open = async (transfer) => {
    const kept = transfer && keep(transfer);
    (await import("/static/upload/panel.js")).openPanel(kept);
  };
  for (const button of buttons) button.addEventListener("click", () => open(null));

  let inside = 0; // dragenter and dragleave come for every element that is crossed
  const show = (shown) => {
    cover.hidden = !shown;
    if (!shown) inside = 0;
  };
  const withFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!withFiles(event)) return;
    inside += 1;
    show(true);
  });
  addEventListener("dragleave", () => {
    inside -= 1;
    if (inside <= 0) show(false);
  });
  addEventListener("dragover", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    show(false);
    open(event.dataTransfer);
  });
}

/** What was dropped, as a DataTransfer that outlives the event: the browser empties the original one after it. */
function keep(transfer) {
  const entries = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  return { items: entries.map((entry) => ({ kind: "file", webkitGetAsEntry: () => entry })) };
}
