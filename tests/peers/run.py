"""
Runs the test suites of Django and of its packages with this package's session engine and middleware.

    python tests/peers/run.py --django DIR --drf DIR --axes DIR --otp DIR --allauth DIR

Each ``DIR`` is an unpacked source distribution; nothing is fetched. Every suite runs on Django's own engine
first. What fails only with ours must stand in ``deviations.toml`` beside this file. The command ends with a
table of the results, and fails if something else fails, or if what is listed there passes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from peers.adapt import VARIANTS  # noqa: E402
from support.servers import start_valkey  # noqa: E402

BASELINE = "django"
_PYTEST = (
    "-m",
    "pytest",
    "-q",
    "-p",
    "peers.recording",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
    "-o",
    "addopts=",
)


@dataclass(frozen=True)
class Peer:
    """
    A package whose tests are run.

    Attributes:
        command: What follows the interpreter, run in the folder of the package.
        path: Folders of the package that its tests import from.
        settings: The settings module of its tests; empty where they configure themselves.
        labels: The tests to run by default.
        quick: Those that concern sessions most.
    """

    command: tuple[str, ...]
    labels: tuple[str, ...]
    quick: tuple[str, ...]
    path: tuple[str, ...] = (".",)
    settings: str = ""


PEERS = {
    "django": Peer(
        ("tests/runtests.py", "--settings=peers.django_settings", "--parallel=1", "--noinput", "-v1"),
        (
            "sessions_tests",
            "auth_tests",
            "test_client",
            "test_client_regress",
            "messages_tests",
            "csrf_tests",
            "admin_views",
            "middleware",
        ),
        ("sessions_tests", "test_client", "auth_tests.test_middleware", "auth_tests.test_login"),
        path=(".", "tests"),
    ),
    "drf": Peer(
        (*_PYTEST, "--no-migrations"),
        ("tests/authentication", "tests/test_testing.py"),
        ("tests/authentication",),
    ),
    "axes": Peer(
        _PYTEST,
        tuple(f"tests/test_{each}.py" for each in ("handlers", "logging", "middleware", "signals", "login")),
        ("tests/test_handlers.py", "tests/test_logging.py"),
        settings="tests.settings",
    ),
    "otp": Peer(
        ("-m", "django", "test", "--noinput", "-v1"),
        ("django_otp", "test_project"),
        ("django_otp",),
        path=("src", "test"),
        settings="test_project.settings",
    ),
    "allauth": Peer(
        (*_PYTEST, "-o", "python_files=tests.py test_*.py *_tests.py"),
        tuple(f"tests/apps/{each}" for each in ("account", "headless", "mfa", "usersessions")),
        ("tests/apps/usersessions",),
        settings="tests.projects.regular.settings",
    ),
}


@dataclass
class Deviation:
    """An entry of the list: why tests fail with ours, and in which runs (patterns; everywhere by default)."""

    reason: str
    kind: str
    tests: list[str]
    runs: list[str] = field(default_factory=lambda: ["*"])

    @property
    def is_certain(self) -> bool:
        """Whether the tests fail in each run, and not on a slow machine only."""
        return self.kind != "timing"

    def concerns(self, run: str, test: str) -> bool:
        """Tell whether the entry is about that test in that run."""
        return any(fnmatch(run, each) for each in self.runs) and any(
            fnmatch(test, each) for each in self.tests
        )


@dataclass
class Verdict:
    """What a run showed, beside the same run on Django's own engine."""

    suite: str
    django: str
    variant: str
    passed: int
    deviations: list[str]
    unexpected: list[str]
    healed: list[str]
    seconds: float


def read_deviations() -> list[Deviation]:
    """Return the list of deviations."""
    listed = tomllib.loads((HERE / "deviations.toml").read_text("utf-8"))
    return [Deviation(**each) for each in listed.get("deviation", ())]


def compare(
    suite: str,
    django: str,
    variant: str,
    baseline: Mapping[str, str],
    outcomes: Mapping[str, str],
    seconds: float,
) -> Verdict:
    """Hold the outcomes of a run against those of Django's own engine and against the list."""
    tests = {*outcomes, *baseline}
    run = f"{suite}/{variant}"
    entries = read_deviations()
    listed = {test for each in entries for test in tests if each.concerns(run, test)}
    certain = {test for each in entries if each.is_certain for test in tests if each.concerns(run, test)}
    failed = {
        test
        for test in tests
        if baseline.get(test, "passed") == "passed" and outcomes.get(test) not in {"passed", "skipped"}
    }
    return Verdict(
        suite,
        django,
        variant,
        passed=sum(outcome == "passed" for outcome in outcomes.values()),
        deviations=sorted(failed & listed),
        unexpected=sorted(failed - listed),
        healed=sorted(test for test in certain if outcomes.get(test) == "passed"),
        seconds=seconds,
    )


def run_suite(
    peer: Peer, folder: Path, labels: list[str], environment: Mapping[str, str], log: Path
) -> dict[str, str]:
    """Run one suite in one variant, and return the outcome of each test."""
    outcomes = log.with_suffix(".json")
    outcomes.unlink(missing_ok=True)
    command = [sys.executable, *peer.command, *labels]
    settings = {"DJANGO_SETTINGS_MODULE": "peers.project_settings"} if peer.settings else {}
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    with log.open("w") as output:
        subprocess.run(
            command,
            cwd=folder,
            env={**inherited, **environment, **settings, "PEERS_OUTCOMES": str(outcomes)},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    found: dict[str, str] = json.loads(outcomes.read_text("utf-8")) if outcomes.exists() else {}
    if not found:
        sys.exit(f"{' '.join(command)} ended without a test:\n{log.read_text('utf-8')[-3000:]}")
    return found


def verdicts(options: argparse.Namespace) -> Iterator[Verdict]:
    """Run every suite that was given, in every variant that was asked for."""
    path = [str(HERE.parent), str(HERE.parents[1])]
    django = version("django")
    if options.django:
        path.insert(0, str(options.django))
        django = options.django.name.partition("-")[2]
    options.logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        valkey = start_valkey(stack)
        for name, peer in PEERS.items():
            folder = getattr(options, name)
            if folder is None:
                continue
            labels = options.labels or list(peer.quick if options.quick else peer.labels)
            found: dict[str, dict[str, str]] = {}
            for variant in (BASELINE, *options.variant):
                began = time.monotonic()
                environment = {
                    "PYTHONPATH": os.pathsep.join([*(str(folder / each) for each in peer.path), *path]),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "PEERS_VARIANT": variant,
                    "PEERS_REDIS": f"redis://127.0.0.1:{valkey.port}/0",
                    "PEERS_SETTINGS": peer.settings,
                }
                log = options.logs / f"{folder.name}-{variant}.log"
                found[variant] = run_suite(peer, folder, labels, environment, log)
                if variant != BASELINE:
                    seconds = time.monotonic() - began
                    yield compare(folder.name, django, variant, found[BASELINE], found[variant], seconds)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in PEERS:
        parser.add_argument(f"--{name}", type=lambda text: Path(text).resolve(), metavar="DIR")
    parser.add_argument(
        "--variant", action="append", choices=list(VARIANTS), help="only this one; repeatable"
    )
    parser.add_argument("--quick", action="store_true", help="only what concerns sessions most")
    parser.add_argument("--logs", type=Path, default=Path(tempfile.gettempdir(), "authkit-peers"))
    parser.add_argument("labels", nargs="*", help="tests to run instead of the default ones")
    options = parser.parse_args(arguments)
    options.variant = options.variant or list(VARIANTS)
    return options


def table(found: Iterable[Verdict]) -> str:
    """Return the results as a table in Markdown, as docs/explanation/peers.md has it."""
    rows: list[tuple[str, ...]] = [("Suite", "Django", "Mode", "Store", "Passed", "Deviations", "Unexpected")]
    for each in found:
        mode, store = each.variant.split("-")
        counts = (each.passed, len(each.deviations), len(each.unexpected))
        rows.append((each.suite, each.django, mode, store, *map(str, counts)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in rows
    )


def main(arguments: list[str]) -> int:
    """Run, print the table, and tell whether everything is as listed."""
    options = parse(arguments)
    found = []
    for each in verdicts(options):
        found.append(each)
        print(f"{each.suite} on Django {each.django}, {each.variant}: {each.seconds:.0f} seconds", flush=True)
        for test in each.unexpected:
            print(f"    unexpected: {test}", flush=True)
        for test in each.healed:
            print(f"    listed, but passes: {test}", flush=True)
    print(f"The output of each run is in {options.logs}.\n\n{table(found)}")
    return int(any(each.unexpected or each.healed for each in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
