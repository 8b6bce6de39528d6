// The account page: tokens and share links by the API.

const DAY_MS = 86_400_000;
const byId = (id) => document.getElementById(id);
const problem = byId("problem");
const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body ? JSON.stringify(body) : undefined,
  });
  if (response.status === 401) location.assign("/login?next=/account");
  const found = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(found.remedy ? `${found.detail}: ${found.remedy}` : found.detail);
  return found;
}

async function attempt(action) {
  problem.hidden = true;
  try {
    await action();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

function date(text) {
  return text ? dates.format(new Date(text)) : "";
}

function state(item) {
  if (item.valid) return item.expires ? `until ${date(item.expires)}` : "valid";
  return item.revoked ? "revoked" : "expired";
}

function row(cells, action) {
  const element = document.createElement("tr");
  for (const cell of cells) element.insertCell().append(cell);
  const last = element.insertCell();
  if (action) last.append(action);
  return element;
}

function button(text, label, onClick) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "danger";
  element.textContent = text;
  element.setAttribute("aria-label", label);
  element.addEventListener("click", () => attempt(onClick));
  return element;
}

function link(href, text) {
  const element = document.createElement("a");
  element.href = href;
  element.textContent = text;
  return element;
}

function fill(table, rows, empty) {
  const body = table.tBodies[0];
  body.replaceChildren(...rows);
  if (rows.length) return;
  const cell = body.insertRow().insertCell();
  cell.colSpan = table.tHead.rows[0].cells.length;
  cell.className = "quiet";
  cell.textContent = empty;
}

async function listTokens() {
  const table = byId("tokens");
  const { tokens } = await call("GET", "/api/v1/tokens");
  const rows = tokens.map((token) => {
    const name = token.name || token.id;
    const revoke = async () => {
      if (!confirm(`Revoke the token ${name}? Programs and browsers that use it lose access at once.`)) return;
      await call("DELETE", `/api/v1/tokens/${token.id}`);
      await listTokens();
    };
    const current = token.id === table.dataset.current ? " (this session)" : "";
    return row(
      [name + current, token.owner, token.scope, state(token), date(token.created), date(token.last_used)],
      token.valid && table.dataset.manage ? button("Revoke", `Revoke ${name}`, revoke) : null,
    );
  });
  fill(table, rows, "No tokens.");
}

async function listShares() {
  const table = byId("shares");
  const { shares } = await call("GET", "/api/v1/shares");
  const rows = shares.map((share) => {
    const revoke = async () => {
      await call("DELETE", `/api/v1/shares/${share.id}`);
      await listShares();
    };
    return row(
      [
        link(`/assets/${share.asset}`, share.name || share.asset),
        state(share),
        share.location ? "yes" : "no",
        share.downloads ? "yes" : "no",
        date(share.created),
      ],
      share.valid && table.dataset.manage ? button("Revoke", `Revoke the link to ${share.name}`, revoke) : null,
    );
  });
  fill(table, rows, "No share links.");
}

byId("create")?.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const days = Number(byId("expires").value);
    const created = await call("POST", "/api/v1/tokens", {
      name: byId("name").value.trim(),
      scope: byId("scope").value,
      owner: byId("owner")?.value.trim() ?? byId("create").dataset.owner,
      expires: days ? new Date(Date.now() + days * DAY_MS).toISOString() : null,
    });
    byId("secret").textContent = created.secret;
    byId("created").hidden = false;
    byId("copy").focus();
    if (byId("sign-out")) await listTokens();
  });
});

byId("copy").addEventListener("click", () =>
  attempt(async () => {
    await navigator.clipboard.writeText(byId("secret").textContent);
    byId("announcements").textContent = "Copied.";
  }),
);

byId("sign-out")?.addEventListener("click", () =>
  attempt(async () => {
    const { next } = await call("POST", "/logout");
    location.replace(next);
  }),
);

await attempt(async () => {
  await Promise.all([listTokens(), listShares()]);
});
