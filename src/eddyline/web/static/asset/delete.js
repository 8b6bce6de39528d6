// Deleting an asset, after a confirmation.

import { api, Problem } from "/static/api.js";

export function deleteDialog(asset) {
  const dialog = document.getElementById("delete-dialog");
  const open = document.getElementById("delete-open");
  if (!dialog || !open) return;
  const confirm = document.getElementById("delete-confirm");
  const failure = dialog.querySelector("[role=alert]");
  open.addEventListener("click", () => {
    failure.hidden = true;
    dialog.showModal();
  });
  confirm.addEventListener("click", async () => {
    confirm.disabled = true;
    try {
      await api(`/assets/${asset}`, { method: "DELETE" });
      location.assign("/");
    } catch (error) {
      confirm.disabled = false;
      failure.textContent = error instanceof Problem ? error.sentence : error.message;
      failure.hidden = false;
    }
  });
}
