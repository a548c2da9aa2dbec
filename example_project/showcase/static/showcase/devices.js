// All logins of the user: the devices in this page, those elsewhere, and whoever has stolen from one.

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

  /** `client` is this browser's; `again` looks at everything anew. */
  constructor({ client, again }) {
    this.client = client;
    this.again = again;
    section.querySelector("[data-act=open]").addEventListener("click", () => this.open());
    section.querySelector("[data-act=end-others]").addEventListener("click", () => this.endOthers());
  }

  /** Open one more, after a login of its own. */
  async open() {
    const name = NAMES[this.opened] ?? `Device ${this.opened + 1}`;
    const device = new PageDevice(name, {
      end: (each) => this.end(each.sid, each.name, each),
      steal: (each) => this.steal(each),
      fellOut: (each) => announce(`${each.name} is out: ${each.reason}.`),
      putAway: (each) => this.putAway(each),
    });
    const username = this.client.user?.username ?? "ada";
    const opened = await ask({
      title: `Log in on the ${name.toLowerCase()}`,
      about: "A login of its own. The password of a demo user is filled in.",
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
    announce(`${name} is in, with a sid of its own: ${device.sid}.`);
    await this.again();
  }

  steal(victim) {
    const thief = new Thief(victim, server.grace, { again: this.again, putAway: (each) => this.putAway(each) });
    this.thieves.push(thief);
    victim.card.after(thief.card);
    thief.card.querySelector("h3").focus();
    announce(`Somebody has copied a token of the ${victim.name.toLowerCase()}. Nobody can notice that yet.`);
  }

  /** Forget a device or thief that is out. */
  putAway(gone) {
    gone.client?.close();
    gone.card.remove();
    this.inPage = this.inPage.filter((each) => each !== gone);
    this.thieves = this.thieves.filter((each) => each !== gone);
    byId("devices-title").focus();
  }

  /** End a login from this browser; a device of the page that is another user's logs itself out. */
  async end(sid, name, device) {
    const ours = this.client.state === "signed-in" && (!device || device.client.user.username === this.client.user.username);
    const ended = await this.proved(() => (ours ? this.client.revokeSession(sid) : device.client.logOut()));
    if (ended === undefined) return;
    announce(`${name} was logged out. It falls out at its next call.`);
    await this.list();
  }

  async endOthers() {
    const count = await this.proved(() => this.client.revokeOtherSessions());
    if (count === undefined) return;
    announce(count === 1 ? "1 other device was logged out." : `${count} other devices were logged out.`);
    await this.list();
  }

  /** Do what may need a fresh proof; ask for the password if it does. Undefined if it was not done. */
  async proved(act) {
    try {
      return (await act()) ?? null;
    } catch (problem) {
      if (problem.code !== "reauthentication_required") {
        announce(explain(problem));
        return undefined;
      }
    }
    const given = await ask({
      title: "Is it still you?",
      about: "Who logs other devices out proves first who they are, if they have not lately.",
      go: "Confirm",
      enter: ({ password }) => this.client.reauthenticate(password),
    });
    return given ? this.proved(act) : undefined;
  }

  /** Let every device and thief call the server. */
  async look() {
    const inside = [...this.inPage, ...this.thieves].filter((each) => each.isIn);
    await Promise.allSettled(inside.map((each) => each.look()));
  }

  /** Show the user's logins that are not in this page. */
  async list() {
    const isIn = this.client.state === "signed-in";
    section.querySelector("[data-act=end-others]").disabled = !isIn;
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
    slot(card, "facts").append(fact("sid", make("code", {}, sid)), fact("proved by", badge(mode)));
    slot(card, "acts").append(button("Log out", () => this.end(sid, label)));
    this.elsewhere.set(sid, card);
    cards.append(card);
  }
}

/** The passwords of the demo's people are in the page, and printed by the demo. */
const passwordOf = (name) => document.querySelector(`[data-name="${CSS.escape(name)}"]`)?.dataset.password ?? "";
