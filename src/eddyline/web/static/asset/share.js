// Share links of an asset: create, copy, list, revoke.

import { announce, api, Problem } from "/static/api.js";
import { instant } from "/static/format.js";

export function shareDialog(asset) {
  const dialog = document.getElementById("share-dialog");
  if (!dialog) return;
  const form = document.getElementById("share-form");
  const made = document.getElementById("share-made");
  const failure = form.querySelector("[role=alert]");
  const address = made.querySelector("input");
  const fail = (error) => {
    failure.textContent = error instanceof Problem ? error.sentence : error.message;
    failure.hidden = false;
  };
  const refresh = () => list(asset, fail);

  document.getElementById("share-open").addEventListener("click", () => {
    made.hidden = true;
    failure.hidden = true;
    dialog.showModal();
    refresh();
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failure.hidden = true;
    try {
      const { url } = await api(`/assets/${asset}/shares`, {
        json: {
          expires_s: Number(form.elements.expires.value),
          downloads: form.elements.downloads.checked,
          location: form.elements.location.checked,
        },
      });
      address.value = new URL(url, location.href).href;
      made.hidden = false;
      address.select();
      refresh();
    } catch (error) {
      fail(error);
    }
  });
  made.querySelector("[data-copy]").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(address.value);
      announce("The link is copied");
    } catch {
      address.select(); // without permission the reader copies it
    }
  });
}

async function list(asset, fail) {
  const element = document.getElementById("share-list");
  try {
    const { shares } = await api(`/assets/${asset}/shares`);
    element.replaceChildren(...shares.map((share) => row(asset, share, fail)));
    if (!shares.length) element.append(Object.assign(document.createElement("li"), { textContent: "None yet.", className: "quiet" }));
  } catch (error) {
    fail(error);
  }
}

function row(asset, { id, created, expires, revoked, location: shown, downloads }, fail) {
  const item = document.createElement("li");
  const extras = [downloads && "downloads", shown && "location"].filter(Boolean);
  const until = revoked ? "revoked" : expires ? `until ${instant(expires)}` : "does not expire";
  const text = document.createElement("span");
  text.textContent = [`Created ${instant(created)}`, until, extras.length ? `with ${extras.join(" and ")}` : ""].filter(Boolean).join(", ");
  item.append(text);
  if (revoked) return item;
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Revoke", className: "danger" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await api(`/shares/${id}`, { method: "DELETE" });
      list(asset, fail);
    } catch (error) {
      button.disabled = false;
      fail(error);
    }
  });
  item.append(button);
  return item;
}
