// The WebSocket of this browser's login, where an ASGI server serves the page.

import { byId, slot } from "./dom.js";
import { inWordsOf } from "./reasons.js";

const AGAIN = 2000;
const REJECTED = 4401;

/** Keep one open while the user is logged in, and show how the server closes it. */
export function keepSocket(client) {
  const place = slot(byId("who"), "socket");
  if (!place) return;
  let socket = null;
  const open = () => {
    if (socket || client.state !== "signed-in") return;
    socket = new WebSocket(new URL("/ws/", location.href).href.replace(/^http/, "ws"));
    socket.addEventListener("message", ({ data }) => {
      const { name, sid } = JSON.parse(data);
      place.textContent = `WebSocket: open, for ${name} (${sid}). It ends with the auth session.`;
    });
    socket.addEventListener("close", ({ code, reason }) => {
      socket = null;
      place.textContent = `WebSocket: closed with ${code}${reason && `: ${inWordsOf(reason)}`}.`;
      if (code === REJECTED) client.refresh().catch(() => {}); // finds out whether the user is logged out
      setTimeout(open, AGAIN);
    });
  };
  client.addEventListener("signed-in", open);
}
