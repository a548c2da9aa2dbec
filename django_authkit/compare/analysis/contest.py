"""The main comparison: sessions against JWTs on one store, decided, tied, or neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django_authkit.compare.analysis.intervals import Interval, shared_confidence
from django_authkit.compare.analysis.metrics import REQUEST_MEASURES, Measure
from django_authkit.compare.analysis.situation import Situation
from django_authkit.compare.measurements import Samples
from django_authkit.compare.variants import AUTHKIT

MARGIN = 0.05
"""What differs by less than this share is a tie, however certain the difference is."""

DECIDED, TIED, OPEN = "decided", "tied", "open"
LATENCY, CPU = (each for each in REQUEST_MEASURES if each.key in {"p50", "cpu"})


@dataclass(frozen=True, slots=True)
class Duel:
    """
    Two variants by one measure on one path.

    Attributes:
        base: The figure of *one*.
        difference: How much *other* is above it.
    """

    path: str
    one: Samples
    other: Samples
    base: float
    difference: Interval

    @property
    def state(self) -> str:
        """
        Return ``TIED``, ``DECIDED`` or ``OPEN``.

        Tied: the whole interval is within the margin. Decided: else, if the interval excludes zero.
        """
        margin = MARGIN * self.base
        if -margin <= self.difference.low and self.difference.high <= margin:
            return TIED
        return DECIDED if self.difference.excludes_zero else OPEN

    @property
    def best(self) -> Samples:
        """The variant with the lower figure."""
        return self.other if self.difference.value < 0 else self.one


@dataclass(frozen=True)
class Contest:
    """The two variants that the verdict is about, which are looked at so often (see ``verdict``)."""

    one: Samples
    other: Samples
    paths: Sequence[str]
    looks: int = 1

    @property
    def is_choice(self) -> bool:
        """Whether it is between the two modes."""
        return self.one.variant.mode != self.other.variant.mode

    @cached_property
    def latency(self) -> list[Duel]:
        """How long a request takes, for each path."""
        return self._duels(LATENCY)

    @cached_property
    def cpu(self) -> list[Duel]:
        """CPU of the workers, for each path."""
        return self._duels(CPU)

    @property
    def is_settled(self) -> bool:
        """Whether every latency is decided or tied: more measuring would not change the sentence."""
        return bool(self.latency) and all(each.state != OPEN for each in self.latency)

    def _duels(self, measure: Measure) -> list[Duel]:
        """Compare at a confidence at which all sentences of the verdict hold together."""
        confidence, found = shared_confidence(2 * len(self.paths) * self.looks), []
        for path in self.paths:
            one, other = measure.samples(self.one, path), measure.samples(self.other, path)
            if one and other and (base := measure.figure.of(one).value) > 0:
                difference = measure.figure.between(other, one, confidence)
                found.append(Duel(path, self.one, self.other, base, difference))
        return found


def contest(
    samples: Sequence[Samples], paths: Sequence[str], situation: Situation, *, looks: int = 1
) -> Contest | None:
    """
    Return the main comparison.

    Sessions and JWTs on the project's store, with its ``ACCESS_CHECK``, if they were measured; else on
    another store; else the first two variants of ours.
    """
    ours = [each for each in samples if not each.left_out and each.variant.kind == AUTHKIT]
    for store in dict.fromkeys([situation.store, *(each.variant.store for each in ours)]):
        of_store = [each for each in ours if each.variant.store == store]
        sessions = [each for each in of_store if each.variant.mode == "session"]
        tokens = [each for each in of_store if each.variant.mode == "jwt"]
        if sessions and tokens:
            return Contest(_like(sessions, situation), _like(tokens, situation), paths, looks)
    return Contest(ours[0], ours[1], paths, looks) if len(ours) > 1 else None


def _like(samples: Sequence[Samples], situation: Situation) -> Samples:
    """Return the variant with the project's ``ACCESS_CHECK``, or else the first."""
    return next((each for each in samples if each.variant.check == situation.check), samples[0])
