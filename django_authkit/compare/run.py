"""Runs a comparison: scratch data, workers, measurements and cleanup."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from django_authkit.compare import journal, own_views, preflight, processes
from django_authkit.compare.analysis.contest import contest
from django_authkit.compare.analysis.situation import Situation
from django_authkit.compare.errors import CannotCompare
from django_authkit.compare.http_client import WHO_AM_I, Client
from django_authkit.compare.measure import behavior, memory, outage, timings
from django_authkit.compare.measure.timings import Pace, Subject
from django_authkit.compare.measurements import Samples
from django_authkit.compare.processes import Served, Workers
from django_authkit.compare.scratch_data import Scratch, scratch, settings_module
from django_authkit.compare.variants import AUTHKIT, BASELINE, Variant
from django_authkit.compare.words import listed

Tick = Callable[[], None]


class Display(Protocol):
    """Shows the progress."""

    def phase(self, name: str, steps: int) -> AbstractContextManager[Tick]:
        """Yield a function to call after each step of a phase."""

    def note(self, sentence: str) -> None:
        """Show a note to the reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    What to compare, and how.

    Attributes:
        paths: Paths of views that require a login; empty for the project's that are found.
        user: The user who logs in; ``None`` for a new user.
        fixtures: Fixtures loaded into a new scratch database.
        port: Port of the first variant; 0 for free ports.
        sessions: Maximum number of live sessions in the memory measurement.
        transport: ``cookie`` or ``header``.
        situation: What the project's settings say.
    """

    variants: tuple[Variant, ...]
    paths: tuple[str, ...]
    user: str | None
    fixtures: tuple[str, ...]
    pace: Pace
    workers: Workers
    port: int
    sessions: int
    transport: str
    situation: Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """
    All that was measured.

    Attributes:
        notes: Sentences.
        versions: Of the servers.
        disturbed: A sentence if the machine was busy with other work.
    """

    samples: tuple[Samples, ...]
    paths: tuple[str, ...]
    notes: tuple[str, ...]
    versions: dict[str, str]
    disturbed: str = ""


@dataclass(frozen=True, slots=True)
class _Stage:
    """State shared by the phases."""

    wanted: Wanted
    made: Scratch
    paths: tuple[str, ...]

    def client(self, served: Served) -> Client:
        return Client(
            served.config.variant,
            served.port,
            transport=self.wanted.transport,
            username=self.made.username,
            password=self.made.password,
            ticket=served.config.ticket,
        )

    def subject(self, served: Served, samples: Samples) -> Subject:
        redis = self.made.redis if served.config.variant.store == "redis" else None
        return Subject(samples, partial(self.client, served), redis, self.wanted.workers.workers)


def run(wanted: Wanted, display: Display) -> Measured:
    """
    Measure all variants.

    Raises:
        CannotCompare: The project or the machine does not allow it.
    """
    preflight.refuse_odd_paths(wanted.paths)
    for place, _ in enumerate(wanted.variants if wanted.port else ()):
        processes.listen(wanted.port + place).close()  # fails before anything is created
    disturbed = preflight.other_work(os.getloadavg()[0], os.cpu_count() or 1)
    removed = journal.remove_leftovers(settings_module())
    for note in (*filter(None, [disturbed]), *removed):
        display.note(note)
    with scratch(wanted.variants, user=wanted.user, fixtures=list(wanted.fixtures)) as made:
        for note in made.notes:
            display.note(note)
        samples = {variant: Samples(variant) for variant in wanted.variants}
        stage = _take_turns(_Stage(wanted, made, wanted.paths), samples, display)
        present = [each for each in samples.values() if not each.left_out]
        _lose_stores(stage, present, display)
        _fill(stage, present, display)
        return Measured(
            samples=tuple(samples.values()),
            paths=stage.paths,
            notes=(*removed, *made.notes),
            versions=made.versions,
            disturbed=disturbed,
        )


def _take_turns(stage: _Stage, samples: dict[Variant, Samples], display: Display) -> _Stage:
    """
    Serve all variants at once, check them, measure in rounds, and test their behavior.

    Returns:
        The stage, with the paths that were measured.
    """
    with ExitStack() as stack, _serving(stage, list(samples), stack, display) as served:
        stage = _with_paths(stage, served, display)
        with display.phase("looking at each variant", len(served)) as tick:
            for each in served:
                client = stage.client(each)
                samples[each.config.variant].left_out = preflight.look(each, client, stage.paths)
                client.close()
                tick()
        kept = [each for each in served if not samples[each.config.variant].left_out]
        if len(kept) < 2:
            reason = next(each.left_out for each in samples.values() if each.left_out)
            raise CannotCompare(f"There is nothing to compare: {reason}")
        subjects = [stage.subject(each, samples[each.config.variant]) for each in kept]
        _measure(stage, subjects, display)
        with display.phase("logging out, refreshing at once", len(subjects)) as tick:
            for subject in subjects:
                behavior.observe(subject, stage.paths[0])
                tick()
    return stage


def _measure(stage: _Stage, subjects: list[Subject], display: Display) -> None:
    """Measure until the main comparison is settled, or as often as there may be looks at it."""
    pace, found = stage.wanted.pace, [each.samples for each in subjects]
    for look in range(pace.looks):
        name = "measuring in more rounds" if look else "measuring in rounds"
        with display.phase(name, pace.rounds * len(subjects)) as tick:
            timings.measure(subjects, stage.paths, pace, tick)
        main = contest(found, stage.paths, stage.wanted.situation, looks=pace.looks)
        if main is None or main.is_settled:
            break


def _with_paths(stage: _Stage, served: Sequence[Served], display: Display) -> _Stage:
    """Return the stage with the paths to measure: those that were named, or views that are found."""
    if stage.paths:
        return stage
    clients = []
    with display.phase("looking for views", 1) as tick:
        for each in served:
            if each.config.variant.kind in {BASELINE, AUTHKIT}:
                client = stage.client(each)
                client.prepare()
                if client.variant.logs_in and not client.log_in().fine:
                    break  # which is said when each variant is looked at
                clients.append(client)
        paths = own_views.find(own_views.candidates(), clients) if len(clients) > 1 else []
        tick()
    for client in clients:
        client.close()
    told = f"Measured: {listed(paths)}; --path names other views."
    none = "No view of the project was found that needs a login and no parameter; --path names one."
    if len(clients) > 1:
        display.note(told if paths else none)
    return replace(stage, paths=tuple(paths) or (WHO_AM_I,))


@contextmanager
def _serving(
    stage: _Stage, variants: Sequence[Variant], stack: ExitStack, display: Display
) -> Iterator[list[Served]]:
    port = stage.wanted.port
    with display.phase("starting workers", len(variants)) as tick:
        served = [
            processes.start(
                stack,
                stage.made.for_variant(variant),
                stage.wanted.workers,
                stage.made.directory,
                port=port + place if port else 0,
            )
            for place, variant in enumerate(variants)
        ]
        for each in served:
            processes.wait_until_up(each)
            tick()
    yield served


def _lose_stores(stage: _Stage, present: Sequence[Samples], display: Display) -> None:
    with display.phase("losing the store", len(present)) as tick:
        for samples in present:
            if samples.variant.logs_in:
                found = outage.observe(
                    stage.made, samples.variant, stage.client, stage.wanted.workers, stage.paths[0]
                )
                samples.behavior["outage"] = found
            tick()


def _fill(stage: _Stage, present: Sequence[Samples], display: Display) -> None:
    """Measure memory once for each form of record; variants that differ in less share the figures."""
    forms = dict.fromkeys(each.variant.records for each in present if each.variant.logs_in)
    with display.phase("filling the stores", len(forms)) as tick:
        for form in forms:
            seconds = 1 + 2 * stage.wanted.pace.duration
            found = memory.measure(stage.made, form, stage.wanted.sessions, seconds)
            for samples in present:
                if samples.variant.logs_in and samples.variant.records == form:
                    samples.memory = found
            tick()
