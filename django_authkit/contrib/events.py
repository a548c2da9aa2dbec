"""The events that OpenTelemetry and Prometheus count: their signals, and labels that identify nobody."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.auth.signals import user_login_failed
from django.dispatch import Signal

from django_authkit import signals

Labels = dict[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """
    What is counted.

    Attributes:
        name: In lower case with underscores, a plural.
        description: One sentence.
        signal: What is sent each time.
        labels: How each label follows from the arguments of the signal. Each has few values.
    """

    name: str
    description: str
    signal: Signal
    labels: Mapping[str, Callable[[Mapping[str, Any]], str]] = field(default_factory=dict)

    def labels_of(self, sent: Mapping[str, Any]) -> Labels:
        """Return the labels of what was *sent*."""
        return {name: read(sent) for name, read in self.labels.items()}


EVENTS: Final = (
    Event(
        "logins",
        "Auth sessions that began.",
        signals.session_started,
        {"mode": lambda sent: str(sent["session"].mode)},
    ),
    Event("login_failures", "Logins that Django's authenticate() refused.", user_login_failed),
    Event("refreshes", "Refresh tokens that were exchanged.", signals.session_refreshed),
    Event("refresh_repeats", "Refreshes that were repeated within the grace.", signals.refresh_repeated),
    Event(
        "refresh_reuses",
        "Superseded refresh tokens that were presented, which revokes.",
        signals.refresh_reused,
        {"reuse": lambda sent: str(sent["reuse"])},
    ),
    Event(
        "revocations",
        "Auth sessions that were revoked.",
        signals.session_revoked,
        {"reason": lambda sent: str(sent["reason"])},
    ),
    Event(
        "limits_reached",
        "Logins that reached MAX_SESSIONS.",
        signals.limit_reached,
        {"outcome": lambda sent: "refused" if sent["refused"] else "revoked_others"},
    ),
    Event(
        "refused_attempts",
        "Attempts that were refused because of too many.",
        signals.attempt_refused,
        {"scope": lambda sent: sent["scope"]},
    ),
    Event(
        "device_changes",
        "Uses from another browser or network than before.",
        signals.binding_mismatch,
        {"what": lambda sent: "+".join(sorted(sent["what"]))},
    ),
    Event(
        "bindings",
        "Auth sessions that got the key of a device.",
        signals.device_bound,
        {"by": lambda sent: "dpop" if sent["session"].is_dpop_bound else "device"},
    ),
    Event(
        "device_binding_failures",
        "Uses without the key of the device.",
        signals.device_binding_failed,
    ),
)


def count_events(count: Callable[[Event, Labels], None]) -> Callable[[], None]:
    """Call *count* at each event from now on; return what ends that."""
    connected = []
    for event in EVENTS:

        def receive(sender: object, *, event: Event = event, **sent: Any) -> None:
            sent.pop("signal")
            count(event, event.labels_of(sent))

        event.signal.connect(receive, weak=False)
        connected.append((event.signal, receive))

    def end() -> None:
        for signal, receive in connected:
            signal.disconnect(receive)

    return end
