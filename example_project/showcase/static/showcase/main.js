// The page: the login of this browser, and the actions of the buttons.

import { BROWSER, wire } from "./wire.js"; // first: it watches all requests
import { AuthKit } from "../django_authkit/authkit.js";
import { setClock } from "./clock.js";
import { showNobody, showSeen } from "./compare.js";
import { offerComparison } from "./comparison.js";
import { Devices } from "./devices.js";
import { announce, byId, modeName, slot, write } from "./dom.js";
import { Jars } from "./jar.js";
import { keepSocket } from "./live.js";
import { clearLog } from "./log.js";
import { explain, inWordsOf } from "./reasons.js";
import { offerSwitch, showServer } from "./server.js";

const BEAT = 3000;
const EVERY = 3;
const client = new AuthKit();
const form = byId("login");
const me = byId("me");
const trouble = byId("trouble");
const devices = new Devices({ client, again: look });
const jars = new Jars({ client, again: look });
let weight = 0;
let sid = null; // from the record on the server
let beats = 0;
let waiting = 0;

// -- polling --------------------------------------------------------------------------------------------

/** Let every client call the server, and show the results. */
async function look() {
  await Promise.allSettled([lookAtMyself(), devices.look(), jars.look()]);
  await devices.list().catch(() => {});
}

async function lookAtMyself() {
  if (client.state === "unknown") await client.start();
  if (client.state !== "signed-in") return;
  const response = await client.fetch("/showcase/mirror/");
  if (!response.ok) return;
  const mirror = await response.json();
  setClock(mirror.now);
  sid = mirror.record.sid;
  write(me, "sid", sid);
  showServer(mirror.server);
  showSeen(mirror, weight);
  jars.show(mirror);
  slot(me, "mode").textContent = modeName(mirror.mode);
  slot(me, "mode").dataset.mode = mirror.mode;
}

async function beat() {
  const wanted = client.state === "unknown" || (byId("beating").checked && !document.hidden);
  if (wanted && Date.now() > waiting) {
    beats += 1;
    await Promise.allSettled([lookAtMyself(), devices.look(), jars.look()]);
    if (beats % EVERY === 0) await devices.list().catch(() => {});
  }
  setTimeout(beat, BEAT);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});

wire.addEventListener("exchange", ({ detail: { actor, path, status, up, retryAfter } }) => {
  if (actor === BROWSER && path === "/showcase/mirror/") weight = up;
  const code = status === 503 ? "store_unavailable" : "unreachable";
  const isTrouble = status === 503 || status === 0;
  if (isTrouble) waiting = Date.now() + retryAfter * 1000;
  if (isTrouble && trouble.hidden) trouble.textContent = inWordsOf(code);
  trouble.hidden = !isTrouble;
});

// -- login and logout -------------------------------------------------------------------------------------------

client.addEventListener("signed-in", ({ detail: { user, session } }) => {
  const hadFocus = form.contains(document.activeElement);
  form.hidden = true;
  form.reset();
  me.hidden = false;
  write(me, "name", user.username);
  if (hadFocus) byId("who-title").focus();
  announce(`${user.username} is logged in, in ${modeName(session.mode)} mode.`);
  look();
});

client.addEventListener("signed-out", ({ detail: { reason } }) => {
  const hadFocus = me.contains(document.activeElement);
  me.hidden = true;
  form.hidden = false;
  if (hadFocus) form.username.focus();
  if (reason !== "not_authenticated") announce(`This browser was logged out: ${inWordsOf(reason)}.`);
  sid = null;
  showNobody();
  jars.show(null);
  devices.list();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const error = slot(form, "error");
  error.hidden = true;
  try {
    await client.logIn({
      username: form.username.value,
      password: form.password.value,
      remember: form.remember.checked,
    });
  } catch (problem) {
    error.textContent = explain(problem);
    error.hidden = false;
    form.password.select();
  }
});

for (const button of form.querySelectorAll("[data-name]"))
  button.addEventListener("click", () => {
    form.username.value = button.dataset.name;
    form.password.value = button.dataset.password;
    form.querySelector("button:not([type])").focus();
  });

// -- buttons --------------------------------------------------------------------------------------------------

const acts = {
  async call() {
    const response = await client.fetch("/api/notes/");
    announce(response.ok
      ? `The API returned 200: ${(await response.json()).length} notes.`
      : `The API returned ${response.status}.`);
  },
  async "call-async"() {
    const response = await client.fetch("/who-am-i/");
    const { user, sid } = await response.json();
    announce(response.ok ? `The async view returned 200: ${user}, ${sid}.` : `The async view returned ${response.status}.`);
  },
  async refresh() {
    if (!(await client.refresh())) return;
    announce(client.session.mode === "jwt" ? "Refreshed: new tokens, in cookies." : "Refreshed: the same key, and the idle timeout starts again.");
    await look();
  },
  async logout() {
    await client.logOut();
  },
  clear: clearLog,
};

for (const [name, act] of Object.entries(acts))
  document.querySelector(`[data-act="${name}"]`).addEventListener("click", async () => {
    try {
      await act();
    } catch (problem) {
      announce(explain(problem));
    }
  });

offerSwitch(client, async (mode) => {
  const before = sid;
  await look();
  if (client.state !== "signed-in") return announce(`The server now issues ${modeName(mode)} credentials.`);
  announce(sid === before
    ? `The server now issues ${modeName(mode)} credentials. You are still logged in, with the same sid: ${before}.`
    : "The server has switched, and this browser has a different auth session.");
});

offerComparison(client);

keepSocket(client);

// -- begin -------------------------------------------------------------------------------------------------

slot(byId("devices"), "beat").textContent = BEAT / 1000;
showServer();
showNobody();
beat();
