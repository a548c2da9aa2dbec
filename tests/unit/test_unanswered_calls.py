"""What a process remembers of refreshes that the store did not answer."""

import pytest

from django_authkit.strategies import unanswered
from django_authkit.strategies.unanswered import Call, UnansweredCalls

GRACE = 10.0
TOKEN = b"t" * 32


class Time:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Return the clock that calls are dated by."""
    time = Time()
    monkeypatch.setattr(unanswered, "time", time)
    return time


@pytest.fixture
def calls(time: Time) -> UnansweredCalls:
    """Return an empty memory."""
    return UnansweredCalls(int(GRACE * 1000))


def call_of(calls: UnansweredCalls, device: str = "laptop") -> Call:
    """Return the call for the token."""
    return calls.call_of(TOKEN, device, reauthenticated=False)


def fail(calls: UnansweredCalls, device: str = "laptop") -> Call:
    """Let an attempt with the token get no answer."""
    call = call_of(calls, device)
    calls.note_outage(TOKEN, call)
    return call


def test_two_short_outages_are_not_one_long_one(calls: UnansweredCalls, time: Time) -> None:
    """Attempts that are far apart say nothing about the time between them, which gives a thief no grace."""
    first = fail(calls)
    time.now += 200
    second = fail(calls)
    assert second.proposal != first.proposal
    assert second.outage_ms == 0


def test_a_client_that_keeps_asking_waits_in_one_outage(calls: UnansweredCalls, time: Time) -> None:
    """Attempts of one client repeat one call, and the time between them is the outage."""
    first = fail(calls)
    for _ in range(20):
        time.now += 15
        assert fail(calls) is first
    assert first.outage_ms == 300_000


def test_an_answer_ends_it_after_the_grace(calls: UnansweredCalls, time: Time) -> None:
    """A slower attempt that fails after the answer does not let the call be repeated for longer."""
    call = fail(calls)
    calls.note_answer(call)
    time.now += GRACE - 1
    calls.note_outage(TOKEN, call)
    assert call_of(calls) is call
    time.now += 2
    assert call_of(calls) is not call


def test_the_first_of_two_parallel_calls_is_kept(calls: UnansweredCalls) -> None:
    """Two attempts at once with one token propose differently; later ones repeat the first that failed."""
    one, other = call_of(calls), call_of(calls)
    calls.note_outage(TOKEN, one)
    calls.note_outage(TOKEN, other)
    assert call_of(calls) is one


def test_another_browser_with_the_token_takes_nothing_away(calls: UnansweredCalls) -> None:
    """Many user agents with one token leave what is remembered of it, and of other tokens."""
    calls.note_outage(b"other" * 6, mine := calls.call_of(b"other" * 6, "laptop", reauthenticated=False))
    call = fail(calls)
    for number in range(20_000):
        assert fail(calls, f"browser {number}") is not call
    assert call_of(calls) is call
    assert calls.call_of(b"other" * 6, "laptop", reauthenticated=False) is mine


def test_memory_is_bounded(calls: UnansweredCalls) -> None:
    """Of very many tokens the latest are remembered."""
    failed = []
    for number in range(10_001):
        token = number.to_bytes(32)
        failed.append(calls.call_of(token, "", reauthenticated=False))
        calls.note_outage(token, failed[-1])
    found = [calls.call_of(number.to_bytes(32), "", reauthenticated=False) for number in (0, 1, 10_000)]
    assert [call in failed for call in found] == [False, True, True]
