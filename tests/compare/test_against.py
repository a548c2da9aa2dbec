"""What is said of two runs: what changed by more than the noise, and which budgets that breaks."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from compare.made_up import JWT, PATH, SESSIONS, behavior, result
from django_authkit.compare.analysis.against import Budget, Change, changed_facts, changes
from django_authkit.compare.errors import CannotCompare
from django_authkit.compare.measurements import Samples, restored
from django_authkit.compare.report.model import earlier
from django_authkit.compare.variants import BASELINE, Variant

BARE = Variant(kind=BASELINE)


def run(bare: float = 1.0, sessions: float = 2.0, jwt: float = 2.5, **changed: Any) -> list[Samples]:
    """Return a run; *changed* are attributes of the JWT variant."""
    nothing: dict[str, Any] = {"credential_bytes": 0, "memory": [], "behavior": {}}
    return [result(BARE, bare, **nothing), result(SESSIONS, sessions), result(JWT, jwt, **changed)]


def latencies(found: list[Change]) -> list[str]:
    """Return the variants whose latency changed."""
    return [each.variant for each in found if each.figure == "latency"]


def test_nothing_changed() -> None:
    """Two runs of the same differ in nothing, through JSON too."""
    old = [restored(json.loads(json.dumps(asdict(each)))) for each in run()]
    assert changes(old, run()) == []
    assert changed_facts(old, run()) == []


def test_a_slower_machine_is_no_change() -> None:
    """What makes every variant slower, the view without a login too, cancels out."""
    assert latencies(changes(run(), run(bare=1.5, sessions=3.0, jwt=3.75))) == []


def test_a_slower_variant_is_a_change_with_its_interval() -> None:
    """What is slower alone is named, by which share, and with an interval."""
    found = changes(run(), run(jwt=3.0))
    assert latencies(found) == [JWT.name]
    (change,) = [each for each in found if each.figure == "latency"]
    assert change.share.low < 0.2 < change.share.high
    assert change.text.startswith("JWT, checked in Redis at /notes/: median latency +")


def test_counts_are_exact() -> None:
    """One more statement, or a longer token, is a change however noisy the run was."""
    now = run(credential_bytes=500)
    now[2].paths[PATH].queries = [2]
    before = run()
    before[2].paths[PATH].queries = [1]
    told = [each.text for each in changes(before, now)]
    assert told == [
        "JWT, checked in Redis at /notes/: SQL statements +100%.",
        "JWT, checked in Redis: bytes of the credential +11%.",
    ]


def test_a_changed_behavior_is_named() -> None:
    """A revocation that takes effect later than before is a change."""
    (told,) = [
        each
        for each in changed_facts(run(), run(behavior=behavior(jwt=True, checked=False)))
        if "After a logout" in each
    ]
    assert told.endswith("yes before, no now.")


@pytest.mark.parametrize(
    ("budget", "broken"),
    [("latency+10%", True), ("latency+30%", False), ("latency-10%", False), ("cpu + 5%", False)],
)
def test_a_budget_is_broken_by_what_goes_beyond_it(budget: str, broken: bool) -> None:
    """A latency that rose by a fifth breaks a budget of a tenth, and no other."""
    found = changes(run(), run(jwt=3.0))
    assert any(Budget.parsed(budget).is_broken_by(each) for each in found) is broken


@pytest.mark.parametrize("budget", ["latency", "speed+10%", "latency+ten%"])
def test_a_budget_that_says_nothing_is_refused(budget: str) -> None:
    """The message has an example and the names."""
    with pytest.raises(CannotCompare, match=r"is no budget: one is like latency\+10%, of latency, cpu"):
        Budget.parsed(budget)


def test_only_a_report_of_this_format_is_read(tmp_path: Path) -> None:
    """Another file, or a report of another version, is refused in a sentence."""
    file = tmp_path / "old.json"
    for text, sentence in (
        ("", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"format": 1}', "format 1, and this version reads 2"),
    ):
        file.write_text(text)
        with pytest.raises(CannotCompare, match=sentence):
            earlier(file)
