// Calls an endpoint for each button of the front page and shows the answer.

const csrfToken = () => document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1] ?? "";

async function call({ method, path }) {
  const headers = method === "GET" ? {} : { "X-CSRFToken": csrfToken() };
  const answer = await fetch(path, { method, headers });
  const body = answer.status === 204 ? "" : JSON.stringify(await answer.json(), null, 2);
  document.getElementById("answer").textContent = `${method} ${path}\n${answer.status}\n${body}`;
}

for (const button of document.querySelectorAll("button[data-path]")) {
  button.addEventListener("click", () => call(button.dataset));
}
