"""The comparison that the front page starts: one at a time, in the background, and never left behind."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import pytest

from support.demo import Demo, demo_running, options_of
from support.waiting import until

URL = "/showcase/comparison/"
SMALLEST = "--modes session jwt --checks store --beside --duration 0.1 --rounds 3 --sessions 1000 --workers 1"
LONG = "--modes session --checks store --beside --duration 60 --workers 1"

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


@contextmanager
def client_of(demo: Demo) -> Iterator[httpx.Client]:
    """Give a browser that has loaded the front page."""
    with httpx.Client(base_url=demo.url, trust_env=False, timeout=30) as client:
        client.get("/")
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        yield client


def state_when(client: httpx.Client, name: str, *wanted: str) -> dict[str, Any]:
    """Return the state as soon as its member *name* is one of *wanted*."""
    deadline = time.monotonic() + 90
    while (state := client.get(URL).json()).get(name) not in wanted:
        assert time.monotonic() < deadline, state
        time.sleep(0.1)
    found: dict[str, Any] = state
    return found


@pytest.mark.parametrize("kind", ["jwt-redis", "session-database"])
def test_a_comparison_runs_in_the_background(kind: str, tmp_path: Path) -> None:
    """It measures the site's own API on the site's store, one at a time, and its report is shown."""
    _, store = kind.split("-")
    options = f"{SMALLEST} --stores {store}"
    with demo_running(tmp_path, *options_of(kind), EXAMPLE_COMPARISON=options) as demo, client_of(demo) as at:
        assert at.get(URL).json()["is"] == "none"
        assert at.get(f"{URL}report/").status_code == 404
        assert at.post(URL).status_code == 202
        running = state_when(at, "is", "running")
        assert at.post(URL).status_code == 409
        done = state_when(at, "is", "done", "failed")
        assert (done["is"], done["began"], done["has_report"]) == ("done", running["began"], True), done
        report = at.get(f"{URL}report/")
        assert ("Sessions in Redis" if store == "redis" else "Sessions in the database") in report.text
        assert "/api/notes/" in report.text
        if store == "redis":  # the demo's own Valkey was used
            assert "was started for this run" not in report.text
        policy = report.headers["Content-Security-Policy"]
        assert "frame-ancestors 'self'" in policy
        assert report.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_a_failure_is_said_plainly(tmp_path: Path) -> None:
    """What the command refuses to do is told in its own words, and another comparison can be started."""
    with (
        demo_running(tmp_path, *options_of("jwt-database"), EXAMPLE_COMPARISON="--path nowhere") as demo,
        client_of(demo) as at,
    ):
        for _ in range(2):
            assert at.post(URL).status_code == 202
            state_when(at, "is", "running")  # the interpreter alone takes longer to start
            failed = state_when(at, "is", "failed")
            assert failed["why"].startswith("'nowhere' is no path: it begins with a slash")
            assert not failed["has_report"]


def test_another_site_starts_no_comparison(tmp_path: Path) -> None:
    """Starting one requires the CSRF token."""
    with demo_running(tmp_path, *options_of("jwt-database")) as demo, client_of(demo) as at:
        del at.headers["X-CSRFToken"]
        assert at.post(URL).status_code == 403
        assert at.get(URL).json()["is"] == "none"


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_it_ends_with_the_demo(number: signal.Signals, tmp_path: Path) -> None:
    """When the demo is stopped or killed, no process of the comparison and no scratch data is left."""
    mark = token_hex(8)
    with demo_running(tmp_path, EXAMPLE_COMPARISON=LONG, EXAMPLE_MARK=mark) as demo, client_of(demo) as at:
        at.post(URL)
        state_when(at, "phase", "measuring in rounds")
        assert list(tmp_path.glob(".authkit-compare-*"))
        demo.process.send_signal(number)
        demo.process.wait(timeout=60)
        until(lambda: not processes_with(mark), 60)
    assert list(tmp_path.glob(".authkit-compare-*")) == []


@needs_proc
def test_a_killed_comparison_is_reported(tmp_path: Path) -> None:
    """If its process is killed, the page says so, and the next one removes what it left."""
    with demo_running(tmp_path, EXAMPLE_COMPARISON=LONG) as demo, client_of(demo) as at:
        at.post(URL)
        state_when(at, "phase", "measuring in rounds")
        (process,) = processes_with("demo_comparison", "cmdline", str(tmp_path))
        os.kill(process, signal.SIGKILL)
        failed = state_when(at, "is", "failed")
        assert failed["why"].startswith("It ended unexpectedly.")
        (left,) = tmp_path.glob(".authkit-compare-*")
        at.post(URL)
        until(lambda: not left.exists(), 60)


def processes_with(text: str, where: str = "environ", data: str = "") -> list[int]:
    """Return the processes with *text* in their environment or command line, and *data* in the first."""
    found = []
    for directory in os.scandir("/proc"):
        try:
            told = Path(directory.path, where).read_bytes()
            environment = Path(directory.path, "environ").read_bytes()
        except OSError:  # no process, has ended, or is another user's
            continue
        if text.encode() in told and data.encode() in environment:
            found.append(int(directory.name))
    return found
