// Signs in by a token. The token goes to the server once, in the body of a request, and is kept nowhere here.

const form = document.getElementById("login");
const field = document.getElementById("token");
const problem = document.getElementById("problem");

function open(path) {
  const target = new URL(path, location.origin);
  location.replace(target.origin === location.origin ? target : "/");
}

async function signIn() {
  const response = await fetch("/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: field.value.trim(), next: form.dataset.next }),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.remedy ? `${body.detail}: ${body.remedy}` : body.detail);
  return body.next;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  problem.hidden = true;
  try {
    open(await signIn());
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    button.disabled = false;
    field.select();
    field.focus();
  }
});

// A link from another site arrives without the cookie (SameSite=Strict); this request carries it.
const session = await fetch("/session", { headers: { Accept: "application/json" } }).catch(() => null);
if (session?.status === 204) open(form.dataset.next);
else field.focus();
