"""
Traces and metrics for OpenTelemetry: a span for each call of the store, and what happens to logins.

With ``"django_authkit.contrib.opentelemetry"`` in ``INSTALLED_APPS`` both go to the global providers.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from time import perf_counter

from opentelemetry import metrics, trace

from django_authkit.conf import get_settings
from django_authkit.contrib.events import EVENTS, Event, Labels, count_events
from django_authkit.errors import StoreUnavailable
from django_authkit.wiring import observe_store, replica_age

__all__ = ["instrument"]

_SCOPE = "django_authkit"


def instrument(
    *,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
) -> Callable[[], None]:
    """
    Report traces and metrics from now on.

    Args:
        tracer_provider, meter_provider: By default the global ones.

    Returns:
        What ends it.
    """
    release = version("django-authkit")
    tracer = trace.get_tracer(_SCOPE, release, tracer_provider)
    meter = metrics.get_meter(_SCOPE, release, meter_provider)
    counters = {
        each.name: meter.create_counter(f"authkit.{each.name}", description=each.description)
        for each in EVENTS
    }
    durations = meter.create_histogram(
        "authkit.store.duration", unit="s", description="How long calls of the store take."
    )
    meter.create_observable_gauge(
        "authkit.replica.age",
        [_replica_age],
        unit="s",
        description="How old this process's copy of the blacklist is.",
    )

    def count(event: Event, labels: Labels) -> None:
        counters[event.name].add(1, labels)

    @contextmanager
    def observe(call: str) -> Iterator[None]:
        attributes = {"authkit.store": get_settings().store, "authkit.call": call}
        began = perf_counter()
        with tracer.start_as_current_span(
            f"authkit.store {call}",
            kind=trace.SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except StoreUnavailable as error:
                attributes["error.type"] = type(error).__name__
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(trace.StatusCode.ERROR)
                raise
            finally:
                durations.record(perf_counter() - began, attributes)

    ends = (count_events(count), observe_store(observe))

    def end() -> None:
        for each in ends:
            each()

    return end


def _replica_age(_: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
    age = replica_age()
    return [] if age is None else [metrics.Observation(age)]
