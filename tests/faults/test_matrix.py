"""A few lines of the fault matrix, all of which ``matrix.py`` runs, and what the two scripts conclude."""

import pytest

from django_authkit.types import Mode
from faults import matrix, soak
from faults.faults_of_stores import FAULTS
from faults.traffic import Findings

CHOSEN = {
    matrix.Kind("valkey", Mode.SESSION, "store"): {"stopped and started again", "its memory is full"},
    matrix.Kind("valkey", Mode.JWT, "replica"): {"killed and started again, empty", "its memory is full"},
    matrix.Kind("sentinel-valkey", Mode.JWT, "replica"): {
        "failover after the primary was cut off",
    },
    matrix.Kind("cluster-replicas-valkey", Mode.JWT, "replica"): {
        "failover after the primary was killed",
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


@pytest.mark.parametrize("name", ["memory", "descriptors", "threads", "records"])
def test_growth_is_named(name: str) -> None:
    """What is larger at the end than caches need is named, and nothing else."""
    flat = [{"memory": 2e5, "descriptors": 50.0, "threads": 20.0, "records": 70.0} for _ in range(12)]
    assert soak.grown(flat, clients=6) == []
    leaking = [sample | {name: sample[name] * (1 + 0.05 * i)} for i, sample in enumerate(flat)]
    (growth,) = soak.grown(leaking, clients=6)
    assert growth.startswith(f"{name}: ")


def test_one_sample_is_no_growth() -> None:
    """A peak between two samples that are low is not growth: the least of each third is compared."""
    samples = [{"memory": 2e5, "descriptors": 50.0, "threads": 20.0, "records": 70.0} for _ in range(12)]
    samples[-1] = {name: value * 3 for name, value in samples[-1].items()}
    assert soak.grown(samples, clients=6) == []
