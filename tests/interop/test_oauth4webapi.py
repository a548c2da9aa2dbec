"""
Logins that are bound to a key, by npm's ``dpop`` and ``oauth4webapi`` (``npm install``; skipped without).

They were written for OAuth servers, and are not ours.
"""

import json
import subprocess
from pathlib import Path
from shutil import which

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from support.client import PASSWORD

HERE = Path(__file__).parent

pytestmark = [
    pytest.mark.skipif(not which("node"), reason="node is not installed"),
    pytest.mark.skipif(
        not (HERE / "node_modules" / "oauth4webapi").is_dir(), reason="run npm install in tests/interop"
    ),
]


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519", "RS256"])
@pytest.mark.parametrize("mode", ["jwt", "session"])
def test_oauth4webapi_uses_a_bound_login(
    settings: Settings, live_server: LiveServer, mode: str, algorithm: str
) -> None:
    """It logs in, calls a view, refreshes, and calls it again; a thief's key opens nothing."""
    settings.AUTHKIT_MODE, settings.AUTHKIT = mode, {"STORE": "database"}
    User.objects.create_user("ada", password=PASSWORD)
    asked = {
        "url": live_server.url,
        "view": "/api/whoami/?page=2",
        "username": "ada",
        "password": PASSWORD,
        "algorithm": algorithm,
    }
    done = subprocess.run(
        ["node", str(HERE / "dpop.mjs")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout)
    assert found["statuses"] == [200, 200]
    assert found["types"] == ["DPoP", "DPoP"]
    assert found["first"] == found["second"] == {"status": 200, "challenges": 1}
    thief = found["thief"]
    assert (thief["status"], thief["scheme"], thief["error"]) == (401, "dpop", "invalid_token")
    assert thief["algs"] == "ES256 Ed25519 EdDSA RS256"
