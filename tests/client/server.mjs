// A site that speaks the protocol as far as the client cares, on a real socket, for clients of either transport.
// Node keeps no cookies: in cookie transport the site itself remembers what the one browser that it has would hold.

import { createServer } from "node:http";
import { once } from "node:events";

export class Site {
  /** Each request that arrived: {method, path, headers, body}. */
  received = [];
  /** What to do instead of answering as usual, once each: (request, response) => void, by path. */
  instead = new Map();
  mode = "jwt";
  lifetime = 300;
  tokenType = "Bearer";
  generation = 0;
  live = false;
  fresh = false;
  sid = 0;
  #server = createServer((request, response) => this.#receive(request, response));

  static async open() {
    const site = new Site();
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    site.origin = `http://127.0.0.1:${site.#server.address().port}`;
    return site;
  }

  async close() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  expire() {
    this.fresh = false;
  }

  revoke() {
    this.live = this.fresh = false;
  }

  /** The next *times* requests of *path* are treated by *act*. */
  once(path, act, times = 1) {
    this.instead.set(path, { act, times });
  }

  to(path) {
    return this.received.filter((each) => each.path === path);
  }

  async #receive(request, response) {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method, url: path, headers } = request;
    const entry = { method, path, headers, body };
    this.received.push(entry);
    const planned = this.instead.get(path);
    if (planned && planned.times-- > 0) return planned.act(entry, response, () => this.#answer(entry, response));
    this.#answer(entry, response);
  }

  #answer({ method, path, headers, body }, response) {
    const header = "authorization" in headers || headers["x-authkit-transport"] === "header";
    if (path.startsWith("/auth/login/")) {
      const { password, code } = JSON.parse(body);
      if (password !== "right" && code !== "123456") return refuse(response, 401, "login_failed");
      Object.assign(this, { live: true, fresh: true, sid: this.sid + 1, generation: 1 });
      return this.#grant(response, header);
    }
    if (path === "/auth/refresh/") {
      const shown = body && JSON.parse(body).refresh;
      if (!this.live || (shown && shown !== `refresh-${this.generation}`)) return refuse(response, 401, "session_ended");
      this.fresh = true;
      this.generation += 1;
      return this.#grant(response, Boolean(shown));
    }
    if (path === "/auth/logout/") {
      this.revoke();
      return response.writeHead(204).end();
    }
    const trouble = this.#trouble(headers);
    if (trouble) return refuse(response, 401, trouble);
    if (path === "/auth/session/") return send(response, 200, this.#who());
    if (path === "/auth/reauthenticate/") {
      this.generation += 1;
      return this.#grant(response, header);
    }
    if (path === "/auth/ticket/") return send(response, 200, { ticket: `ticket-of-${this.sid}`, expires_in: 30 });
    if (path === "/auth/sessions/" && method === "DELETE") return send(response, 200, { revoked: 3 });
    if (path.startsWith("/auth/sessions/?")) return send(response, 200, { results: [this.#who().session] });
    send(response, 200, { path, body, user: "ada" });
  }

  #trouble(headers) {
    if (this.sid === 0) return "not_authenticated";
    if (!this.live) return "session_ended";
    const shown = headers.authorization;
    const current = !shown || shown === `${this.tokenType} access-${this.generation}`;
    return this.fresh && current ? null : this.mode === "jwt" ? "token_expired" : "session_ended";
  }

  #who() {
    const session = { sid: `sid-${this.sid}`, mode: this.mode, created_at: "", expires_at: "" };
    return { session, user: { id: 7, username: "ada" } };
  }

  #grant(response, header) {
    const refresh = this.mode === "jwt" ? { refresh: `refresh-${this.generation}` } : {};
    const tokens = { access: `access-${this.generation}`, ...refresh, token_type: this.tokenType, expires_in: this.lifetime };
    const headers = header ? {} : { "X-Authkit-Expires-In": this.lifetime };
    send(response, 200, { ...this.#who(), ...(header ? tokens : {}) }, headers);
  }
}

export function send(response, status, data, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(data));
}

export function refuse(response, status, code, headers) {
  send(response, status, { detail: `It is ${code}.`, code }, headers);
}
