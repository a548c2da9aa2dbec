// A fetch() that stays logged in: see authkit.d.ts and docs/how-to/authkit-js.md.

const offset = Date.now() - performance.now();
// Counts time asleep too, and is compared with no server's clock.
const now = () => Math.max(performance.now(), Date.now() - offset);
const between = (least, most) => least + (most - least) * Math.random();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const quietly = () => {};
const base64 = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/[+/=]/g, (each) => ({ "+": "-", "/": "_" })[each] ?? "");
const bytes = (text) => new TextEncoder().encode(text);
const part = (value) => base64(bytes(JSON.stringify(value)));
const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const answered = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
const unanswered = (error) => {
  throw error instanceof AuthKitError ? error : new AuthKitError(0);
};

// The key of this browser, which no script can export; without storage, that of this page.
async function keyPair(name) {
  const make = () => crypto.subtle.generateKey(ES256, false, ["sign"]);
  try {
    const opening = indexedDB.open(name);
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
    const database = await answered(opening);
    const keys = (mode) => database.transaction("keys", mode).objectStore("keys");
    const get = () => answered(keys().get(0));
    const found = await get();
    if (found) return found;
    const made = await make();
    await answered(keys("readwrite").add(made, 0)).catch(quietly); // another tab may have been first
    return (await get()) ?? made;
  } catch {
    return make();
  }
}

export class AuthKitError extends Error {
  constructor(status, body = {}, retryAfter) {
    const { code = "unreachable", detail = "The server did not answer.", fields } = body;
    super(detail);
    Object.assign(this, { name: "AuthKitError", code, status, fields, body, retryAfter });
  }
}

export class AuthKit extends EventTarget {
  state = "unknown";
  user = null;
  session = null;
  #tokens = null; // {access, refresh, scheme}; never in storage or messages
  #dpop;
  #key; // what logins are bound to
  #nonces = {};
  #epoch = 0;
  #due = Infinity;
  #used = false;
  #loggedOutSid;
  #settling = null;
  #held = { until: 0 };
  #turn = Promise.resolve();
  #closing = new AbortController();
  #header;
  #base;
  #api;
  #timeout;
  #csrf;
  #name;
  #channel;
  #timer;

  constructor({ base = "/auth/", api, transport = "cookie", timeout = 8000, csrf = "csrftoken", name = "", dpop = false } = {}) {
    super();
    const absolute = (url) => new URL(url, globalThis.location?.href).href.replace(/\/?$/, "/");
    this.transport = transport;
    this.#header = transport === "header";
    this.#base = absolute(base);
    this.#api = [this.#base, ...(api ?? [new URL("/", this.#base)]).map(absolute)];
    this.#timeout = timeout;
    this.#csrf = csrf;
    this.#name = `authkit:${transport}:${this.#base}${name}`;
    this.#dpop = dpop && this.#header;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    const { signal } = this.#closing;
    globalThis.document?.addEventListener("visibilitychange", () => this.#wake(), { signal });
    globalThis.window?.addEventListener("pageshow", (e) => e.persisted && this.#settle().catch(quietly), { signal });
  }

  async start() {
    await this.#settle();
    return this.user;
  }

  logIn(credentials) {
    const path = credentials.handle ? "login/step/" : "login/";
    const headers = { "X-Authkit-Transport": this.transport };
    return this.#alone(async () => this.#adopt(await this.#call("POST", path, credentials, { headers }), true));
  }

  logInWith({ access, refresh = access, expires_in, token_type } = {}) {
    return this.#alone(async () => {
      const before = this.#tokens;
      if (this.#header) this.#tokens = access ? { access, refresh, scheme: token_type } : null;
      try {
        const { session, user, ...rest } = await this.#call("GET", "session/");
        return this.#adopt({ session, user, expires_in: expires_in ?? rest.expires_in }, true);
      } catch (error) {
        this.#tokens = before;
        throw error;
      }
    });
  }

  async logOut() {
    await this.#alone(() => this.#leave(true));
  }

  async logOutEverywhere() {
    await this.revokeOtherSessions();
    await this.logOut();
  }

  refresh() {
    return this.#settle("due");
  }

  async reauthenticate(proof) {
    await this.#settle();
    return this.#alone(async () => {
      const body = typeof proof === "string" ? { password: proof } : { ...proof };
      if (this.session?.mode === "jwt") body.refresh = this.#tokens?.refresh;
      return this.#adopt(await this.#call("POST", "reauthenticate/", body), true);
    });
  }

  async sessions() {
    return (await this.#call("GET", "sessions/?page_size=100", null, { as: this })).results;
  }

  async revokeSession(sid) {
    if (sid === this.session?.sid) return this.logOut();
    await this.#call("DELETE", `sessions/${encodeURIComponent(sid)}/`, null, { as: this });
  }

  async revokeOtherSessions() {
    return (await this.#call("DELETE", "sessions/", null, { as: this })).revoked;
  }

  async ticket() {
    return (await this.#call("POST", "ticket/", null, { as: this })).ticket;
  }

  close() {
    this.#closing.abort();
    clearTimeout(this.#timer);
    this.#channel?.close();
    this.#channel = null;
  }

  async fetch(input, init) {
    const asked = new Request(input, init);
    const { credentials, headers, referrerPolicy, url } = asked;
    const ours = this.#api.some((each) => url.startsWith(each));
    if (!ours || credentials === "omit" || headers.has("Authorization")) return fetch(asked);
    // Not every browser drops the header when a redirect leaves the origin.
    const redirect = this.#header && asked.redirect === "follow" ? "error" : asked.redirect;
    const request = new Request(asked, { credentials: this.#header ? credentials : "include", redirect, referrerPolicy });
    const again = init?.body instanceof ReadableStream ? null : request.clone();
    const settle = (code) =>
      new Promise((resolve, reject) => {
        request.signal.addEventListener("abort", () => reject(request.signal.reason));
        this.#settle(code).then(resolve, reject);
      });

    if (now() >= this.#due) await settle("due").catch(quietly);
    const epoch = this.#epoch;
    const answer = await this.#send(request);
    this.#used = true;
    const { status } = answer;
    const { code } = (/40[13]/.test(status) && (await answer.clone().json().catch(quietly))) || {};
    let recovered = false;
    if (code === "csrf_failed") recovered = await this.#handshake();
    else if (status === 401 && code !== "login_failed" && code !== "reauthentication_required")
      if (epoch !== this.#epoch) recovered = this.state === "signed-in";
      else recovered = this.state !== "signed-out" && (await settle(code));
    return recovered && again ? this.#send(again) : answer;
  }

  // Finds out whether the user is logged in; refreshes if that helps.
  #settle(code) {
    this.#settling ??= this.#recover(code).finally(() => (this.#settling = null));
    return this.#settling;
  }

  #recover(code) {
    const epoch = this.#epoch;
    return this.#alone(async (waited) => {
      if (epoch !== this.#epoch) return this.state === "signed-in";
      if (this.#header && !this.#tokens) return this.#out("not_authenticated");
      if (this.#held.until > now()) throw this.#held.error;
      try {
        // Another tab may have refreshed just now.
        if (waited || (code !== "due" && code !== "token_expired")) {
          const refusal = await this.#refusal(this.#call("GET", "session/"));
          if (!refusal) return true;
          const { mode } = this.session ?? {};
          const helps = refusal === "not_authenticated" ? mode === "jwt" : mode !== "session";
          if (!helps && refusal !== "token_expired") return this.#out(refusal, true);
        }
        const refusal = await this.#refusal(this.#renew(), true);
        return !refusal || this.#out(code === "binding_mismatch" ? code : refusal, true);
      } catch (error) {
        if (error.retryAfter) this.#held = { error, until: now() + error.retryAfter * 1000 };
        throw error;
      }
    });
  }

  async #refusal(call, tell) {
    try {
      this.#adopt(await call, tell);
    } catch (error) {
      // The browser may be unable to prove its device for a moment; that ends nothing.
      const passing = error.code === "device_mismatch" && this.state === "signed-in";
      if (error.status !== 401 || error.code === "unreachable" || passing) throw error;
      return error.code;
    }
  }

  // A lost response can be repeated within the refresh grace.
  #renew() {
    const body = this.#tokens && { refresh: this.#tokens.refresh };
    const attempt = () => this.#call("POST", "refresh/", body, { timeout: this.#timeout / 2 });
    return attempt().catch(async (error) => {
      if (error.code !== "unreachable") throw error;
      await pause(between(100, 300));
      return attempt();
    });
  }

  async #leave(tell) {
    const { refresh } = this.#tokens ?? {};
    if (!this.#header || refresh) await this.#call("POST", "logout/", refresh && { refresh });
    return this.#out("logged_out", tell);
  }

  #adopt({ user, session, access, refresh = access, expires_in, token_type }, tell) {
    const changed = session.sid !== this.session?.sid;
    this.#epoch++;
    if (access) this.#tokens = { access, refresh, scheme: token_type };
    // What is bound to its device, the browser renews by itself.
    if (expires_in || changed || (session.bound && !this.#header)) {
      this.#due = expires_in ? now() + expires_in * 1000 * between(0.7, 0.9) : Infinity;
      this.#used = false;
      this.#wake();
    }
    Object.assign(this, { state: "signed-in", user, session });
    if (tell && !this.#header) this.#channel?.postMessage({ user, session, expires_in });
    if (changed) this.#tell("signed-in", { user, session });
    return user;
  }

  #out(reason, tell) {
    const { session, user, state } = this;
    this.#epoch++;
    this.#tokens = null;
    this.#due = Infinity;
    this.#loggedOutSid = session?.sid;
    Object.assign(this, { state: "signed-out", user: null, session: null });
    if (tell && session) this.#channel?.postMessage({ reason, sid: session.sid, id: user.id });
    if (state !== "signed-out") this.#tell("signed-out", { reason });
    return false;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #hear({ reason, sid, id, ...grant }) {
    if (!reason) {
      if (grant.session.sid !== this.#loggedOutSid) this.#adopt(grant);
    } else if (sid === this.session?.sid) this.#out(reason);
    else if (this.#header && reason === "logged_out" && this.user && this.user.id === id)
      this.#alone(() => this.#leave()).catch(() => this.#out(reason));
  }

  // An unused page keeps no login alive.
  #wake() {
    clearTimeout(this.#timer);
    const left = this.#due - now();
    if (left > 0) this.#timer = setTimeout(() => this.#wake(), Math.min(left, 2 ** 31 - 1));
    else if (this.#used && globalThis.document?.visibilityState !== "hidden") this.#settle("due").catch(quietly);
  }

  // Runs act(waited) while no other tab does.
  async #alone(act) {
    const locks = globalThis.navigator?.locks;
    if (this.#header || !locks) {
      // Without locks (plain http) luck decides; the grace forgives a tie.
      const turn = this.#turn.then(() => pause(this.#header ? 0 : between(0, 200))).then(() => act(!this.#header));
      this.#turn = turn.catch(quietly);
      return turn;
    }
    const done = await locks.request(this.#name, { ifAvailable: true }, (lock) => (lock ? act() : null));
    const signal = AbortSignal.timeout(this.#timeout * 2);
    return done ?? locks.request(this.#name, { signal }, () => act(true)).catch(unanswered);
  }

  async #call(method, path, body, { as, headers, timeout = this.#timeout } = {}) {
    const request = new Request(new URL(path, this.#base), {
      method,
      headers: { ...headers, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
      credentials: this.#header && !as ? "omit" : "include",
      redirect: "error",
      signal: AbortSignal.timeout(timeout),
    });
    const answer = await (as ? as.fetch(request) : this.#send(request)).catch(unanswered);
    const data = answer.status === 204 ? {} : await answer.json().catch(quietly);
    if (answer.ok && data) return { expires_in: +answer.headers.get("X-Authkit-Expires-In"), ...data };
    throw new AuthKitError(answer.status, data ?? {}, +answer.headers.get("Retry-After") || undefined);
  }

  async #send(request) {
    const { headers, method } = request;
    const { access, scheme } = this.#tokens ?? {};
    if (access) headers.set("Authorization", `${scheme === "DPoP" ? scheme : "Bearer"} ${access}`);
    if (!this.#header && this.#csrf && !/^(GET|HEAD|OPTIONS)$/.test(method) && !headers.has("X-CSRFToken")) {
      const token = (await this.#token()) ?? ((await this.#handshake()) && (await this.#token()));
      if (token) headers.set("X-CSRFToken", token);
    }
    if (!this.#dpop) return fetch(request);
    const again = request.clone();
    const answer = await this.#prove(request, access);
    const wants = /40[01]/.test(answer.status) && answer.headers.has("DPoP-Nonce");
    return wants && (await answer.clone().text()).includes("use_dpop_nonce") ? this.#prove(again, access) : answer;
  }

  // Sends a request with a proof of the key (RFC 9449), and keeps the nonce for the next one.
  async #prove(request, access) {
    const { privateKey, publicKey } = await (this.#key ??= keyPair(this.#name));
    const { origin, pathname } = new URL(request.url);
    const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
    const claims = {
      jti: crypto.randomUUID(),
      htm: request.method,
      htu: origin + pathname,
      iat: Math.floor(Date.now() / 1000),
      nonce: this.#nonces[origin],
      ath: access && base64(await crypto.subtle.digest("SHA-256", bytes(access))),
    };
    const signed = `${part({ typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } })}.${part(claims)}`;
    request.headers.set("DPoP", `${signed}.${base64(await crypto.subtle.sign(ES256, privateKey, bytes(signed)))}`);
    const answer = await fetch(request);
    this.#nonces[origin] = answer.headers.get("DPoP-Nonce") ?? this.#nonces[origin];
    return answer;
  }

  #token() {
    if (typeof this.#csrf === "function") return this.#csrf();
    return globalThis.document?.cookie.match(`(?:^|; )${this.#csrf}=([^;]*)`)?.[1];
  }

  #handshake() {
    return this.#call("GET", "session/").then(Boolean, (error) => error.status === 401);
  }
}
