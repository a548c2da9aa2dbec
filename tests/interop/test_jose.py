"""
Access tokens and the key set, verified by npm's ``jose`` (``npm install`` in this folder; skipped without).

The set is fetched over HTTP from the site itself.
"""

import json
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from django_authkit.wiring import get_codec
from support.forged_tokens import ACCESS, AUDIENCE, ISSUER, access_payload, forge
from support.signing_keys import PAIRS, jwk, key

HERE = Path(__file__).parent

pytestmark = [
    pytest.mark.skipif(not which("node"), reason="node is not installed"),
    pytest.mark.skipif(
        not (HERE / "node_modules" / "jose").is_dir(), reason="run npm install in tests/interop"
    ),
]


def verified(url: str, *tokens: str) -> list[dict[str, Any]]:
    """Return the result of ``jose`` for the *tokens*."""
    asked = {"url": url, "issuer": ISSUER, "audience": AUDIENCE, "tokens": tokens}
    done = subprocess.run(
        ["node", str(HERE / "verify.mjs")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def test_jose_verifies_our_tokens(settings: Settings, live_server: LiveServer) -> None:
    """For each algorithm the genuine token is accepted, and one by another key under the same kid is not."""
    address = f"{live_server.url}/auth/.well-known/jwks.json"
    for algorithm in PAIRS:
        entries = [jwk(algorithm), *(jwk(other) for other in PAIRS if other != algorithm)]
        settings.AUTHKIT = {
            "STORE": "database",
            "ISSUER": ISSUER,
            "AUDIENCE": AUDIENCE,
            "SIGNING_KEYS": entries,
        }
        unknown = forge(access_payload(), key(algorithm, 7), "at+jwt", kid=key(algorithm).kid)
        stranger = forge(access_payload(), key(algorithm, 7), "at+jwt")
        assert verified(address, get_codec().issue_access(ACCESS), unknown, stranger) == [
            {"sub": ACCESS.subject, "alg": algorithm},
            {"error": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"},
            {"error": "ERR_JWKS_NO_MATCHING_KEY"},
        ]
