// All logins of the user: the devices on this page, those elsewhere, and thieves with copied tokens.

import { PageDevice } from "./device.js";
import { announce, badge, button, byId, copyOf, fact, make, slot, write, writeState } from "./dom.js";
import { ask } from "./door.js";
import { explain } from "./reasons.js";
import { server } from "./server.js";
import { Thief } from "./thief.js";

const NAMES = ["Phone", "Tablet", "Laptop", "Television", "Watch"];
const cards = byId("cards");
const section = byId("devices");

export class Devices {
  inPage = [];
  thieves = [];
  elsewhere = new Map();
  opened = 0;

  /** `client` is the one of this browser; `again` refreshes the whole page. */
  constructor({ client, again }) {
    this.client = client;
    this.again = again;
    section.querySelector("[data-act=open]").addEventListener("click", () => this.open());
    section.querySelector("[data-act=revoke-others]").addEventListener("click", () => this.revokeOthers());
  }

  /** Add a device that has a login of its own. */
  async open() {
    const name = NAMES[this.opened] ?? `Device ${this.opened + 1}`;
    const isBound = byId("binding").checked;
    const device = new PageDevice(name, isBound, {
      logOut: (each) => this.logOut(each.sid, each.name, each),
      steal: (each) => this.steal(each),
      loggedOut: (each) => announce(`${each.name} was logged out: ${each.reason}.`),
      dismiss: (each) => this.dismiss(each),
    });
    const username = this.client.user?.username ?? "ada";
    const opened = await ask({
      title: `Log in on the ${name.toLowerCase()}`,
      about: "It gets an auth session of its own. The password of a demo user is filled in.",
      go: "Log in",
      username,
      password: passwordOf(username),
      enter: (credentials) => device.logIn(credentials),
    });
    if (!opened) return device.client.close();
    this.opened += 1;
    this.inPage.push(device);
    cards.append(device.card);
    device.card.querySelector("h3").focus();
    announce(`${name} is logged in, with a sid of its own: ${device.sid}.`);
    await this.again();
  }

  steal(victim) {
    const thief = new Thief(victim, server.grace, { again: this.again, dismiss: (each) => this.dismiss(each) });
    this.thieves.push(thief);
    victim.card.after(thief.card);
    thief.card.querySelector("h3").focus();
    announce(`A thief has copied a token of the ${victim.name.toLowerCase()}. Nobody can notice this before it is used.`);
  }

  /** Remove a device or thief that is logged out. */
  dismiss(gone) {
    gone.client?.close();
    gone.card.remove();
    this.inPage = this.inPage.filter((each) => each !== gone);
    this.thieves = this.thieves.filter((each) => each !== gone);
    byId("devices-title").focus();
  }

  /** Log out a device. A device of another user on this page logs itself out. */
  async logOut(sid, name, device) {
    const ours = this.client.state === "signed-in" && (!device || device.client.user.username === this.client.user.username);
    const done = await this.withRecentAuth(() => (ours ? this.client.revokeSession(sid) : device.client.logOut()));
    if (done === undefined) return;
    announce(`${name} was logged out. It finds out at its next request.`);
    await this.list();
  }

  async revokeOthers() {
    const count = await this.withRecentAuth(() => this.client.revokeOtherSessions());
    if (count === undefined) return;
    announce(count === 1 ? "1 other device was logged out." : `${count} other devices were logged out.`);
    await this.list();
  }

  /** Call `act`, and ask for the password if re-authentication is required. Undefined if canceled. */
  async withRecentAuth(act) {
    try {
      return (await act()) ?? null;
    } catch (problem) {
      if (problem.code !== "reauthentication_required") {
        announce(explain(problem));
        return undefined;
      }
    }
    const given = await ask({
      title: "Confirm that it is you",
      about: "Logging out other devices requires recent authentication.",
      go: "Confirm",
      enter: ({ password }) => this.client.reauthenticate(password),
    });
    return given ? this.withRecentAuth(act) : undefined;
  }

  /** Let each device and thief call the server. */
  async look() {
    const inside = [...this.inPage, ...this.thieves].filter((each) => each.isIn);
    await Promise.allSettled(inside.map((each) => each.look()));
  }

  /** Show the logins of the user that are not on this page. */
  async list() {
    const isIn = this.client.state === "signed-in";
    section.querySelector("[data-act=revoke-others]").disabled = !isIn;
    const own = new Set([this.client.session?.sid, ...this.inPage.map(({ sid }) => sid)]);
    const others = isIn ? (await this.client.sessions()).filter(({ sid }) => !own.has(sid)) : [];
    const live = new Set(others.map(({ sid }) => sid));
    for (const [sid, card] of this.elsewhere) {
      if (live.has(sid)) continue;
      card.remove();
      this.elsewhere.delete(sid);
    }
    for (const other of others) if (!this.elsewhere.has(other.sid)) this.addElsewhere(other);
  }

  addElsewhere({ sid, label, address, mode }) {
    const card = copyOf("device-card");
    write(card, "name", label || "Unknown device");
    writeState(card, "in", "logged in elsewhere");
    write(card, "about", `Another browser or window, at ${address}.`);
    slot(card, "facts").append(fact("sid", make("code", {}, sid)), fact("credential", badge(mode)));
    slot(card, "acts").append(button("Log out", () => this.logOut(sid, label)));
    this.elsewhere.set(sid, card);
    cards.append(card);
  }
}

/** The page contains the passwords of the demo users; the demo prints them, too. */
const passwordOf = (name) => document.querySelector(`[data-name="${CSS.escape(name)}"]`)?.dataset.password ?? "";
