"""A few lines of the fault matrix; ``matrix.py`` runs all."""

import pytest

from django_authkit.types import Mode
from faults import matrix
from faults.faults_of_stores import FAULTS
from faults.traffic import Findings

CHOSEN = {
    matrix.Kind("valkey", Mode.SESSION, "store"): {"stopped and started again", "its memory is full"},
    matrix.Kind("valkey", Mode.JWT, "replica"): {"killed and started again, empty", "its memory is full"},
    matrix.Kind("sentinel-valkey", Mode.JWT, "replica"): {
        "failover after the primary was cut off",
    },
    matrix.Kind("postgresql", Mode.JWT, "store"): {"stopped and started again", "read-only"},
    matrix.Kind("sqlite", Mode.SESSION, "store"): {"the file is locked by somebody else"},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CHOSEN, ids=str)
def test_a_fault_under_traffic(kind: matrix.Kind) -> None:
    """Under traffic no fault is a 500, ends a live auth session, or brings back one that was ended."""
    faults = tuple(fault for fault in FAULTS[kind.store] if fault.name in CHOSEN[kind])
    assert len(faults) == len(CHOSEN[kind])
    possible = tuple(fault for fault in faults if fault.is_possible())
    for line in matrix.run(kind, possible, seconds=1.5, clients=6):
        found = line.findings
        assert found.clean, (line.fault.name, found.unexpected, found.refused, found.lost, found.revived)
        assert found.statuses[204] >= 12  # two logouts of each


def test_every_line_is_judged() -> None:
    """A line with anything that must not happen is not clean."""
    for name in ("unexpected", "refused", "lost", "revived"):
        findings = Findings()
        assert findings.clean
        findings.add(getattr(findings, name), "something")
        assert not findings.clean
