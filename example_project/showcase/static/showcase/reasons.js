// Explanations of the error codes.

const WORDS = {
  binding_mismatch: "it was used from a different browser or network",
  device_mismatch: "it was used without the key of its device",
  login_failed: "Wrong username or password.",
  logged_out: "logged out",
  not_authenticated: "nobody was logged in",
  refresh_reused: "a superseded refresh token was used, so its auth session was revoked",
  session_ended: "its auth session was revoked",
  session_limit: "This user has too many logins.",
  step_ended: "This login has expired. Begin again.",
  step_required: "This user also needs a code.",
  step_failed: "Wrong code.",
  store_unavailable: "The store does not respond. Nobody was logged out; try again when it is back.",
  throttled: "Too many attempts.",
  token_expired: "its token has expired",
  unreachable: "The server does not respond, or this device is offline. Nobody was logged out.",
};

export const inWordsOf = (code) => WORDS[code] ?? code;

/** Describe an error of the client, and say when to try again. */
export function explain(error) {
  if (error.name !== "AuthKitError") return inWordsOf("unreachable");
  const wait = error.retryAfter ? ` Try again in ${error.retryAfter} seconds.` : "";
  const members = Object.values(error.fields ?? {}).flat().join(" ");
  return `${members || inWordsOf(error.code) || error.message}${wait}`;
}
