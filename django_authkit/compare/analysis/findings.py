"""
The findings: what differs by more than the noise, what is a tie, and what is broken.

A fault is a broken promise of one of our variants, and makes the command fail. What another package
does not promise is a remark.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from django_authkit.compare.analysis.intervals import Interval
from django_authkit.compare.analysis.metrics import Comparison
from django_authkit.compare.analysis.statements import facts_of
from django_authkit.compare.http_client import called
from django_authkit.compare.measurements import Samples
from django_authkit.compare.variants import AUTHKIT
from django_authkit.compare.words import capital, number

FAULT, REMARK, DIFFERENCE, TIE = "fault", "remark", "difference", "tie"


@dataclass(frozen=True, slots=True)
class Finding:
    """One or two sentences. ``kind`` is one of ``FAULT``, ``REMARK``, ``DIFFERENCE`` and ``TIE``."""

    kind: str
    text: str


def findings(samples: Sequence[Samples], comparisons: Sequence[Comparison]) -> list[Finding]:
    """Return the findings, faults first."""
    present = [each for each in samples if not each.left_out]
    found = [finding for each in present for finding in _promises(each)]
    found.sort(key=lambda finding: finding.kind != FAULT)
    found += [
        Finding(REMARK, f'"{s.variant.name}" was left out: {s.left_out}') for s in samples if s.left_out
    ]
    found += _twins(comparisons)
    for _, group in groupby(comparisons, key=lambda each: (each.path, each.measure.key)):
        found += _ranking(list(group))
    return found


def _promises(samples: Samples) -> Iterator[Finding]:
    """Yield what a variant did that a login must not do."""
    name, behavior = samples.variant.name, samples.behavior
    kind = FAULT if samples.variant.kind == AUTHKIT else REMARK
    failures = sum(each.failures for each in samples.paths.values())
    failures += sum(each.failures for each in samples.operations.values())
    if failures:
        yield Finding(kind, f'"{name}": {failures} requests were not answered with success.')
    if not behavior:
        return
    yield from _revocation(samples, kind)
    race = behavior.get("race")
    if race and race["carry_on"] < race["clients"]:
        lost = race["clients"] - race["carry_on"]
        yield Finding(
            kind, f'"{name}": of {race["clients"]} clients that refreshed at once {lost} were logged out.'
        )
    if race and race["successors"] > 1:
        yield Finding(
            kind,
            f'"{name}": one refresh token was exchanged for {race["successors"]} different ones: the family '
            "forked, so a stolen copy would not be noticed.",
        )
    held = {fact.key: fact for fact in facts_of(samples)}
    if held["outage_is_no_log_out"].holds is False:
        yield Finding(kind, f'"{name}" took a lost store for a logout: {held["outage_is_no_log_out"].seen}.')


def _revocation(samples: Samples, kind: str) -> Iterator[Finding]:
    name, found = samples.variant.name, samples.behavior["revocation"]
    if found["came_back"]:
        yield Finding(kind, f'"{name}": a credential that had been refused after its logout worked again.')
    if None not in found["delays"]:
        return
    answered = ", ".join(str(status) for status in dict.fromkeys(found["log_out"]))
    what = (
        f"a logout was answered {answered}, and {found['watched']:g} s later the credential was still let in"
    )
    if samples.variant.is_unchecked:
        yield Finding(REMARK, f'"{name}": {what}, as ACCESS_CHECK "none" says: until the token expires.')
    else:
        yield Finding(kind, f'"{name}": {what}. The revocation was lost.')


def _twins(comparisons: Sequence[Comparison]) -> Iterator[Finding]:
    """Yield a finding for each variant that was measured twice, which shows the noise."""
    for each in comparisons:
        one, other = each.one.variant, each.other.variant
        if (one.kind, one.mode, one.store, one.check) != (other.kind, other.mode, other.store, other.check):
            continue
        kind = TIE if each.is_tie else DIFFERENCE
        verdict = "a tie, as it has to be" if each.is_tie else "more than the noise: they are not the same"
        where = f" of {called(each.path)}" if each.path else ""
        what = f"differ in {each.measure.name}{where} by {_amount(each)}"
        text = f'"{one.name}" and "{other.name}" {what}: {verdict}.'
        yield Finding(kind, text)


def _ranking(group: list[Comparison]) -> Iterator[Finding]:
    """Yield for one metric the best variant, the ties, and by how much the others are worse."""
    measure, path = group[0].measure, group[0].path
    values = {
        samples.variant: value.value
        for each in group
        for samples in (each.one, each.other)
        if samples.variant.logs_in and (value := measure.of(samples, path))
    }
    if len(values) < 2:
        return
    best = (min if measure.better == "low" else max)(values, key=lambda variant: values[variant])
    tied, worse = [], []
    for each in group:
        pair = {each.one.variant: 1, each.other.variant: -1}
        if best not in pair or not set(pair) <= set(values):
            continue
        (other,) = set(pair) - {best}
        if each.is_tie:
            tied.append(f'"{other.name}"')
        else:
            worse.append((values[other], f'"{other.name}" by {_amount(each)}'))
    where = f" of {called(path)}" if path else ""
    ordered = [text for _, text in sorted(worse, reverse=measure.better == "high")]
    more = "higher" if measure.better == "low" else "lower"
    if not worse:
        yield Finding(
            TIE, f"{capital(measure.name)}{where}: all variants with a login tie; the noise is larger."
        )
        return
    lead = (
        f'{capital(measure.name)}{where}: "{best.name}" has the best, {number(values[best])} {measure.unit}.'
    )
    ties = f" Within the noise of it: {', '.join(tied)}." if tied else ""
    yield Finding(DIFFERENCE, f"{lead}{ties} {capital(more)} by more than the noise: {'; '.join(ordered)}.")


def _amount(each: Comparison) -> str:
    """Return how large a difference is, without its sign."""
    d = each.difference
    if d.value < 0:
        d = Interval(-d.value, -d.high, -d.low)
    low, high = (number(end) if abs(end) != float("inf") else "no limit" for end in (d.low, d.high))
    return f"{number(d.value)} {each.measure.unit} ({low} to {high})"
