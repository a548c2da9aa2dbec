"""The verdict: at most five sentences that a team can decide from, made from the findings alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from django_authkit.compare.analysis.contest import (
    CPU,
    DECIDED,
    LATENCY,
    MARGIN,
    OPEN,
    TIED,
    Contest,
    Duel,
    contest,
)
from django_authkit.compare.analysis.findings import FAULT, Finding
from django_authkit.compare.analysis.metrics import bytes_a_session
from django_authkit.compare.analysis.situation import Situation
from django_authkit.compare.analysis.statements import facts_of
from django_authkit.compare.analysis.what_if import cores
from django_authkit.compare.http_client import called
from django_authkit.compare.measurements import Samples
from django_authkit.compare.variants import BASELINE, PLACES
from django_authkit.compare.words import capital, duration, listed, number, share_of_cores, size

BROKEN, CHOICE, SPEED, COST, BEHAVIOR, OUTAGE = "broken", "choice", "speed", "cost", "behavior", "outage"
_REQUESTS = 1_000_000
_SESSIONS = 100_000
_MOST = 5

_DOES = {
    "revoked_at_once": (
        "refuses a credential once its user logs out",
        "refuse a credential once its user logs out",
    ),
    "theft_noticed": ("notices that a credential was copied", "notice that a credential was copied"),
    "verifiable": ("can be verified by another service", "can be verified by another service"),
}
"""What the sentence on behavior says of one variant, and of both."""
_DRAWBACKS = {"readable": ("can be read by whoever holds it", "can be read by whoever holds them")}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the verdict. ``about`` is what it is about, for instance ``CHOICE``."""

    about: str
    text: str


def verdict(
    samples: Sequence[Samples],
    paths: Sequence[str],
    found: Sequence[Finding],
    situation: Situation,
    *,
    looks: int = 1,
) -> list[Sentence]:
    """
    Return the sentences, the most important one first.

    *looks*: how often the measuring could have been stopped because of what was seen so far.
    """
    present = [each for each in samples if not each.left_out]
    faults = [each for each in found if each.kind == FAULT]
    pair = contest(present, paths, situation, looks=looks)
    told = [
        Sentence(BROKEN, _broken(faults)) if faults else None,
        Sentence(CHOICE, _choice(pair, situation, broken=bool(faults))),
        *(
            [Sentence(SPEED, _speed(pair)), Sentence(COST, _cost(pair, present))]
            if pair and pair.latency
            else []
        ),
        Sentence(BEHAVIOR, behavior) if pair and (behavior := _behavior(pair)) else None,
        Sentence(OUTAGE, outage) if (outage := _outage(present, situation)) else None,
    ]
    return [each for each in told if each][:_MOST]


def _broken(faults: Sequence[Finding]) -> str:
    more = f" ({len(faults) - 1} more below)" if len(faults) > 1 else ""
    return f"A promise was not kept{more}: {faults[0].text}"


def _choice(pair: Contest | None, situation: Situation, *, broken: bool) -> str:
    if pair is None or not pair.is_choice:
        return "Sessions and JWTs were not both measured on one store, so nothing is recommended."
    if broken:
        return "Nothing is recommended, because what is broken has to be understood first."
    sessions, tokens = situation.for_sessions, situation.for_jwt
    if sessions and tokens:
        return (
            f"Your settings point both ways: to sessions, since {listed(sessions)}; "
            f"to JWTs, since {listed(tokens)}."
        )
    better = _better(pair)
    if not sessions and not tokens:
        if better is None:
            return "Neither speed nor your settings decide: choose by what each can do."
        best, _, alone = better
        return f"Your settings do not decide; by {alone} alone it would be {best.variant.in_prose}."
    wanted, mode = ("sessions", "session") if sessions else ("JWTs", "jwt")
    lead = f"Your settings suggest {wanted}, since {listed(sessions or tokens)}"
    if better is None:
        return f"{lead}; speed is no reason against them."
    best, does, _ = better
    agrees = best.variant.mode == mode
    return f"{lead}, {f'and they {does} too' if agrees else f'but the others {does}: weigh the two'}."


def _better(pair: Contest) -> tuple[Samples, str, str] | None:
    """Return which variant is decidedly better and in nothing worse, its advantage, and the measure."""
    fast, thrifty = (
        [each.best for each in duels if each.state == DECIDED] for duels in (pair.latency, pair.cpu)
    )
    decided = [*fast, *thrifty]
    if not decided or any(each is not decided[0] for each in decided):
        return None
    return (decided[0], "are faster", "speed") if fast else (decided[0], "need less CPU", "CPU")


def _speed(pair: Contest) -> str:
    one, other = pair.one.variant.in_prose, pair.other.variant.in_prose
    decided = [each for each in pair.latency if each.state == DECIDED]
    if not decided:
        return _no_difference(pair)
    widest = max(decided, key=lambda each: abs(each.difference.value) / each.base)
    where = called(widest.path)
    more = f" ({len(decided)} of {len(pair.latency)} views differ)" if len(pair.latency) > 1 else ""
    if any(each.best is not widest.best for each in decided):
        return f"Which is faster, {one} or {other}, depends on the view{more}."
    slow = other if widest.best is pair.one else one
    fast = widest.best.variant.in_prose
    return f"{fast} is faster than {slow}: a request of {where} takes {_less(widest)}{more}."


def _less(each: Duel) -> str:
    ends = sorted((abs(each.difference.low), abs(each.difference.high)))
    slower = max(each.base, each.base + each.difference.value)
    unit = LATENCY.unit
    return (
        f"{number(abs(each.difference.value))} {unit} less of {number(slower)} {unit} "
        f"(between {number(ends[0])} and {number(ends[1])})"
    )


def _no_difference(pair: Contest) -> str:
    names = f"{pair.one.variant.in_prose} and {pair.other.variant.in_prose}"
    first = max(pair.latency, key=lambda each: each.difference.high - each.difference.low)
    if all(each.state == TIED for each in pair.latency):
        return (
            f"Speed should not decide: {names} tie, within {MARGIN:.0%} of the {number(first.base)} "
            f"{LATENCY.unit} that a request of {called(first.path)} takes."
        )
    reach = max(abs(first.difference.low), abs(first.difference.high))
    known = (
        f"if there is a difference, it is at most {number(reach)} {LATENCY.unit} of the {number(first.base)} "
        f"{LATENCY.unit} that a request takes"
        if reach < first.base
        else f"the noise is larger than the {number(first.base)} {LATENCY.unit} that a request takes"
    )
    better = "--thorough or a quieter machine narrows that"
    return f"This run cannot tell {names} apart by speed: {known} ({better})."


def _cost(pair: Contest, present: Sequence[Samples]) -> str:
    spent = [_cpu(each, pair.paths) for each in (pair.one, pair.other)]
    bare = [_cpu(each, pair.paths) for each in present if each.variant.kind == BASELINE]
    added = [each - bare[0] for each in spent] if bare else []
    login = f"; of that, the login takes {_shares(added)}" if added and min(added) > 0 else ""
    carried = [each.credential_bytes * _REQUESTS for each in (pair.one, pair.other)]
    states = {each.state for each in pair.cpu}
    noise = {TIED: ", a tie", OPEN: ", a difference within the noise"}
    apart = next((told for state, told in noise.items() if states == {state}), "")
    needed = [share_of_cores(cores(_REQUESTS, each)) for each in spent]
    text = (
        f"A million requests a day take {needed[0]} with {pair.one.variant.in_prose} "
        f"and {needed[1]} with {pair.other.variant.in_prose}{apart}{login}; "
        f"their credentials are {size(carried[0])} and {size(carried[1])} of traffic a day"
    )
    held = [bytes_a_session(each) for each in (pair.one, pair.other)]
    if None not in held:
        sizes = list(dict.fromkeys(size(each * _SESSIONS) for each in held if each is not None))
        text += f"; {_SESSIONS:,} live sessions take {listed(sizes)} in the store"
        text += " with either" * (len(sizes) == 1)
    return f"{text}."


def _shares(spent: Sequence[float]) -> str:
    """Return what both take of a core for a million requests a day; the unit once if it is the same."""
    one, other = (share_of_cores(cores(_REQUESTS, each)) for each in spent)
    unit = " of a core"
    return f"{one.removesuffix(unit) if other.endswith(unit) else one} and {other}"


def _cpu(samples: Samples, paths: Sequence[str]) -> float:
    """Return the CPU of a request, on average over the views."""
    return sum(figure.value for path in paths if (figure := CPU.of(samples, path))) / len(paths)


def _behavior(pair: Contest) -> str:
    found = [{fact.key: fact.holds for fact in facts_of(each)} for each in (pair.one, pair.other)]
    if not all(found):
        return ""
    clauses = []
    for place, (mine, theirs) in enumerate((found, found[::-1])):
        good, bad = (
            [does[0] for key, does in each.items() if mine[key] and theirs[key] is False]
            for each in (_DOES, _DRAWBACKS)
        )
        name = (pair.one, pair.other)[place].variant.in_prose
        does = ", but ".join(listed(each) for each in (good, bad) if each)
        clauses += [f"only {name} {does}"] if does else []
    if clauses:
        clauses[0] = f"of the two, {clauses[0]}"
    both = {**_DOES, **_DRAWBACKS}
    shared = [does[1] for key, does in both.items() if found[0][key] and found[1][key]]
    clauses += [f"both {listed(shared)}"] if shared else []
    return f"{capital('; '.join(clauses))}." if clauses else ""


def _outage(present: Sequence[Samples], situation: Situation) -> str:
    """Return what happens while the store cannot be reached, and what lets revoked tokens in."""
    tried = {each: {fact.key: fact.holds for fact in facts_of(each)} for each in present}
    names = {each: each.variant.in_prose for each in present}
    works = [names[each] for each in present if tried[each].get("works_without_store")]
    stops = [names[each] for each in present if tried[each].get("works_without_store") is False]
    lost = [names[each] for each in present if tried[each].get("outage_is_no_log_out") is False]
    clauses = []
    if works:
        clauses.append(f"{listed(works)} {'go' if len(works) > 1 else 'goes'} on answering")
    if stops:
        who = f"{'the others' if works else 'all'} answer with an error"
        kept = "and everybody is still logged in when it is back"
        clauses.append(f"{who}, {kept}" + (f", except with {listed(lost)}" if lost else ""))
    text = f"While {_stores(present)} is down, {', '.join(clauses)}" if clauses else ""
    late = [
        names[each]
        for each in present
        if each.variant.is_unchecked and tried[each].get("revoked_at_once") is False
    ]
    if late:
        lets = f"{listed(late)} {'let' if len(late) > 1 else 'lets'} a revoked token in until it expires"
        text = f"{text}; at any time, {lets}" if text else lets
        text += f", for up to {duration(situation.access_seconds)}"
    return f"{text}." if text else ""


def _stores(present: Sequence[Samples]) -> str:
    places = [PLACES[each.variant.store] for each in present if each.variant.store]
    names = listed(list(dict.fromkeys(places)), "or")
    return names if len(set(places)) == 1 else f"its store ({names})"
