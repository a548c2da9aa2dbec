// The settings of the server, and the mode switch.

import { announce, byId, modeName, refill, slot, write } from "./dom.js";
import { explain } from "./reasons.js";

const PATIENCE = 30_000;
const place = byId("server");
const button = place.querySelector("[data-act=switch]");
const STORES = { redis: "Redis or Valkey", database: "the database" };

export let server = JSON.parse(document.getElementById("server-state").textContent);

/** Show the current settings of the server. */
export function showServer(told = server) {
  server = told;
  refill(slot(place, "mode"), server.mode, () => [modeName(server.mode)]);
  slot(place, "mode").dataset.mode = server.mode;
  write(place, "accept", server.accept.map(modeName).join(" and "));
  write(place, "store", STORES[server.store]);
  button.hidden = !server.can_switch;
  button.textContent = `Switch to ${modeName(other())} mode`;
  write(place, "explanation", server.can_switch
    ? "The server is replaced by one in the other mode, which accepts both. Nobody is logged out: this browser gets its new credential with the next response, a device at its next refresh."
    : "If you start the site with “manage.py demo”, you can switch modes here.");
}

const other = () => (server.mode === "jwt" ? "session" : "jwt");

/** Make the button switch modes. `client` sends the request; `after` runs when the switch is complete. */
export function offerSwitch(client, after) {
  button.addEventListener("click", async () => {
    const wanted = other();
    button.disabled = true;
    announce(`Switching to ${modeName(wanted)} mode …`);
    try {
      await ask(client, wanted);
      await after(wanted);
    } catch (problem) {
      announce(problem instanceof SwitchFailed ? problem.message : explain(problem));
    } finally {
      button.disabled = false;
      showServer();
    }
  });
}

class SwitchFailed extends Error {}

async function ask(client, wanted) {
  const response = await client.fetch(`/showcase/mode/${wanted}/`, { method: "POST" });
  if (!response.ok) throw new SwitchFailed(`The server did not switch: it returned ${response.status}.`);
  for (const since = Date.now(); Date.now() - since < PATIENCE; ) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const told = await (await fetch("/showcase/server/")).json();
    if (told.mode === wanted) return showServer(told);
  }
  throw new SwitchFailed("The server has not switched. See its terminal for the reason.");
}
