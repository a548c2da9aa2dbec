// What the codes of the server mean, in words for people.

const WORDS = {
  binding_mismatch: "it was used from another device",
  login_failed: "No such user, or another password.",
  logged_out: "logged out",
  not_authenticated: "nobody was logged in",
  refresh_reused: "a superseded refresh token was used, so its auth session was revoked",
  session_ended: "its auth session was revoked",
  session_limit: "There are too many logins of this user already.",
  store_unavailable: "The store does not answer. Nobody was logged out: nothing is known until it is back.",
  throttled: "Too many tries.",
  token_expired: "its token has expired",
  unreachable: "The server does not answer, or this device is offline. Nobody was logged out.",
};

export const inWordsOf = (code) => WORDS[code] ?? code;

/** Say what an error of the client means, and when to try again. */
export function explain(error) {
  if (error.name !== "AuthKitError") return inWordsOf("unreachable");
  const wait = error.retryAfter ? ` Try again in ${error.retryAfter} seconds.` : "";
  const members = Object.values(error.fields ?? {}).flat().join(" ");
  return `${members || inWordsOf(error.code) || error.message}${wait}`;
}
