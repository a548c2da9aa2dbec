/**
 * The browser's side of django-authkit: `fetch` that stays logged in, in both modes and transports.
 *
 * Everything declared here is stable, and covered by semantic versioning.
 */

/** The form of the credential. Front ends do not depend on it. */
export type Mode = "session" | "jwt";

/** How the credential travels: in cookies that no script can read, or in the `Authorization` header. */
export type Transport = "cookie" | "header";

/** `"unknown"` until the server has answered for the first time; see `start()`. */
export type State = "unknown" | "signed-in" | "signed-out";

/** One login on one device. Instants are RFC 3339, by the server's clock: for people, not for timers. */
export interface Session {
  /** The public handle. Not a secret. */
  readonly sid: string;
  readonly mode: Mode;
  readonly created_at: string;
  /** When it expires at the latest. */
  readonly expires_at: string;
  /** Whether it is bound to its device. The browser then renews it by itself. */
  readonly bound: boolean;
}

/** A session in the list of devices. */
export interface Device extends Session {
  /** Whether it is the session of this browser. */
  readonly current: boolean;
  /** A name for people: "Firefox on Linux". */
  readonly label: string;
  readonly address: string;
  /** Where the address is, if the server knows: "Seoul, South Korea". Empty if not. */
  readonly place: string;
  readonly last_seen_at: string;
}

/** The data of `USER_SERIALIZER`; without that, `id` and the `USERNAME_FIELD`. */
export interface User {
  readonly id?: number | string;
  readonly [member: string]: unknown;
}

/** The body of a login: the `USERNAME_FIELD` of the project's user model, here `username`, and the rest. */
export interface Credentials {
  password: string;
  /** Whether cookies outlive the browser. */
  remember?: boolean;
  [usernameField: string]: unknown;
}

/** What a step after the password takes: the handle of the error, and what the step asks for. */
export interface StepAnswer {
  handle: string;
  [member: string]: unknown;
}

export interface Options {
  /** The address of the endpoints. Default `"/auth/"`. */
  base?: string | URL;
  /**
   * The addresses below which requests get the credential; nothing else ever does.
   * Default: the origin of `base`. The endpoints themselves always do.
   */
  api?: ReadonlyArray<string | URL>;
  /** Default `"cookie"`. With `"header"` tokens are in this page's memory: a reload forgets them. */
  transport?: Transport;
  /**
   * Milliseconds that a call of an endpoint may take; default 8000. A refresh is tried twice within it,
   * so keep it below `LIFETIMES["REFRESH_GRACE"]`. Your own requests take a `signal`.
   */
  timeout?: number;
  /**
   * Where Django's CSRF token is, which unsafe requests need in cookie transport: the name of the cookie
   * (`CSRF_COOKIE_NAME`), default `"csrftoken"`; or a function that returns the token, where scripts cannot
   * read the cookie; or `null` where none is needed (`CSRF = "fetch-metadata"`).
   */
  csrf?: string | (() => string | Promise<string>) | null;
  /**
   * In header transport: whether logins are bound to a key of this browser (DPoP), so that tokens that were copied
   * are worth nothing elsewhere. Default `false`. Needs HTTPS, and on another origin CORS for `DPoP` and `DPoP-Nonce`.
   */
  dpop?: boolean;
  /** Instances with different names are independent of each other. For several logins in one browser. */
  name?: string;
}

/** `detail` of "signed-in". It also comes when another tab logged in, perhaps as somebody else. */
export interface SignedIn<U extends User = User> {
  readonly user: U;
  readonly session: Session;
}

/** `detail` of "signed-out". */
export interface SignedOut {
  /**
   * Why: `"logged_out"` (here or in another tab), or the code of the server: `"session_ended"` (expired or
   * revoked), `"refresh_reused"`, `"binding_mismatch"`, `"not_authenticated"` (there was nobody), ...
   */
  readonly reason: string;
}

export interface Events<U extends User = User> {
  "signed-in": CustomEvent<SignedIn<U>>;
  "signed-out": CustomEvent<SignedOut>;
}

/** An error response of an endpoint, or no response. */
export class AuthKitError extends Error {
  readonly name: "AuthKitError";
  /** As documented in the reference of errors; `"unreachable"` if there was no response. */
  readonly code: string;
  /** HTTP status; 0 if there was no response. */
  readonly status: number;
  /** Which members of the body are wrong, of `"invalid_request"`. */
  readonly fields?: Readonly<Record<string, ReadonlyArray<string>>>;
  /** The whole response: that of `"step_required"` has `step`, `handle` and `question`. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Seconds to wait before asking again, of 429 and 503. */
  readonly retryAfter?: number;
}

/**
 * One login, seen from one page. Make one for each page; all pages of an origin with the same `base`,
 * `transport` and `name` notify each other.
 *
 * Events: `"signed-in"` and `"signed-out"`, each once for each change of state, the first one (by `start()`,
 * say) included. No network failure, 429 or 5xx ever causes one.
 */
export class AuthKit<U extends User = User> extends EventTarget {
  constructor(options?: Options);

  readonly state: State;
  /** `null` unless signed in. */
  readonly user: U | null;
  /** `null` unless signed in. */
  readonly session: Session | null;
  readonly transport: Transport;

  /**
   * Ask the server who is logged in, refreshing if that is needed. Call it when the page loads.
   *
   * @returns The user, or `null`. In header transport a page that has just loaded is not logged in.
   * @throws {AuthKitError} The server did not respond; the state does not change.
   */
  start(): Promise<U | null>;

  /**
   * Log in, or go on with a login that needs another step. Other tabs are notified (in cookie transport).
   *
   * @param credentials The body of `login/`; for a step, the handle of the error, and what the step asks for.
   * @throws {AuthKitError} `login_failed`, `step_required`, `step_failed`, `session_limit`, `throttled`, ...
   */
  logIn(credentials: Credentials | StepAnswer): Promise<U>;

  /**
   * Take over a login that a view of the project's own has made (social, passkey). Other tabs are notified
   * (in cookie transport).
   *
   * @param grant In header transport the members of `grant.credentials()`; in cookie transport nothing.
   * @throws {AuthKitError} The server does not know the login; the state stays as it was.
   */
  logInWith(grant?: {
    readonly access?: string;
    readonly refresh?: string;
    readonly expires_in?: number;
    readonly token_type?: string;
  }): Promise<U>;

  /**
   * Log out. Other tabs do as well.
   *
   * @throws {AuthKitError} The server could not be reached; the user is still logged in.
   */
  logOut(): Promise<void>;

  /**
   * Log out on all devices: revoke all other auth sessions of the user, then log out.
   *
   * @throws {AuthKitError} As `revokeOtherSessions()` and `logOut()` do.
   */
  logOutEverywhere(): Promise<void>;

  /**
   * `fetch`, with the credential where it may go and the CSRF token where it is needed.
   *
   * After a 401 that a refresh can fix, it refreshes, once for all tabs, and sends the request once more.
   * A body that is a `ReadableStream` is not sent twice: then the 401 is returned, and the next try works.
   * Requests outside of `api`, with an `Authorization` header of their own, or with `credentials: "omit"`
   * go to `fetch` as they are.
   * In header transport a redirect is an error (`redirect: "error"`), unless you ask for `"manual"`.
   *
   * @throws {AuthKitError} A refresh was needed, and the server did not respond.
   * @throws What `fetch` throws.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;

  /**
   * Refresh now. Usually not needed: `fetch` refreshes by itself.
   *
   * @returns Whether the user is logged in.
   * @throws {AuthKitError} The server did not respond.
   */
  refresh(): Promise<boolean>;

  /**
   * Re-authenticate after `reauthentication_required`; then repeat the request.
   *
   * @param proof The password, or the members that the project's `REAUTHENTICATOR` expects.
   * @throws {AuthKitError} `login_failed`, ...
   */
  reauthenticate(proof: string | Readonly<Record<string, unknown>>): Promise<U>;

  /** The first 100 logins of the user, most recently seen first. */
  sessions(): Promise<Device[]>;

  /** Revoke one of them. Revoking the page's own session logs out. */
  revokeSession(sid: string): Promise<void>;

  /**
   * Revoke all of them except the page's own.
   *
   * @returns The number revoked.
   */
  revokeOtherSessions(): Promise<number>;

  /**
   * Get a ticket, which opens one WebSocket within 30 seconds: offer `authkit.ticket.${ticket}` as a subprotocol.
   *
   * @returns The ticket.
   * @throws {AuthKitError} Nobody is logged in, or as `sessions()` does.
   */
  ticket(): Promise<string>;

  /** Stop timers and listeners. Nobody is logged out. */
  close(): void;

  addEventListener<K extends keyof Events<U>>(
    type: K,
    listener: (this: AuthKit<U>, event: Events<U>[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof Events<U>>(
    type: K,
    listener: (this: AuthKit<U>, event: Events<U>[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
