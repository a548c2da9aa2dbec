"""The complete comparison: raw samples, figures, findings, and the environment."""

import importlib.metadata
import json
import math
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

import django
from django.contrib.auth.hashers import get_hasher
from django.db import connections

from django_authkit.compare.analysis.against import Budget, changed_facts, changes
from django_authkit.compare.analysis.findings import FAULT, Finding, findings
from django_authkit.compare.analysis.intervals import CONFIDENCE, Interval
from django_authkit.compare.analysis.metrics import (
    OPERATION_MEASURES,
    REQUEST_MEASURES,
    Comparison,
    Measure,
    all_comparisons,
)
from django_authkit.compare.analysis.situation import Situation
from django_authkit.compare.analysis.statements import STATEMENTS, facts_of
from django_authkit.compare.analysis.verdict import Sentence, verdict
from django_authkit.compare.errors import CannotCompare
from django_authkit.compare.measurements import Samples, restored, usual
from django_authkit.compare.run import Measured, Wanted
from django_authkit.compare.words import duration
from django_authkit.conf import AuthKitSettings, get_settings

FORMAT = 2
UNCHANGED = "Nothing changed by more than the noise."
_PACKAGES = (
    "django-authkit",
    "djangorestframework",
    "PyJWT",
    "redis",
    "django-redis",
    "gunicorn",
    "uvicorn",
    "djangorestframework-simplejwt",
    "django-rest-knox",
    "django-allauth",
    "psycopg",
    "mysqlclient",
)
_TOLD = (
    "lifetimes.access",
    "lifetimes.idle",
    "lifetimes.absolute",
    "lifetimes.refresh_grace",
    "lifetimes.touch_interval",
    "replica.max_staleness",
    "user_loading",
    "max_sessions",
    "transports",
    "redis.buckets",
)
"""Settings that affect the numbers. None is a secret, an address or a name of the project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What changed since an earlier run, and which budgets that breaks; sentences."""

    made_at: datetime
    changes: list[str]
    broken: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The data of the terminal output, the HTML page and the JSON."""

    made_at: datetime
    took: float
    wanted: Wanted
    measured: Measured
    comparisons: list[Comparison]
    findings: list[Finding]
    situation: Situation
    verdict: list[Sentence]
    versions: dict[str, str]
    machine: dict[str, Any]
    settings: dict[str, Any]
    hashing: dict[str, Any]
    since: Since | None = None

    @property
    def faults(self) -> list[Finding]:
        """The faults among the findings."""
        return [finding for finding in self.findings if finding.kind == FAULT]

    @property
    def present(self) -> list[Samples]:
        """The variants that were measured."""
        return [each for each in self.measured.samples if not each.left_out]


def earlier(file: Path) -> dict[str, Any]:
    """
    Return the JSON of an earlier run.

    Raises:
        CannotCompare: It cannot be read, or another version wrote it.
    """
    try:
        told: dict[str, Any] = json.loads(file.read_text("utf-8"))
        version = told.get("format")
    except (OSError, ValueError, AttributeError) as error:
        message = f"{file} cannot be read as the JSON of a comparison: {error}"
        raise CannotCompare(message) from error
    if version != FORMAT:
        message = f"{file} has the format {version}, and this version reads {FORMAT}: make it again."
        raise CannotCompare(message)
    return told


def _since(told: dict[str, Any], samples: Sequence[Samples], budgets: Sequence[Budget]) -> Since:
    old = [restored(each) for each in told["variants"]]
    found = changes(old, samples)
    return Since(
        made_at=datetime.fromisoformat(told["made_at"]),
        changes=[each.text for each in found] + changed_facts(old, samples),
        broken=[each.text for each in found if any(budget.is_broken_by(each) for budget in budgets)],
    )


def make(
    wanted: Wanted,
    measured: Measured,
    began: float,
    against: dict[str, Any] | None = None,
    budgets: Sequence[Budget] = (),
) -> Report:
    """
    Return the report of what was measured since *began*, on the monotonic clock.

    *against*: the JSON of an earlier run, which the *budgets* are about.
    """
    comparisons = all_comparisons(measured.samples, measured.paths)
    found, looks = findings(measured.samples, comparisons), wanted.pace.looks
    return Report(
        made_at=datetime.now(UTC),
        took=time.monotonic() - began,
        wanted=wanted,
        measured=measured,
        comparisons=comparisons,
        findings=found,
        situation=wanted.situation,
        verdict=verdict(measured.samples, measured.paths, found, wanted.situation, looks=looks),
        versions=_versions() | measured.versions,
        machine=_machine(),
        settings=_settings(),
        hashing=_hashing(),
        since=_since(against, measured.samples, budgets) if against is not None else None,
    )


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as plain data, without secrets: no credential, password, key or address."""
    wanted = report.wanted
    return {
        "format": FORMAT,
        "made_at": report.made_at.isoformat(timespec="seconds"),
        "seconds": round(report.took, 1),
        "options": {
            "paths": list(report.measured.paths),
            "pace": asdict(wanted.pace),
            "workers": asdict(wanted.workers),
            "sessions": wanted.sessions,
            "transport": wanted.transport,
        },
        "versions": report.versions,
        "machine": report.machine,
        "settings": report.settings,
        "password_hashing": report.hashing,
        "notes": [*report.measured.notes, *filter(None, [report.measured.disturbed])],
        "confidence": CONFIDENCE,
        "situation": asdict(report.situation),
        "verdict": [asdict(each) for each in report.verdict],
        "since": _told(report.since),
        "variants": [_variant(each) for each in report.measured.samples],
        "comparisons": [_comparison(each) for each in report.comparisons],
        "statements": STATEMENTS,
        "findings": [asdict(each) for each in report.findings],
    }


def _told(since: Since | None) -> dict[str, Any] | None:
    return {**asdict(since), "made_at": since.made_at.isoformat()} if since else None


def _variant(samples: Samples) -> dict[str, Any]:
    told: dict[str, Any] = {"key": samples.variant.key, "name": samples.variant.name, **asdict(samples)}
    if samples.left_out:
        return told
    for path, kept in told["paths"].items():
        kept["figures"] = _figures(REQUEST_MEASURES, samples, path)
        kept["usual_trips"], kept["usual_queries"] = usual(kept["trips"]), usual(kept["queries"])
    for kept in told["operations"].values():
        kept["usual_trips"], kept["usual_queries"] = usual(kept["trips"]), usual(kept["queries"])
    told["figures"] = _figures(OPERATION_MEASURES, samples, "")
    told["facts"] = {fact.key: {"holds": fact.holds, "seen": fact.seen} for fact in facts_of(samples)}
    return told


def _figures(measures: tuple[Measure, ...], samples: Samples, path: str) -> dict[str, Any]:
    found = {measure.key: (measure, measure.of(samples, path)) for measure in measures}
    return {key: {"unit": m.unit, **_interval(i)} for key, (m, i) in found.items() if i is not None}


def _interval(interval: Interval) -> dict[str, float | None]:
    return {
        field.name: value if math.isfinite(value := getattr(interval, field.name)) else None
        for field in fields(interval)
    }


def _comparison(each: Comparison) -> dict[str, Any]:
    return {
        "measure": each.measure.key,
        "unit": each.measure.unit,
        "path": each.path,
        "one": each.one.variant.key,
        "other": each.other.variant.key,
        "difference": _interval(each.difference),
        "tie": each.is_tie,
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {**found, "django": django.get_version()}


def _machine() -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "load": [round(each, 2) for each in os.getloadavg()],
        "database": connections["default"].display_name,
    }


def _settings() -> dict[str, Any]:
    chosen: AuthKitSettings = get_settings()
    return {name.upper(): _plain(attrgetter(name)(chosen)) for name in _TOLD}


def _plain(value: Any) -> Any:
    if hasattr(value, "total_seconds"):
        return duration(value.total_seconds())
    return [str(each) for each in value] if isinstance(value, tuple) else value


def _hashing() -> dict[str, Any]:
    """Return the cost of a password check with the project's hasher; the workers use a fast one."""
    hasher = get_hasher()
    encoded = hasher.encode("not a password", hasher.salt())
    began = time.perf_counter()
    hasher.verify("not a password", encoded)
    return {"algorithm": hasher.algorithm, "ms": round((time.perf_counter() - began) * 1000, 1)}
