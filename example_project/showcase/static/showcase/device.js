// A device on the page. It has a login of its own, keeps the tokens in memory and sends them in a header.

import { AuthKit } from "../django_authkit/authkit.js";
import { claimsOf, generationOf } from "./claims.js";
import { countdown } from "./clock.js";
import { announce, badge, button, copyOf, fact, make, refill, size, slot, write, writeState } from "./dom.js";
import { explain, inWordsOf } from "./reasons.js";
import { Actor, expect } from "./wire.js";

export class PageDevice {
  reason = null;

  /**
   * `isBound`: it proves a key of its own with each request.
   * `acts` are callbacks: `logOut`, `steal` and `dismiss` for buttons; `loggedOut` is called after a logout.
   */
  constructor(name, isBound, acts) {
    this.name = name;
    this.isBound = isBound;
    this.acts = acts;
    this.actor = new Actor(name);
    // A unique name, so that a logout here does not log out other devices.
    this.client = new AuthKit({ transport: "header", name: crypto.randomUUID(), dpop: isBound });
    this.card = copyOf("device-card");
    write(this.card, "name", name);
    this.client.addEventListener("signed-out", ({ detail }) => this.onLogout(detail.reason));
    this.offer();
  }

  get isIn() {
    return this.client.state === "signed-in";
  }

  get sid() {
    return this.client.session?.sid;
  }

  /** Log in; where the site asks for a code after the password, ask for it. */
  async #inSteps(credentials) {
    try {
      await this.client.logIn(credentials);
    } catch (error) {
      const again = error.code === "step_failed";
      const code = again || error.code === "step_required" ? prompt(again ? "Wrong. The code:" : "The code:") : null;
      if (code === null) throw error;
      await this.#inSteps({ handle: error.body.handle, code });
    }
  }

  async logIn(credentials) {
    expect(this.actor);
    await this.#inSteps(credentials);
    this.reason = null;
    this.show();
  }

  async refresh() {
    try {
      if (await this.client.refresh()) announce(`${this.name} has refreshed.`);
      this.show();
    } catch (problem) {
      announce(explain(problem));
    }
  }

  /** Ask the server what it sees of this device. */
  async look() {
    if (!this.isIn) return;
    const response = await this.client.fetch("/showcase/mirror/");
    if (response.ok) this.show((await response.json()).mode);
  }

  onLogout(reason) {
    if (reason === "not_authenticated") return;
    this.reason = inWordsOf(reason);
    this.show();
    this.acts.loggedOut(this);
  }

  offer() {
    this.stealing = button("", () => this.acts.steal(this));
    slot(this.card, "acts").replaceChildren(
      button("Refresh", () => this.refresh()),
      this.stealing,
      button("Log out", () => this.acts.logOut(this)),
    );
  }

  show(mode = this.client.session?.mode) {
    const { access, refresh } = this.actor.tokens;
    if (!this.isIn) {
      slot(this.card, "acts").replaceChildren(button("Dismiss", () => this.acts.dismiss(this)));
      writeState(this.card, "out", "logged out");
      write(this.card, "about", `It was logged out: ${this.reason}.`);
      slot(this.card, "facts").hidden = true;
      return;
    }
    writeState(this.card, "in", `in use by ${this.client.user.username}`);
    write(this.card, "about", "Tokens in memory, sent in the Authorization header.");
    this.stealing.textContent = refresh ? "Steal its refresh token" : "Steal its key";
    const facts = slot(this.card, "facts");
    refill(facts, [this.sid, mode, access, refresh], () => [
      fact("sid", make("code", {}, this.sid)),
      fact("credential", badge(mode)),
      ...(this.isBound ? [fact("bound to", "a key that no script can copy (DPoP)")] : []),
      ...(refresh ? this.tokens(access, refresh) : [fact("session key", `ends in ${access.slice(-6)}, ${size(access.length)}`)]),
    ]);
  }

  tokens(access, refresh) {
    return [
      fact("access token", `ends in ${access.slice(-6)}, ${size(access.length)}, expires `, countdown(claimsOf(access).exp * 1000)),
      fact("refresh token", `ends in ${refresh.slice(-6)}, ${size(refresh.length)}, ${generationOf(this.actor.tokens)}`),
    ];
  }
}
