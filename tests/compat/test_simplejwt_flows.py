"""simplejwt's flows on simplejwt's endpoints and on ours, in one run: the responses are equal."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.servers import Addresses

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def ran() -> dict[tuple[str, bool], dict[str, Any]]:
    """Return the comparisons so far, by store and whether refresh tokens rotate."""
    return {}


@pytest.fixture(params=["database", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    """Return each store in turn."""
    name: str = request.param
    return name


@pytest.fixture(params=[True, False], ids=["rotates", "stays"])
def rotates(request: pytest.FixtureRequest) -> bool:
    """Tell whether the project's refresh tokens rotate."""
    return bool(request.param)


@pytest.fixture
def compared(
    ran: dict[tuple[str, bool], dict[str, Any]],
    addresses: Addresses,
    redis_database: int,
    store: str,
    rotates: bool,
) -> dict[str, Any]:
    """Return the responses of every flow, theirs and ours."""
    if (store, rotates) not in ran:
        program = [sys.executable, str(TESTS / "simplejwt_site" / "run_flows.py")]
        done = subprocess.run(
            [*program, store, str(int(rotates)), f"{addresses.valkey}/{redis_database}"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        ran[store, rotates] = json.loads(done.stdout)
    return ran[store, rotates]


def statuses(answers: list[dict[str, Any]]) -> list[int]:
    """Return the statuses of the responses."""
    return [answer["status"] for answer in answers]


def test_every_answer_is_theirs(compared: dict[str, Any], rotates: bool) -> None:
    """Status, body and headers are the same byte for byte, in every flow, except for tokens."""
    flows = {name: sides for name, sides in compared.items() if not name.startswith("a_")}
    assert len(flows) == (25 if rotates else 23)
    assert sum(len(sides["ours"]) for sides in flows.values()) > 150
    for name, sides in flows.items():
        for number, (theirs, ours) in enumerate(zip(sides["theirs"], sides["ours"], strict=True)):
            assert ours == theirs, f"{name}, answer {number}"


def test_what_simplejwt_leaves_open_is_closed(compared: dict[str, Any], rotates: bool) -> None:
    """A logout revokes the access token, too, and a password change the refresh token."""
    after = {name: statuses(sides["theirs"][1:]) for name, sides in compared.items() if name[:2] == "a_"}
    ours = {name: statuses(sides["ours"][1:]) for name, sides in compared.items() if name[:2] == "a_"}
    assert after["a_log_out_ends_access_tokens"] == [200, 200, 200]
    assert ours["a_log_out_ends_access_tokens"] == [200, 401, 401]
    assert after["a_password_change_ends_the_refresh_token"] == [200]
    assert ours["a_password_change_ends_the_refresh_token"] == [401]
    if rotates:
        assert after["a_superseded_token_ends_all"] == [200, 401, 200]
        assert ours["a_superseded_token_ends_all"] == [200, 401, 401]
        assert after["a_lost_answer_is_made_up_for"] == [200, 401]
        assert ours["a_lost_answer_is_made_up_for"] == [200, 200]
        assert after["a_log_out_by_a_superseded_token"] == [200, 401, 200]
        assert ours["a_log_out_by_a_superseded_token"] == [200, 200, 401]
    else:  # the client has one refresh token, and may use it as often as it likes
        for sides in (after, ours):
            assert sides["a_superseded_token_ends_all"] == [200, 200, 200]
            assert sides["a_lost_answer_is_made_up_for"] == [200, 200]
            assert sides["a_log_out_by_a_superseded_token"] == [200, 200, 401]


def test_what_differs_has_their_form(compared: dict[str, Any]) -> None:
    """Where we refuse and simplejwt does not, the error has a form that its clients know."""
    looked, verified = compared["a_log_out_ends_access_tokens"]["ours"][2:]
    message = {"token_class": "AccessToken", "token_type": "access", "message": "Token is blacklisted"}
    assert looked["body"] == {
        "detail": "Given token not valid for any token type",
        "code": "token_not_valid",
        "messages": [message],
    }
    assert verified["body"] == {"detail": "Token is blacklisted", "code": "token_not_valid"}
