"""The schema of the example, which drf-spectacular generates: as a command, as a client, and as a page."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from support.demo import PASSWORDS, demo_running, run

pytest.importorskip("drf_spectacular", reason="drf-spectacular comes with the extra test")

CLIENT = """
from client import AuthenticatedClient, Client
from client.api.api import api_notes_list
from client.api.auth import authkit_login, authkit_logout, authkit_refresh, authkit_session
from client.models import AuthKitError, AuthKitLogin, AuthKitRefresh, AuthkitLoginXAuthkitTransport

anonymous = Client("{url}")
body = AuthKitLogin("ada", "wrong")
header = AuthkitLoginXAuthkitTransport.HEADER
refused = authkit_login.sync(client=anonymous, body=body, x_authkit_transport=header)
assert isinstance(refused, AuthKitError) and refused.code == "login_failed", refused
body.password = "{password}"
grant = authkit_login.sync(client=anonymous, body=body, x_authkit_transport=header)
assert (grant.user.username, grant.session.mode) == ("ada", "{mode}"), grant
ada = AuthenticatedClient("{url}", grant.access)
assert "Welcome, ada" in [note.title for note in api_notes_list.sync(client=ada)]
assert authkit_session.sync(client=ada).session.sid == grant.session.sid

new = authkit_refresh.sync(client=ada, body=AuthKitRefresh({credential}))
ada = AuthenticatedClient("{url}", new.access)
assert authkit_session.sync(client=ada).session.sid == grant.session.sid
assert authkit_logout.sync_detailed(client=ada, body=AuthKitRefresh()).status_code == 204
over = authkit_session.sync(client=ada)
assert isinstance(over, AuthKitError) and over.code == "session_ended", over
"""


def schema_of(folder: Path, accept: str) -> Path:
    """Generate the schema as the CI of a project does, without a warning, and return its file."""
    file = folder / "schema.json"
    options = ("--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(file))
    mode = accept.split(",")[-1]
    done = run(folder, "spectacular", *options, EXAMPLE_MODE=mode, EXAMPLE_ACCEPT=accept)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
    schema = json.loads(file.read_text())
    cookies = {"session": "authkitSessionCookie", "jwt": "authkitAccessCookie"}
    wanted = {"authkitBearer", *(cookies[each] for each in accept.split(","))}
    for path in ("/api/notes/", "/auth/session/"):
        security = schema["paths"][path]["get"]["security"]
        assert {name for each in security for name in each} == wanted
    assert set(schema["components"]["securitySchemes"]) >= wanted
    assert len([path for path in schema["paths"] if path.startswith("/auth/")]) == 9
    return file


@pytest.mark.slow
def test_the_schema_of_a_switch_is_valid_and_without_warnings(tmp_path: Path) -> None:
    """While both modes are accepted, the project's views name the credentials of both."""
    schema_of(tmp_path, "session,jwt")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["session", "jwt"])
def test_a_generated_client_works(mode: str, tmp_path: Path) -> None:
    """A client that was generated from the mode's schema logs in, calls, refreshes and logs out."""
    file, config, generated = schema_of(tmp_path, mode), tmp_path / "config.json", tmp_path / "client"
    config.write_text('{"post_hooks": []}')
    generator = Path(sys.executable).with_name("openapi-python-client")
    options = ("--meta", "none", "--config", config, "--fail-on-warning", "--output-path", generated)
    subprocess.run([generator, "generate", "--path", file, *options], capture_output=True, check=True)
    with demo_running(tmp_path / "data", "--mode", mode, "--store", "database") as demo:
        credential = {"session": "grant.access", "jwt": "grant.refresh"}[mode]
        script = CLIENT.format(url=demo.url, password=PASSWORDS["ada"], mode=mode, credential=credential)
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        page = httpx.get(f"{demo.url}/api/docs/", trust_env=False)
        assert page.status_code == 200
        assert "://" not in page.text  # everything that it loads is this site's
