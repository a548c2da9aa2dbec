"""
Metrics for Prometheus, by prometheus-client: what happens to logins, and how long the store takes.

With ``"django_authkit.contrib.prometheus"`` in ``INSTALLED_APPS`` they are in the default registry, which
django-prometheus and ``prometheus_client.exposition`` show.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from django.core.signals import request_finished
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from django_authkit.conf import get_settings
from django_authkit.contrib.events import EVENTS, Event, Labels, count_events
from django_authkit.errors import StoreUnavailable
from django_authkit.wiring import observe_store, replica_age

__all__ = ["instrument"]

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


def instrument(*, registry: CollectorRegistry = REGISTRY) -> Callable[[], None]:
    """Report metrics to *registry* from now on; return what ends that, and removes them."""
    shown = _Metrics(registry)
    request_finished.connect(shown.note_age, weak=False)
    ends = (count_events(shown.count), observe_store(shown.observe))

    def end() -> None:
        request_finished.disconnect(shown.note_age)
        for each in ends:
            each()
        shown.remove_from(registry)

    return end


class _Metrics:
    """The metrics in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters = {
            each.name: Counter(f"authkit_{each.name}", each.description, list(each.labels), registry=registry)
            for each in EVENTS
        }
        self._durations = Histogram(
            "authkit_store_seconds",
            "How long calls of the store take.",
            ["store", "call"],
            registry=registry,
            buckets=_SECONDS,
        )
        self._failures = Counter(
            "authkit_store_failures",
            "Calls that the store did not answer.",
            ["store", "call"],
            registry=registry,
        )
        self._age = Gauge(
            "authkit_replica_age_seconds",
            "How old a process's copy of the blacklist was at the end of its last request.",
            registry=registry,
            multiprocess_mode="livemax",
        )

    def count(self, event: Event, labels: Labels) -> None:
        counter = self._counters[event.name]
        (counter.labels(**labels) if labels else counter).inc()

    @contextmanager
    def observe(self, call: str) -> Iterator[None]:
        store, began = get_settings().store, perf_counter()
        try:
            yield
        except StoreUnavailable:
            self._failures.labels(store, call).inc()
            raise
        finally:
            self._durations.labels(store, call).observe(perf_counter() - began)

    def note_age(self, **_: object) -> None:
        # Not a function that is called when metrics are read: another process may be asked for them.
        seconds = replica_age()
        if seconds is not None:
            self._age.set(seconds)

    def remove_from(self, registry: CollectorRegistry) -> None:
        for metric in (*self._counters.values(), self._durations, self._failures, self._age):
            registry.unregister(metric)
