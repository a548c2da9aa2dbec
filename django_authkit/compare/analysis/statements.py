"""Statements about behavior: true, false, or not tested."""

from dataclasses import dataclass
from typing import Any

from django_authkit.compare.http_client import REFUSALS
from django_authkit.compare.measurements import Samples

STATEMENTS = {
    "revoked_at_once": "After a logout the next request is refused, in another worker process too",
    "another_worker": "Another worker process, which shares no memory, can answer",
    "theft_noticed": "A copy that is used after its owner has gone on is noticed, and the login is revoked",
    "verifiable": "Another service can verify it by itself, with a public key",
    "readable": "Whoever holds the credential can read what is in it",
    "works_without_store": "Requests go on being answered while the store cannot be reached",
    "outage_is_no_log_out": "A lost store logs nobody out: not while it is lost, and not after",
    "race_is_harmless": "Clients that refresh at one moment with one token all stay logged in",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement about one variant. ``holds`` is ``None`` if not tested; ``seen`` is the observation."""

    key: str
    holds: bool | None
    seen: str

    @property
    def statement(self) -> str:
        """The statement in words."""
        return STATEMENTS[self.key]

    @property
    def answer(self) -> str:
        """Yes, no, or a dash."""
        return "-" if self.holds is None else "yes" if self.holds else "no"


def facts_of(samples: Samples) -> list[Fact]:
    """Return the statements about a variant; none for one without login."""
    if not samples.behavior:
        return []
    behavior = samples.behavior
    return [
        _revoked(behavior["revocation"]),
        Fact("another_worker", behavior["revocation"]["another_worker"], ""),
        _theft(behavior["theft"]),
        _verifiable(behavior["algorithm"]),
        _readable(behavior["payload"]),
        *_outage(behavior.get("outage")),
        _race(behavior.get("race")),
    ]


def _revoked(found: dict[str, Any]) -> Fact:
    if None in found["delays"]:
        return Fact(
            "revoked_at_once", False, f"let in for all of the {found['watched']:g} s that it was tried"
        )
    if not found["another_worker"]:
        return Fact("revoked_at_once", None, "no second worker process was met")
    slowest = max(found["delays"])
    holds = not any(found["let_in"]) and not found["came_back"]
    seen = f"first refusal after {slowest:.1f} ms at most, {len(found['delays'])} logouts"
    return Fact("revoked_at_once", holds, f"{seen}, {sum(found['let_in'])} requests let in meanwhile")


def _theft(found: dict[str, bool]) -> Fact:
    works = {True: "works", False: "is refused"}
    seen = f"the copy {works[found['copy_works']]}; afterwards the owner's {works[found['owner_works']]}"
    return Fact("theft_noticed", not any(found.values()), seen)


def _verifiable(algorithm: str | None) -> Fact:
    if algorithm is None:
        return Fact("verifiable", False, "it is opaque")
    return Fact("verifiable", not algorithm.startswith("HS"), f"signed with {algorithm}")


def _readable(payload: list[str] | None) -> Fact:
    return Fact("readable", payload is not None, ", ".join(payload or []) or "nothing")


def _outage(found: dict[str, Any] | None) -> list[Fact]:
    if found is None:
        return [Fact("works_without_store", None, ""), Fact("outage_is_no_log_out", None, "")]
    statuses = ", ".join(str(each or "no answer") for each in dict.fromkeys(found["down"]))
    works = all(200 <= each < 300 for each in found["down"])
    told_out = any(each in REFUSALS for each in found["down"])
    back = "logged in afterwards" if found["kept"] else "logged out afterwards"
    return [
        Fact("works_without_store", works, f"answered {statuses}"),
        Fact("outage_is_no_log_out", found["kept"] and not told_out, f"answered {statuses}; {back}"),
    ]


def _race(found: dict[str, Any] | None) -> Fact:
    if found is None:
        return Fact("race_is_harmless", None, "there is no refresh")
    holds = found["logged_in"] == found["carry_on"] == found["clients"] and found["successors"] == 1
    seen = (
        f"of {found['clients']} clients {found['answered']} were answered, with {found['successors']} "
        f"different successors; {found['carry_on']} could refresh again"
    )
    return Fact("race_is_harmless", holds, seen)
