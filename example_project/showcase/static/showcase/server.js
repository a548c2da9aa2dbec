// How the server is set, and its switch.

import { announce, byId, modeName, refill, slot, write } from "./dom.js";
import { explain } from "./reasons.js";

const PATIENCE = 30_000;
const place = byId("server");
const button = place.querySelector("[data-act=switch]");
const STORES = { redis: "Redis or Valkey", database: "the database" };

export let server = JSON.parse(document.getElementById("server-state").textContent);

/** Show how the server is set now. */
export function showServer(told = server) {
  server = told;
  refill(slot(place, "mode"), server.mode, () => [modeName(server.mode)]);
  slot(place, "mode").dataset.mode = server.mode;
  write(place, "accept", server.accept.map(modeName).join(" and "));
  write(place, "store", STORES[server.store]);
  button.hidden = !server.can_switch;
  button.textContent = `Switch to ${modeName(other())} mode`;
  write(place, "explanation", server.can_switch
    ? "The server is replaced by one with the other mode, which accepts both. Nobody is logged out: this browser gets its other credential with its next answer, a device at its next refresh."
    : "Started by “manage.py demo”, the site can be switched to the other mode from here.");
}

const other = () => (server.mode === "jwt" ? "session" : "jwt");

/** Let the button switch; `client` sends, and `after` runs when the other mode is on. */
export function offerSwitch(client, after) {
  button.addEventListener("click", async () => {
    const wanted = other();
    button.disabled = true;
    announce(`Switching to ${modeName(wanted)} mode …`);
    try {
      await ask(client, wanted);
      await after(wanted);
    } catch (problem) {
      announce(problem instanceof Refused ? problem.message : explain(problem));
    } finally {
      button.disabled = false;
      showServer();
    }
  });
}

class Refused extends Error {}

async function ask(client, wanted) {
  const response = await client.fetch(`/showcase/mode/${wanted}/`, { method: "POST" });
  if (!response.ok) throw new Refused(`The server does not switch: it answered ${response.status}.`);
  for (const since = Date.now(); Date.now() - since < PATIENCE; ) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const told = await (await fetch("/showcase/server/")).json();
    if (told.mode === wanted) return showServer(told);
  }
  throw new Refused("The server has not switched. Its terminal says why.");
}
