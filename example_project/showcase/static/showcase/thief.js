// A thief who has copied the tokens of a device on the page, and really uses them.

import { generationOf } from "./claims.js";
import { button, copyOf, make, size, slot, write, writeState } from "./dom.js";
import { inWordsOf } from "./reasons.js";
import { Actor, sendAs } from "./wire.js";

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Thief {
  wasIn = false;

  /** Copy the tokens of `victim`. `grace` is in seconds; `acts` are callbacks: `again` and `dismiss`. */
  constructor(victim, grace, acts) {
    this.victim = victim;
    this.grace = grace;
    this.acts = acts;
    this.actor = new Actor(`Thief of the ${victim.name.toLowerCase()}`);
    this.stolen = { ...victim.actor.tokens };
    this.access = null;
    this.card = copyOf("thief-card");
    this.describe();
  }

  get isIn() {
    return this.access !== null;
  }

  describe() {
    const { refresh, access } = this.stolen;
    const name = this.victim.name.toLowerCase();
    write(this.card, "name", this.actor.name);
    writeState(this.card, "", "has not used it yet");
    const about = slot(this.card, "about");
    const acts = slot(this.card, "acts");
    if (refresh) {
      about.textContent =
        `Holds a copy of its refresh token: ${size(refresh.length)}, ends in ${refresh.slice(-6)}, ${generationOf(this.stolen)}.`;
      acts.append(
        this.act("Use it late, after two refreshes", () => this.comeLate()),
        this.act(`Use it first, and wait ${Math.ceil(this.grace)} seconds`, () => this.comeFirst()),
      );
    } else {
      about.textContent =
        `Holds a copy of its session key: ${size(access.length)}, ends in ${access.slice(-6)}. There is only this one, and the ${name} still uses it.`;
      acts.append(this.act("Use it", () => this.walkIn()));
    }
  }

  act(words, does) {
    return button(words, async () => {
      slot(this.card, "acts").replaceChildren();
      this.card.querySelector("h3").focus();
      try {
        await does();
      } catch {
        this.tell(inWordsOf("unreachable"));
      }
      await this.acts.again();
    });
  }

  tell(...words) {
    slot(this.card, "story").append(make("li", {}, make("span", {}, ...words)));
  }

  /** The owner has refreshed since; then the thief uses the copy. */
  async comeLate() {
    const name = this.victim.name.toLowerCase();
    for (const more of ["", " once more"]) {
      if (!(await this.victim.client.refresh())) return this.letVictimCall();
      this.victim.show();
      this.tell(`The ${name} refreshes${more}: now it has ${generationOf(this.victim.actor.tokens)}.`);
      await pause(400);
    }
    await this.presentStolen();
    await this.letVictimCall();
  }

  /** The thief uses the copy before the owner, and is logged in until the owner refreshes. */
  async comeFirst() {
    if (!(await this.presentStolen())) return;
    await this.look();
    await this.waitForGrace();
    if (await this.victim.client.refresh()) {
      // It refreshed in the meantime, so both had the same token; now the copy is two generations behind.
      await this.presentStolen();
    } else {
      this.tell(`The ${this.victim.name.toLowerCase()} refreshes with the token it has: ${this.victim.reason}.`);
    }
    await this.letVictimCall();
    await this.look();
  }

  /** Within the grace, a second use of a refresh token counts as a retry. */
  async waitForGrace() {
    const left = make("span", { ariaHidden: "true" });
    this.tell(`For ${this.grace} seconds the server treats a second use as a retry. `, left);
    for (let seconds = Math.ceil(this.grace) + 1; seconds > 0; seconds -= 1) {
      left.textContent = `${seconds} to go.`;
      await pause(1000);
    }
    left.textContent = "The time is over.";
  }

  /** A copied session key works like the original. */
  async walkIn() {
    this.access = this.stolen.access;
    await this.look();
    if (this.isIn) this.tell("Nobody notices. Revoke this auth session, and both are logged out.");
  }

  /** Present the stolen refresh token. */
  async presentStolen() {
    const response = await sendAs(this.actor, "/auth/refresh/", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh: this.stolen.refresh }),
    });
    const { access, code, detail } = await response.json();
    this.tell(`The thief refreshes with the copy: ${response.status} ${code ?? "OK"}. ${detail ?? "The thief is logged in."}`);
    if (response.ok) this.enter(access);
    else this.leave(code);
    return response.ok;
  }

  enter(access) {
    this.access = access;
    writeState(this.card, "in", "logged in");
  }

  leave(code) {
    this.access = null;
    writeState(this.card, "out", `logged out: ${code}`);
    slot(this.card, "acts").replaceChildren(button("Dismiss", () => this.acts.dismiss(this)));
  }

  /** Call a view with the stolen access token. */
  async look() {
    if (!this.access) return;
    const response = await sendAs(this.actor, "/showcase/mirror/", {
      headers: { Authorization: `Bearer ${this.access}` },
    });
    const body = await response.json();
    if (response.ok) {
      if (!this.wasIn) this.tell(`The thief calls a view, and is taken for ${this.victim.client.user.username}.`);
      this.wasIn = true;
      writeState(this.card, "in", "logged in");
    } else if (response.status === 401) {
      this.tell(`The thief calls a view: 401 ${body.code}. The thief is logged out.`);
      this.leave(body.code);
    }
  }

  async letVictimCall() {
    await this.victim.look();
    if (this.victim.reason) this.tell(`The ${this.victim.name.toLowerCase()} is logged out, too: ${this.victim.reason}.`);
  }
}
