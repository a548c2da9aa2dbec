"""Writes down what became of each test: as Django's test runner, and as a plugin of pytest."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import TestCase, TestLoader, TestSuite

from django.conf import LazySettings
from django.test.runner import DiscoverRunner

from peers.adapt import adapt, replace_classes


def _write(outcomes: Mapping[str, str]) -> None:
    Path(os.environ["PEERS_OUTCOMES"]).write_text(json.dumps(outcomes), "utf-8")


# -- Django's test runner ------------------------------------------------------------------------------


def _tests_of(suite: Any) -> Iterator[TestCase]:
    if isinstance(suite, TestCase):
        yield suite
    else:
        for each in suite:
            yield from _tests_of(each)


def _id_of(test: Any) -> str:
    """Return the id of a test, or that of the test which a subtest is part of."""
    return str(getattr(test, "test_case", test).id())


class Runner(DiscoverRunner):
    """Django's runner, which writes the outcomes of its tests to a file."""

    def build_suite(self, test_labels: Any = None, **kwargs: Any) -> Any:
        """Collect the tests; with Django's tests of sessions, those of an engine are held against ours."""
        replace_classes()
        suite = super().build_suite(test_labels, **kwargs)
        if "sessions_tests" in (test_labels or ()):
            suite.addTests(TestLoader().loadTestsFromName("peers.engine_tests"))
        self.outcomes = {test.id(): "passed" for test in _tests_of(suite)}
        return suite

    def suite_result(self, suite: TestSuite, result: Any, **kwargs: Any) -> int:
        """Write the outcomes."""
        for outcome, tests in (
            ("skipped", [test for test, _ in result.skipped]),
            ("failed", [test for test, _ in (*result.failures, *result.errors)]),
            ("failed", result.unexpectedSuccesses),
        ):
            self.outcomes.update((_id_of(test), outcome) for test in tests)
        _write(self.outcomes)
        failed: int = super().suite_result(suite, result, **kwargs)
        return failed


# -- a plugin of pytest ----------------------------------------------------------------------------------

_outcomes: dict[str, str] = {}
_configure = LazySettings.configure


def _configure_adapted(self: LazySettings, default_settings: Any = None, **options: Any) -> None:
    adapt(options)
    if default_settings is None:
        _configure(self, **options)
    else:
        _configure(self, default_settings, **options)


LazySettings.configure = _configure_adapted  # type: ignore[method-assign]


def pytest_sessionstart() -> None:
    """Replace Django's middleware classes before a test module can import them."""
    replace_classes()


def pytest_runtest_logreport(report: Any) -> None:
    """Note the outcome of a phase of a test; a failure of any phase counts."""
    known = _outcomes.get(report.nodeid)
    if known != "failed" and (report.when == "call" or report.outcome != "passed"):
        _outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    """Write the outcomes."""
    _write(_outcomes)
