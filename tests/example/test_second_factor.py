"""The second factor of the example: a code of an authenticator app."""

from pathlib import Path

import httpx
import pytest

from support.demo import PASSWORDS, demo_running, run

pyotp = pytest.importorskip("pyotp", reason="pyotp comes with the extra test")
pytestmark = pytest.mark.slow

HEADER = {"X-Authkit-Transport": "header"}


def test_the_example_asks_for_a_code_and_accepts_it_once(tmp_path: Path) -> None:
    """From a user with an authenticator; others log in as before."""
    with (
        demo_running(tmp_path, "--store", "database", EXAMPLE_SECOND_FACTOR="1") as demo,
        httpx.Client(headers=HEADER) as client,
    ):
        printed = run(tmp_path, "authenticator", "ada", EXAMPLE_SECOND_FACTOR="1")
        assert printed.returncode == 0, printed.stderr
        code = pyotp.parse_uri(printed.stdout.strip()).now()

        def post(path: str, **body: str) -> httpx.Response:
            return client.post(f"{demo.url}/auth/login/{path}", json=body)

        asked = post("", username="ada", password=PASSWORDS["ada"])
        assert (asked.status_code, asked.json()["step"]) == (401, "totp")
        assert post("step/", handle=asked.json()["handle"], code=code).status_code == 200
        asked = post("", username="ada", password=PASSWORDS["ada"])
        again = post("step/", handle=asked.json()["handle"], code=code)
        assert again.json()["code"] == "step_failed"
        assert post("", username="grace", password=PASSWORDS["grace"]).status_code == 200
