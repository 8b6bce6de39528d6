// The page /upload: the upload panel alone.

import { openPanel } from "./panel.js";

document.getElementById("open-uploads").addEventListener("click", () => openPanel());
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  openPanel(event.dataTransfer);
});
openPanel();
