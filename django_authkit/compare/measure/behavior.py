"""Tests the behavior of a variant: after logout, across processes, and in a refresh race."""

import base64
import binascii
import json
import time
from contextlib import suppress
from threading import Barrier, Thread
from typing import Any

from django_authkit.compare.http_client import Answer, Client
from django_authkit.compare.measure.timings import Subject

_LOG_OUTS = 5
_WATCHED = 1.5
"""How many seconds a credential is tried after its logout."""
_AFTERWARDS = 5
"""How often it is tried after it was refused: it must stay refused."""
_RACERS = 8
_ATTEMPTS = 40
_NANO = 1_000_000_000


def observe(subject: Subject, path: str) -> None:
    """Test the behavior, and store it with the samples of *subject*."""
    samples = subject.samples
    if not samples.variant.logs_in:
        return
    samples.background_trips = background_trips(subject, path)
    samples.behavior |= {
        **carried(subject),
        "revocation": revocation(subject, path),
        "theft": theft(subject, path),
    }
    if samples.variant.refreshes:
        samples.behavior["race"] = refresh_race(subject, path)


def logged_in(subject: Subject) -> Client:
    """Return a client that has just logged in."""
    client = subject.new_client()
    client.prepare()
    client.log_in()
    return client


def background_trips(subject: Subject, path: str) -> float:
    """Return the round trips to Redis a second that a worker makes outside of requests."""
    client = logged_in(subject)
    first = client.get(path)
    time.sleep(0.5)
    last = client.get(path)  # over the same connection, so of the same process
    client.log_out()
    client.close()
    return (last.background - first.background) / ((last.ended - first.ended) / _NANO)


def carried(subject: Subject) -> dict[str, Any]:
    """
    Return what the credential says to whoever holds it.

    Returns:
        ``payload``: the names of the readable claims, or ``None`` if it is opaque; ``algorithm``: how it is
        signed, or ``None``.
    """
    client = logged_in(subject)
    header, claims = _readable(client.credential)
    client.log_out()
    client.close()
    return {"payload": None if claims is None else sorted(claims), "algorithm": (header or {}).get("alg")}


def _readable(credential: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the header and the claims readable in the credential; ``None`` for what it has not."""
    header = claims = None
    for part in credential.split("."):
        with suppress(ValueError, binascii.Error):
            told = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            if isinstance(told, dict):
                header, claims = (told, claims) if "alg" in told else (header, told)
    return header, claims


def theft(subject: Subject, path: str) -> dict[str, Any]:
    """
    Use a copy of a credential after its owner has gone on.

    Returns:
        ``copy_works``: whether the copy is still good for a request, or for a new credential where there is
        a refresh; ``owner_works``: whether the owner's is, afterwards. A theft is noticed if neither is.
    """
    owner = logged_in(subject)
    thief = owner.copy()
    if subject.samples.variant.refreshes:
        owner.refresh()
        owner.refresh()  # beyond any grace for repeated calls
    copy_works = (thief.refresh() if subject.samples.variant.refreshes else thief.get(path)).fine
    owner_works = (owner.refresh() if subject.samples.variant.refreshes else owner.get(path)).fine
    owner.log_out()
    owner.close()
    thief.close()
    return {"copy_works": copy_works, "owner_works": owner_works}


def revocation(subject: Subject, path: str) -> dict[str, Any]:
    """
    Log out over one worker process and try the credential in another, again and again.

    Returns:
        ``another_worker``: whether another process accepted the credential, or ``None`` if there is no other;
        ``log_out``: the statuses of the logouts; ``let_in``: for each, how many requests were accepted after
        its response; ``delays``: the milliseconds from its response to the sending of the first request that
        was refused, or ``None`` where none was while it was watched; ``came_back``: how often it worked again
        after that.
    """
    delays: list[float | None] = []
    statuses: list[int] = []
    let_in: list[int] = []
    answered = came_back = 0
    for _ in range(_LOG_OUTS):
        client = logged_in(subject)
        witness = _in_another_process(client, path) if subject.workers > 1 else None
        answered += witness is not None
        watcher = witness or client.copy()
        left = client.log_out()
        tries, delay = _until_refused(watcher, path, left.ended)
        statuses.append(left.status)
        delays.append(delay)
        let_in.append(tries)
        if delay is None:
            break  # the next try would not differ
        came_back += sum(watcher.get(path).fine for _ in range(_AFTERWARDS))
        watcher.close()
        client.close()
    return {
        "another_worker": answered > 0 if subject.workers > 1 else None,
        "log_out": statuses,
        "delays": delays,
        "let_in": let_in,
        "came_back": came_back,
        "watched": _WATCHED,
    }


def _in_another_process(client: Client, path: str) -> Client | None:
    """Return a copy of *client* accepted by another worker process; ``None`` if there is none."""
    own = client.get(path).process
    for _ in range(_ATTEMPTS):
        twin = client.copy()
        answer = twin.get(path)
        if answer.fine and answer.process != own:
            return twin
        twin.close()
        time.sleep(0.005)
    return None


def _until_refused(client: Client, path: str, since: int) -> tuple[int, float | None]:
    """Return how many requests were accepted before the first refusal, and when that was sent."""
    let_in = 0
    while True:
        answer = client.get(path)
        if answer.refused:
            return let_in, max(0.0, (answer.began - since) / 1e6)
        let_in += answer.fine
        if answer.began - since > _WATCHED * _NANO:
            return let_in, None


def refresh_race(subject: Subject, path: str) -> dict[str, Any]:
    """
    Have several clients refresh with one and the same token at one moment.

    Returns:
        ``clients``: how many; ``answered``: how many received a credential; ``successors``: how many
        different ones; ``logged_in``: how many a view accepts afterwards; ``carry_on``: how many can
        refresh again with what they hold.
    """
    origin = logged_in(subject)
    racers = [origin.copy() for _ in range(_RACERS)]
    answers: list[Answer | None] = [None] * _RACERS
    start = Barrier(_RACERS)

    def refresh(place: int) -> None:
        racers[place].get(path)  # connects
        start.wait()
        answers[place] = racers[place].refresh()

    threads = [Thread(target=refresh, args=(place,), daemon=True) for place in range(_RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = {
        _successor(racer) for racer, answer in zip(racers, answers, strict=True) if answer and answer.fine
    }
    inside = sum(racer.get(path).fine for racer in racers)
    on = sum(racer.refresh().fine for racer in racers)
    racers[0].log_out()
    for each in (origin, *racers):
        each.close()
    return {
        "clients": _RACERS,
        "answered": sum(bool(answer and answer.fine) for answer in answers),
        "successors": len(held),
        "logged_in": inside,
        "carry_on": on,
    }


def _successor(client: Client) -> str:
    """Return the ``jti``, which copies share, of the token that *client* would refresh with next."""
    token = _refreshable(client)
    return str((_readable(token)[1] or {}).get("jti", token))


def _refreshable(client: Client) -> str:
    """Return what *client* would refresh with next."""
    if not client.by_cookie:
        return client.refresh_token or client.access
    kept = client.credential_cookies()
    return next((value for name, value in kept.items() if "refresh" in name.lower()), client.credential)
