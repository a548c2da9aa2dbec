"""The example behind an ASGI server: its WebSocket is open as long as the login lasts."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from support.asgi_servers import wait_for
from support.demo import PASSWORDS, PROJECT, environment, run
from support.servers import free_port


@contextmanager
def uvicorn_running(data: Path, mode: str) -> Iterator[str]:
    """Serve the example as its page says, and give its address."""
    people = "from demo.people import make_people; make_people()"
    for arguments in (("migrate",), ("shell", "-c", people)):
        done = run(data, *arguments)
        assert done.returncode == 0, done
    port = free_port()
    served = [sys.executable, "-m", "uvicorn", "--app-dir", str(PROJECT), "--port", str(port)]
    served += ["--log-level", "error", "site_config.asgi:application"]
    with subprocess.Popen(served, env=environment(data, EXAMPLE_MODE=mode)) as process:
        try:
            wait_for(port)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
    assert process.returncode in {0, -15}


@pytest.mark.parametrize("mode", ["session", "jwt"])
def test_a_logout_closes_the_socket(tmp_path: Path, mode: str) -> None:
    """The page has a line for it; the code says why it is closed."""
    with uvicorn_running(tmp_path, mode) as host, httpx.Client(base_url=f"http://{host}") as browser:
        assert 'data-slot="socket"' in browser.get("/").text
        assert browser.get("/static/showcase/live.js").status_code == 200
        headers = {"X-CSRFToken": browser.cookies["csrftoken"]}
        body = {"username": "ada", "password": PASSWORDS["ada"]}
        assert browser.post("/auth/login/", json=body, headers=headers).status_code == 200
        headers = {"X-CSRFToken": browser.cookies["csrftoken"]}
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        origin = Origin(f"http://{host}")
        with connect(f"ws://{host}/ws/", additional_headers={"Cookie": cookies}, origin=origin) as socket:
            assert json.loads(socket.recv(timeout=10))["name"] == "ada"
            assert browser.post("/auth/logout/", headers=headers).status_code == 204
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=10)
            assert (socket.close_code, socket.close_reason) == (4401, "session_ended")
