"""The example project, run as by a newcomer: its commands in processes of their own."""

import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from support.demo import KINDS, PASSWORDS, PROJECT, Demo, demo_running, options_of, run
from support.waiting import until


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> list[str]:
    """Return the options of each kind of demo in turn."""
    return options_of(request.param)


@pytest.fixture(scope="module")
def demo(kind: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Return a running demo of each kind."""
    with demo_running(tmp_path_factory.mktemp("demo"), *kind) as running:
        yield running


def is_open(port: int) -> bool:
    """Tell whether anything listens on *port*."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def posted_form(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Load the form at *path* and send it as a browser does."""
    client.get(path)
    data = {**fields, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    return client.post(path, data=data, headers={"Origin": str(client.base_url).rstrip("/")})


@contextmanager
def logged_in(demo: Demo, name: str) -> Iterator[httpx.Client]:
    """Give a client that sends the credential of *name* in its header."""
    with httpx.Client(base_url=demo.url, trust_env=False) as client:
        body = {"username": name, "password": PASSWORDS[name]}
        answer = client.post("/auth/login/", json=body, headers={"X-Authkit-Transport": "header"})
        client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        yield client


@pytest.mark.parametrize("store", ["redis", pytest.param("database", marks=pytest.mark.slow)])
def test_the_tour_succeeds(store: str, tmp_path: Path) -> None:
    """The tour shows both modes, succeeds, fits a terminal and prints no complete secret."""
    done = run(tmp_path, "demo", "--tour", "--store", store)
    assert done.returncode == 0, done.stderr + done.stdout
    for title in ("JWT mode, without cookies", "JWT mode, in a browser", "Session mode, without cookies"):
        assert f"\n{title}\n" in done.stdout
    assert "code: refresh_reused" in done.stdout
    assert re.search(r"The tour is complete: \d+ steps, \d+ responses, all as expected\.\n$", done.stdout)
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "eyJ" not in done.stdout
    assert PASSWORDS["ada"] not in done.stdout


def test_the_tour_names_the_step_that_fails(tmp_path: Path) -> None:
    """If the site lets anonymous users in, the tour fails at its first step, and says so."""
    broken = tmp_path / "example_project"
    shutil.copytree(PROJECT, broken, ignore=shutil.ignore_patterns(".demo", "__pycache__"))
    settings = broken / "site_config" / "settings.py"
    settings.write_text(settings.read_text().replace("IsAuthenticated", "AllowAny"))
    done = run(tmp_path / "data", "demo", "--tour", "--store", "database", project=broken)
    assert done.returncode == 1
    assert 'Step 1, "Nobody is logged in' in done.stderr
    assert "GET /api/notes/ returned 200 instead of 401 not_authenticated" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_stops_its_processes(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C and ``kill`` stop the site and its Valkey, with exit code 0."""
    with demo_running(tmp_path) as demo:
        assert httpx.get(demo.url, trust_env=False).status_code == 200
        assert all(map(is_open, demo.ports))
        demo.process.send_signal(number)
        assert demo.process.wait(timeout=30) == 0
    assert not any(map(is_open, demo.ports))


def test_a_killed_demo_leaves_no_valkey(tmp_path: Path) -> None:
    """After ``kill -9`` of the demo its Valkey, which nobody else can use, stops too."""
    with demo_running(tmp_path) as demo:
        site, valkey = demo.ports
        assert is_open(site)
        with Redis(port=valkey) as other, pytest.raises(NoPermissionError):  # as another user of the machine
            other.keys()
        demo.process.kill()
        until(lambda: not is_open(valkey) and not is_open(site))


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    """A port in use is reported, and nothing is started."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        done = run(tmp_path, "demo", "--port", str(port))
    assert done.returncode == 1
    assert re.fullmatch(rf"CommandError: Port {port} cannot be used .*--port.*\n", done.stderr)


@pytest.mark.parametrize("mode", ["session", "jwt"])
@pytest.mark.parametrize("store", ["redis", "database"])
def test_checks_are_clean(mode: str, store: str, tmp_path: Path) -> None:
    """No system check has a message about the example's settings."""
    done = run(tmp_path, "check", "--fail-level", "DEBUG", EXAMPLE_MODE=mode, EXAMPLE_STORE=store)
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), done


def test_every_installation_has_its_own_secret(tmp_path: Path) -> None:
    """The secret key is generated on first use, readable by its owner only, and kept."""
    keys = []
    for directory in ("one", "other", "one"):
        assert run(tmp_path / directory, "check").returncode == 0
        file = tmp_path / directory / "secret_key"
        assert file.stat().st_mode & 0o077 == 0
        keys.append(file.read_text())
    assert len(keys[0]) >= 50
    assert keys[0] == keys[2] != keys[1]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_lines_without_cookies_work(demo: Demo) -> None:
    """The lines for clients without cookies log in, call, refresh and log out."""
    lines = demo.block("for clients without cookies:")
    shown = subprocess.run(["sh", "-euc", lines], capture_output=True, text=True, timeout=60, check=True)
    login, notes, refreshed, logout, after = shown.stdout.splitlines()
    assert '"access":"' in login
    assert "Welcome, ada" in notes
    assert '"access":"' in refreshed
    assert logout == "204"
    assert '"code":"session_ended"' in after


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_lines_of_a_browser_work(demo: Demo) -> None:
    """The lines with cookies log in, write only with the CSRF header, refresh and log out."""
    lines = demo.block("as a browser does:")
    shown = subprocess.run(["sh", "-euc", lines], capture_output=True, text=True, timeout=60, check=True)
    stranger, login, written, refused, refreshed, logout, after = shown.stdout.splitlines()
    assert '"code":"not_authenticated"' in stranger
    assert '"username":"ada"' in login
    assert '"access"' not in login + refreshed
    assert '"title":"From curl"' in written
    assert '"code":"csrf_failed"' in refused
    assert '"username":"ada"' in refreshed
    assert logout == "204"
    # Some versions of curl (7.88) bring back cookies that were cleared.
    assert '"code":"not_authenticated"' in after or '"code":"session_ended"' in after


def test_nobody_sees_the_notes_of_others(demo: Demo) -> None:
    """A note of Ada's is not visible to Grace, in the list or by its URL."""
    with logged_in(demo, "ada") as ada, logged_in(demo, "grace") as grace:
        note = ada.post("/api/notes/", json={"title": "Mine", "owner": 2}).json()
        assert note["id"] in [seen["id"] for seen in ada.get("/api/notes/").json()]
        assert note["id"] not in [seen["id"] for seen in grace.get("/api/notes/").json()]
        assert grace.delete(f"/api/notes/{note['id']}/").status_code == 404
        assert ada.delete(f"/api/notes/{note['id']}/").status_code == 204


def test_pages_log_in_and_out(demo: Demo) -> None:
    """Django's login page logs a browser in to the browsable API, in either mode, and out again."""
    with httpx.Client(base_url=demo.url, trust_env=False, follow_redirects=True) as browser:
        refused = posted_form(browser, "/accounts/login/", username="ada", password="wrong")
        assert "Please enter a correct username" in refused.text
        front = posted_form(browser, "/accounts/login/", username="ada", password=PASSWORDS["ada"])
        assert front.url.path == "/"
        script = re.search(r'<script type="module" src="([^"]+)"', front.text)
        assert script
        assert browser.get(script[1]).status_code == 200
        browsable = browser.get("/api/notes/", headers={"Accept": "text/html"})
        assert browsable.status_code == 200
        assert "Welcome, ada" in browsable.text
        written = posted_form(browser, "/api/notes/", title="From the browsable API")
        assert written.status_code == 201
        data = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert browser.post("/accounts/logout/", data=data).url.path == "/"
        assert browser.get("/api/notes/").status_code == 401


def test_the_mirror_shows_no_secret(demo: Demo) -> None:
    """The view of the front page shows everything about a login except its secrets, and nothing to others."""
    assert httpx.get(f"{demo.url}/showcase/mirror/", trust_env=False).status_code == 401
    with logged_in(demo, "ada") as ada:
        answer = ada.get("/showcase/mirror/")
        secret = ada.headers["Authorization"].removeprefix("Bearer ")
        seen = answer.json()
        assert seen["bearer"]["end"] == secret[-6:]
        assert secret[-12:] not in answer.text
        inside = seen["bearer"]["inside"]
        assert seen["record"]["sid"] == (inside["claims"]["sid"] if inside else secret[:16])
        assert "hash" not in answer.text
        up = len(f"Authorization: Bearer {secret}\r\n")
        assert answer.headers["X-Showcase-Bytes"] == f"up={up} down=0"


def test_admin_shows_the_notes_of_all(demo: Demo) -> None:
    """An administrator logs in through Django's own login, in either mode."""
    with httpx.Client(base_url=demo.url, trust_env=False, follow_redirects=True) as browser:
        entered = posted_form(browser, "/admin/login/", username="admin", password=PASSWORDS["admin"])
        assert entered.status_code == 200
        listed = browser.get("/admin/notes/note/").text
        assert "Welcome, ada" in listed
        assert "Welcome, grace" in listed
        assert browser.get("/static/admin/css/base.css").status_code == 200


def test_a_front_end_on_another_origin_is_allowed(tmp_path: Path) -> None:
    """With ``EXAMPLE_FRONT_END`` that origin may send requests with cookies, and no other one."""
    front_end = "http://127.0.0.1:5173"
    with (
        demo_running(tmp_path, *options_of("jwt-database"), EXAMPLE_FRONT_END=front_end) as demo,
        httpx.Client(base_url=demo.url, trust_env=False) as browser,
    ):
        body = {"username": "ada", "password": PASSWORDS["ada"]}
        for origin, allowed in ((front_end, True), ("http://127.0.0.1:5174", False)):
            browser.headers["Origin"] = origin
            asked = {
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type",
            }
            answer = browser.options("/auth/login/", headers=asked)
            assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is allowed
            assert browser.post("/auth/login/", json=body).status_code == (200 if allowed else 403)
            assert browser.post("/api/notes/", json={"title": "x"}).status_code == (201 if allowed else 403)
            assert browser.post("/auth/refresh/").status_code == (200 if allowed else 403)
