// The page of webhooks: lists, adds, disables and deletes them, and shows and replays their deliveries.
import { announce, api } from "/static/api.js";

const $ = (id) => document.getElementById(id);
const list = $("webhooks");

function showProblem(element, error) {
  element.textContent = error ? (error.sentence ?? error.message) : "";
  element.hidden = !error;
}

async function attempt(work) {
  try {
    showProblem($("problem"), null);
    return await work();
  } catch (error) {
    showProblem($("problem"), error);
    return undefined;
  }
}

const moment = (value) => (value ? new Date(value).toLocaleString() : "");

function result(delivery) {
  if (delivery.delivered) return ["good", `delivered (${delivery.status})`];
  if (delivery.due && !delivery.attempts) return ["quiet", "waiting"];
  return [delivery.due ? "warn" : "bad", `${delivery.due ? "failed" : "given up"}: ${delivery.error ?? ""}`];
}

function deliveryRow(webhook, delivery) {
  const row = document.createElement("tr");
  const [tone, text] = result(delivery);
  const cells = [moment(delivery.created), delivery.kind, text, delivery.attempts, moment(delivery.due)];
  for (const [index, value] of cells.entries()) {
    const cell = document.createElement("td");
    cell.textContent = value;
    if (index === 2) cell.className = tone;
    if (index === 3) cell.className = "number";
    row.append(cell);
  }
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = "Send again";
  again.setAttribute("aria-label", `Send ${delivery.kind} of ${moment(delivery.created)} again`);
  again.addEventListener("click", () =>
    attempt(async () => {
      await api(`/webhooks/${webhook.id}/replay`, { method: "POST", json: { delivery: delivery.id } });
      announce("The delivery is sent again.");
      again.disabled = true;
    }),
  );
  const cell = document.createElement("td");
  cell.append(again);
  row.append(cell);
  return row;
}

async function showDeliveries(item, webhook, cursor = "") {
  const page = await api(`/webhooks/${webhook.id}/deliveries?limit=50&cursor=${encodeURIComponent(cursor)}`);
  const body = item.querySelector("tbody");
  if (!cursor) body.replaceChildren();
  body.append(...page.deliveries.map((each) => deliveryRow(webhook, each)));
  item.querySelector(".none").hidden = body.rows.length > 0;
  const more = item.querySelector(".more");
  more.hidden = !page.next;
  more.onclick = () => attempt(() => showDeliveries(item, webhook, page.next));
}

function card(webhook) {
  const item = $("webhook").content.cloneNode(true).querySelector("li");
  item.querySelector(".url").textContent = webhook.url;
  item.querySelector(".kinds").textContent =
    webhook.kinds.join(", ") + (webhook.all_owners ? ", of all owners" : "");
  const disabled = item.querySelector(".disabled");
  disabled.hidden = webhook.disabled === null;
  disabled.textContent = `Disabled: ${webhook.disabled}. Events are kept and delivered once it is enabled.`;
  const toggle = item.querySelector(".toggle");
  toggle.textContent = webhook.disabled === null ? "Disable" : "Enable";
  toggle.addEventListener("click", () =>
    attempt(async () => {
      await api(`/webhooks/${webhook.id}`, {
        method: "PATCH",
        json: { enabled: webhook.disabled !== null },
      });
      await refresh();
    }),
  );
  item.querySelector(".replay").addEventListener("click", () =>
    attempt(async () => {
      const { count } = await api(`/webhooks/${webhook.id}/replay`, { method: "POST", json: {} });
      announce(`${count} deliveries are sent again.`);
      if (item.querySelector("details").open) await showDeliveries(item, webhook);
    }),
  );
  item.querySelector(".delete").addEventListener("click", () =>
    attempt(async () => {
      if (!window.confirm(`Delete the webhook ${webhook.url} and its deliveries?`)) return;
      await api(`/webhooks/${webhook.id}`, { method: "DELETE" });
      await refresh();
    }),
  );
  item.querySelector("details").addEventListener("toggle", (event) => {
    if (event.target.open) attempt(() => showDeliveries(item, webhook));
  });
  return item;
}

async function refresh() {
  const { webhooks } = await api("/webhooks");
  list.replaceChildren(...webhooks.map(card));
  list.removeAttribute("aria-busy");
  $("empty").hidden = webhooks.length > 0;
}

$("add").addEventListener("click", () => $("dialog").showModal());
$("cancel").addEventListener("click", () => $("dialog").close());
$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const body = {
    url: form.get("url"),
    kinds: form.getAll("kind"),
    all_owners: form.get("all_owners") === "on",
  };
  try {
    const created = await api("/webhooks", { method: "POST", json: body });
    $("dialog").close();
    event.target.reset();
    $("secret-url").textContent = created.url;
    $("secret-value").textContent = created.secret;
    $("secret").hidden = false;
    await attempt(refresh);
  } catch (error) {
    showProblem($("form-problem"), error);
  }
});

attempt(refresh);
