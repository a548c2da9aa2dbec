// Stolen cookies: what this browser's login is bound to, and thieves who have a copy of the whole cookie jar.

import { countdown, now } from "./clock.js";
import { announce, button, byId, copyOf, fact, make, slot, write, writeState } from "./dom.js";
import { explain, inWordsOf } from "./reasons.js";

const section = byId("jar");
const stealing = section.querySelector("[data-act=steal]");
const NOBODY = ["nobody is logged in", "Log in to see whether this browser binds the login to your device."];
const GRACE = 10_000;
const PENDING = ["a key, in a moment", "The browser has made a key. Ten seconds after it first proved the key, the login needs it."];
const PLAIN = [
  "nothing",
  "This page came over plain HTTP, where no browser binds a login. A copy of the cookies works as long as the login.",
];
const NOT_TAKEN = [
  "nothing",
  "The server offered to bind the login, and this browser did not do it: it has no Device Bound Session Credentials, or it does not trust the certificate. It goes on as before, and a copy of the cookies works as long as the login.",
];
const BOUND = [
  "a key that cannot leave this device",
  "The browser proves the key every few minutes, without any script. A copy of all cookies works until the next proof would be due, and no longer.",
];

export class Jars {
  thieves = [];
  record = null;
  isJwt = false;

  /** `client` is the one of this browser; `again` refreshes the whole page. */
  constructor({ client, again }) {
    this.client = client;
    this.again = again;
    stealing.addEventListener("click", () => this.steal().catch((problem) => announce(explain(problem))));
    this.show(null);
  }

  /** Show what the login is bound to; null if nobody is logged in. */
  show(mirror) {
    this.record = mirror?.record ?? null;
    this.isJwt = mirror?.mode === "jwt";
    stealing.disabled = !this.record;
    const [to, why] = this.state();
    write(section, "binding", to);
    write(section, "why", why);
    slot(section, "how").hidden = !this.record || Boolean(this.record.device_key);
  }

  state() {
    if (!this.record) return NOBODY;
    if (this.isBound) return BOUND;
    if (this.record.device_key) return PENDING;
    return location.protocol === "https:" ? NOT_TAKEN : PLAIN;
  }

  get isBound() {
    return this.record?.bound_ms > 0 && now() > this.record.bound_ms + GRACE;
  }

  async steal() {
    const response = await this.client.fetch("/showcase/cookie-jar/", { method: "POST" });
    if (!response.ok) return announce(inWordsOf((await response.json()).code));
    const thief = new JarThief(await response.json(), this);
    this.thieves.push(thief);
    byId("jars").append(thief.card);
    thief.card.querySelector("h3").focus();
    announce("A thief has copied all cookies of this browser. Nobody can notice this before it is used.");
  }

  dismiss(gone) {
    gone.card.remove();
    this.thieves = this.thieves.filter((each) => each !== gone);
    byId("jar-title").focus();
  }

  /** Let each thief who is logged in use the copy once more. */
  async look() {
    await Promise.allSettled(this.thieves.filter(({ isIn }) => isIn).map((each) => each.use()));
  }
}

class JarThief {
  isIn = false;
  last = "";

  constructor({ thief, cookies, life }, jars) {
    this.path = `/showcase/cookie-jar/${thief}/`;
    this.jars = jars;
    this.isBound = jars.isBound;
    this.card = copyOf("jar-card");
    writeState(this.card, "", "has not used it yet");
    slot(this.card, "facts").append(fact("copied", make("code", {}, cookies.join(", "))));
    if (this.isBound) {
      this.end = fact("the bound cookie expires", countdown(now() + life * 1000), ", or before");
      slot(this.card, "facts").append(this.end);
    }
    const first = button("Use it", () => (first.remove(), this.use()));
    slot(this.card, "acts").append(first);
    if (this.isBound) this.offerLate("bound cookie");
    else if (jars.isJwt) this.offerLate("access token");
  }

  /** Use what is left of the copy when the cookie that lives for minutes is gone. */
  offerLate(name) {
    const late = button(`Use it when the ${name} has expired`, () => {
      slot(this.card, "acts").replaceChildren();
      this.card.querySelector("h3").focus();
      this.end?.remove();
      this.tell(`Some minutes later: the ${name} of the copy has expired.`);
      return this.use("?late");
    });
    slot(this.card, "acts").append(late);
  }

  tell(text) {
    slot(this.card, "story").append(make("li", {}, make("span", {}, text)));
  }

  /** Send the copy to the site, from elsewhere. */
  async use(when = "") {
    try {
      const response = await this.jars.client.fetch(this.path + when, { method: "POST" });
      const happened = await response.json();
      if (response.ok) this.showUse(happened);
      else if (response.status === 404) this.leave("gone", happened.detail);
      else announce(inWordsOf(happened.code));
    } catch (problem) {
      announce(explain(problem));
    }
  }

  showUse({ story, user, code }) {
    const told = JSON.stringify(story);
    if (told !== this.last)
      for (const { method, path, status, code: refusal } of story) this.tell(`${method} ${path}: ${status} ${refusal || "OK"}.`);
    this.last = told;
    if (!user) return this.leave(code, this.isBound ? "The copy is worth nothing, and this browser is still logged in." : "");
    if (!this.isIn) this.tell(`The thief is taken for ${user}. Nobody has noticed.`);
    this.isIn = true;
    writeState(this.card, "in", `logged in as ${user}`);
  }

  leave(code, words) {
    this.isIn = false;
    this.end?.remove();
    if (words) this.tell(words);
    writeState(this.card, "out", `refused: ${code}`);
    slot(this.card, "acts").replaceChildren(button("Dismiss", () => this.jars.dismiss(this)));
    this.jars.again();
  }
}
