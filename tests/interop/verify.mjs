// Verifies access tokens as a service elsewhere would: by the key set at an address, with npm's jose.
// Reads {url, issuer, audience, tokens} from standard input and prints one result for each token.

import { createRemoteJWKSet, jwtVerify } from "jose";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { url, issuer, audience, tokens } = JSON.parse(Buffer.concat(chunks));
const keys = createRemoteJWKSet(new URL(url));
const results = [];
for (const token of tokens) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience, typ: "at+jwt" });
    results.push({ sub: payload.sub, alg: protectedHeader.alg });
  } catch (error) {
    results.push({ error: error.code });
  }
}
console.log(JSON.stringify(results));
