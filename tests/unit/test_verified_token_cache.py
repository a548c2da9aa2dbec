"""The cache of verified access tokens: bounded, without rejections, and emptied with the key."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from random import Random
from threading import Event, Thread

import pytest
import time_machine
from django.test import override_settings

from django_authkit.errors import CredentialRejected, TokenExpired, TokenInvalid
from django_authkit.tokens import Codec
from django_authkit.tokens.verified_cache import LONGEST, VerifiedTokens
from django_authkit.wiring import get_codec
from support.forged_tokens import ACCESS, ACCESS_RING, AUDIENCE, ISSUER, LEEWAY, REFRESH, REFRESH_RING
from support.parallel import parallel_threads
from support.profile import rounds

SIZE = 4


@pytest.fixture
def verified() -> VerifiedTokens:
    """Return an empty cache for a few tokens."""
    return VerifiedTokens(SIZE, LEEWAY)


@pytest.fixture
def codec() -> Codec:
    """Return a codec with a cache."""
    return _codec()


def _codec(size: int = SIZE) -> Codec:
    return Codec(
        access_ring=ACCESS_RING,
        refresh_ring=REFRESH_RING,
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=LEEWAY,
        cache_size=size,
    )


def _remembered(codec: Codec) -> int:
    return len(codec._verified)  # noqa: SLF001 - nothing else shows it


def test_the_first_in_is_the_first_out(verified: VerifiedTokens) -> None:
    """There are never more entries than the limit; the oldest is removed, however often it was used."""
    for number in range(SIZE + 2):
        verified.put(f"token {number}", ACCESS)
        verified.get("token 0")
        assert len(verified) <= SIZE
    kept = [number for number in range(SIZE + 2) if verified.get(f"token {number}")]
    assert kept == [2, 3, 4, 5]


def test_put_twice(verified: VerifiedTokens) -> None:
    """Putting a token twice removes no other one."""
    for number in (0, 1, 2, 3, 3, 3):
        verified.put(f"token {number}", ACCESS)
    assert all(verified.get(f"token {number}") for number in range(SIZE))


def test_no_cache_at_all() -> None:
    """With a size of 0 nothing is cached, and tokens are read anyway."""
    codec = _codec(0)
    token = codec.issue_access(ACCESS)
    assert codec.read_access(token) == codec.read_access(token) == ACCESS
    assert _remembered(codec) == 0


def test_long_tokens_are_not_cached(verified: VerifiedTokens, codec: Codec) -> None:
    """A token beyond the length limit is verified each time."""
    verified.put("x" * LONGEST, ACCESS)
    verified.put("x" * (LONGEST + 1), ACCESS)
    assert verified.get("x" * LONGEST) is ACCESS
    assert verified.get("x" * (LONGEST + 1)) is None
    claims = replace(ACCESS, extra={"long": "x" * LONGEST})
    assert codec.read_access(codec.issue_access(claims)) == claims
    assert _remembered(codec) == 0


@pytest.mark.parametrize("odd", [None, 7, b"token", ["token"], {"token": 1}])
def test_other_types_are_malformed(verified: VerifiedTokens, codec: Codec, odd: object) -> None:
    """Other types, including unhashable ones, are not looked up, not cached, and malformed."""
    verified.put(odd, ACCESS)
    assert verified.get(odd) is None
    assert len(verified) == 0
    with pytest.raises(CredentialRejected):
        codec.read_access(odd)


class Text(str):
    """A str subclass that claims to equal everything."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("token")


def test_a_subclass_of_str_is_not_looked_up(verified: VerifiedTokens) -> None:
    """Only plain str is compared with cached tokens."""
    verified.put("token", ACCESS)
    assert verified.get(Text("anything")) is None


def test_the_expiry_is_checked_on_each_hit(codec: Codec) -> None:
    """A cached token expires at the same second as a verified one, leeway included."""
    claims = replace(ACCESS, expires_at=ACCESS.issued_at + 300)
    token = codec.issue_access(claims)
    for seconds, ok in (
        (0, True),
        (300, True),
        (300 + LEEWAY - 1, True),
        (300 + LEEWAY, False),
        (400, False),
    ):
        for reader in (codec, _codec(0)):
            with time_machine.travel(ACCESS.issued_at + seconds, tick=False):
                if ok:
                    assert reader.read_access(token) == claims
                else:
                    with pytest.raises(TokenExpired):
                        reader.read_access(token)
    assert _remembered(codec) == 1


def test_an_expired_token_is_not_cached(codec: Codec) -> None:
    """After a logout with an expired token, that token authenticates nothing."""
    token = codec.issue_access(replace(ACCESS, expires_at=ACCESS.issued_at + 300))
    assert codec.read_access(token, allow_expired=True).sid == ACCESS.sid
    assert _remembered(codec) == 0
    with pytest.raises(TokenExpired):
        codec.read_access(token)


def test_rejections_are_not_cached(codec: Codec) -> None:
    """Junk and every kind of invalid token leave nothing in the cache, and stay rejected."""
    token = codec.issue_access(ACCESS)
    head, body, signature = token.split(".")
    bad = [
        "",
        "junk",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[::-1]}",
        f"{head}.{body[:-2]}.{signature}",
    ]
    bad.append(codec.issue_refresh(REFRESH))
    for text in bad * 2:
        with pytest.raises(CredentialRejected):
            codec.read_access(text)
    assert _remembered(codec) == 0
    assert codec.read_access(token) == ACCESS
    assert _remembered(codec) == 1


def test_a_hit_is_of_the_whole_token(codec: Codec) -> None:
    """A changed token, even by one character, is not found."""
    token = codec.issue_access(ACCESS)
    codec.read_access(token)
    for at in range(len(token)):
        other = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        try:
            claims = codec.read_access(other)
        except CredentialRejected:
            continue
        assert at == len(token) - 1  # base64 has spare bits at its end
        assert claims == ACCESS


def test_refresh_tokens_are_never_cached(codec: Codec) -> None:
    """Each reading of a refresh token verifies it."""
    token = codec.issue_refresh(REFRESH)
    assert codec.read_refresh(token) == codec.read_refresh(token) == REFRESH
    assert _remembered(codec) == 0


def test_it_is_emptied_with_the_key() -> None:
    """A token whose key was removed from the ring is refused at once, cached or not."""
    with override_settings(SECRET_KEY="the old key, long enough to be one: 8vJw03Lz", AUTHKIT_MODE="jwt"):
        token = get_codec().issue_access(ACCESS)
        with time_machine.travel(ACCESS.issued_at + 1):
            assert get_codec().read_access(token) == ACCESS
            assert _remembered(get_codec()) == 1
            with override_settings(SECRET_KEY="the new key, long enough to be one: Pw81mMqz"):
                assert _remembered(get_codec()) == 0
                with pytest.raises(TokenInvalid):
                    get_codec().read_access(token)


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Let threads switch far more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_many_threads(verified: VerifiedTokens, eager_switching: None) -> None:
    """Concurrent threads never find another token's claims, and keep to the limit."""
    claims = {f"token {number}": replace(ACCESS, subject=str(number)) for number in range(3 * SIZE)}

    def hammer(seed: int) -> int:
        random, hits = Random(seed), 0
        for _ in range(5_000):
            token = random.choice(list(claims))
            found = verified.get(token)
            assert found is None or found is claims[token]
            verified.put(token, claims[token])
            assert len(verified) <= SIZE
            hits += found is not None
        return hits

    with parallel_threads(8) as threads:
        hits = threads.at_once([partial(hammer, seed) for seed in range(8)])
    assert sum(hits) > 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_while_another_thread_adds(verified: VerifiedTokens, eager_switching: None) -> None:
    """A child that is forked while the lock is held can use the cache."""
    over = Event()

    def add() -> None:
        number = 0
        while not over.is_set():
            number += 1
            verified.put(f"token {number}", ACCESS)

    thread = Thread(target=add)
    thread.start()
    try:
        codes = [_exit_code_of_child(verified) for _ in range(rounds(100))]
        with verified._lock:  # noqa: SLF001 - what luck would bring about now and then
            codes.append(_exit_code_of_child(verified))
    finally:
        over.set()
        thread.join()
    assert set(codes) == {0}


def _exit_code_of_child(verified: VerifiedTokens) -> int:
    child = os.fork()
    if child == 0:
        done = Event()

        def put() -> None:
            verified.put("the child's", ACCESS)
            done.set()

        Thread(target=put, daemon=True).start()
        os._exit(0 if done.wait(5) and verified.get("the child's") else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
