// The content of a JWT. Anybody who has a token can read it.

export function claimsOf(token) {
  const bytes = Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Describe the generation of a refresh token; a session key has none. */
export const generationOf = ({ refresh }) => (refresh ? `generation ${claimsOf(refresh).gen}` : "a session key");
