"""
Strings that are not tokens, and tokens with a change (RFC 8725bis, sections 3.3 and 3.14).

Whatever is presented, the answer is the claims of a genuine token, or one of two errors.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from django_authkit.errors import TokenInvalid, TokenMalformed
from django_authkit.session_keys import ALPHABET
from django_authkit.tokens.codec import ACCESS_LIMIT, REFRESH_LIMIT
from support.forged_tokens import (
    ACCESS,
    CODEC,
    REFRESH,
    access_payload,
    forge_access,
    forge_refresh,
    refresh_payload,
)

TOKENS = {"access": CODEC.issue_access(ACCESS), "refresh": CODEC.issue_refresh(REFRESH)}
READERS: dict[str, Callable[[object], Any]] = {"access": CODEC.read_access, "refresh": CODEC.read_refresh}
LIMITS = {"access": ACCESS_LIMIT, "refresh": REFRESH_LIMIT}
OTHER_CHARACTERS = ".=+/% \t\n\r\x00\x7f\u00e9\uff21\u200b\U0001f600\ud800"
"""Characters that tokens do not contain, or contain in two places only."""

each_kind = pytest.mark.parametrize("kind", ["access", "refresh"])


def is_refused(kind: str, presented: object) -> bool:
    """Tell whether *presented* is refused as malformed or invalid; other errors are raised."""
    try:
        READERS[kind](presented)
    except (TokenMalformed, TokenInvalid):
        return True
    return False


def is_malformed(kind: str, presented: object) -> bool:
    """Tell whether *presented* is refused as malformed."""
    try:
        READERS[kind](presented)
    except TokenMalformed:
        return True
    except TokenInvalid:
        return False
    return False


@each_kind
def test_genuine_tokens_are_read(kind: str) -> None:
    """The tokens that these tests change are valid."""
    assert READERS[kind](TOKENS[kind]) == {"access": ACCESS, "refresh": REFRESH}[kind]


@each_kind
def test_every_one_character_change_is_refused(kind: str) -> None:
    """A token with any one character replaced is always refused."""
    token = TOKENS[kind]
    for place, genuine in enumerate(token):
        position = ALPHABET.find(genuine)
        others = {ALPHABET[(position + step) % 64] for step in (1, 2, 16, 32, 63)} | set(OTHER_CHARACTERS)
        for other in others - {genuine}:
            assert is_refused(kind, token[:place] + other + token[place + 1 :])


@each_kind
def test_last_characters_are_not_malleable(kind: str) -> None:
    """Unused bits at the end of a part are checked: of 64 characters only the genuine one is accepted."""
    header, payload, signature = TOKENS[kind].split(".")
    for last in ALPHABET:
        assert is_refused(kind, f"{header}.{payload}.{signature[:-1]}{last}") == (last != signature[-1])
        assert is_refused(kind, f"{header}.{payload[:-1]}{last}.{signature}") == (last != payload[-1])
        assert is_refused(kind, f"{header[:-1]}{last}.{payload}.{signature}") == (last != header[-1])


@each_kind
def test_every_deletion_and_insertion_is_refused(kind: str) -> None:
    """A token with a character left out, doubled or inserted anywhere is refused."""
    token = TOKENS[kind]
    for place in range(len(token)):
        assert is_refused(kind, token[:place] + token[place + 1 :])
        assert is_refused(kind, token[:place] + token[place] + token[place:])
    for place in range(len(token) + 1):
        assert all(is_malformed(kind, token[:place] + other + token[place:]) for other in OTHER_CHARACTERS)


@each_kind
@pytest.mark.parametrize(
    "change",
    [
        "{}=", "{}==", "{}\n", "\n{}", " {}", "{} ", "{}\x00", "\ufeff{}", "Bearer {}", '"{}"', "{}.", ".{}",
        "{}..", "{}.e30", "{}.e30.e30", "e30.{}", "{0},{0}", "{0}.{0}",
    ],
)  # fmt: skip
def test_nothing_can_be_added_around_a_token(kind: str, change: str) -> None:
    """Padding, white space, quotes, schemes and additional parts make a token malformed."""
    assert is_malformed(kind, change.format(TOKENS[kind]))


@each_kind
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_no_part_can_be_left_out(kind: str, missing: int) -> None:
    """A token with an empty part, or with two parts, is malformed."""
    parts = TOKENS[kind].split(".")
    empty = [part if place != missing else "" for place, part in enumerate(parts)]
    assert is_malformed(kind, ".".join(empty))
    assert is_malformed(kind, ".".join(part for part in empty if part))


@each_kind
def test_five_parts_are_malformed(kind: str) -> None:
    """An encrypted token (RFC 7516) is recognized before any cryptography (CVE-2023-51774)."""
    header = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0"
    assert is_malformed(
        kind, f"{header}..AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9w.U0m_YmjN04"
    )
    assert is_malformed(kind, f"{TOKENS[kind]}.AAAA.AAAA")


@each_kind
def test_parts_of_two_tokens_do_not_mix(kind: str) -> None:
    """Header, payload and signature of two genuine tokens are not a token together."""
    ours, other = TOKENS[kind].split("."), {
        "access": forge_access(access_payload(sub="8")),
        "refresh": forge_refresh(refresh_payload(gen=4)),
    }[kind].split(".")  # fmt: skip
    assert not is_refused(kind, ".".join(other))
    assert is_refused(kind, ".".join([ours[0], other[1], ours[2]]))
    assert is_refused(kind, ".".join([ours[0], ours[1], other[2]]))


@each_kind
@pytest.mark.parametrize("length", [100_000, 1_000_000])
def test_long_strings_are_malformed(kind: str, length: int) -> None:
    """A hundred thousand characters are refused because of the length."""
    assert is_malformed(kind, "A" * length)
    assert is_malformed(kind, f"{TOKENS[kind]}{'A' * length}")
    assert is_malformed(kind, "." * length)


def test_limit_is_exact() -> None:
    """A token is accepted up to the length limit of its kind, and malformed beyond it."""
    access = {n: forge_access(access_payload(x="y" * n)) for n in range(5700, 6000)}
    refresh = {n: forge_refresh(refresh_payload(x="y" * n)) for n in range(300, 700)}
    assert {len(token) > ACCESS_LIMIT for token in access.values()} == {True, False}
    assert {len(token) > REFRESH_LIMIT for token in refresh.values()} == {True, False}
    assert all(is_malformed("access", token) == (len(token) > ACCESS_LIMIT) for token in access.values())
    assert all(is_malformed("refresh", token) == (len(token) > REFRESH_LIMIT) for token in refresh.values())


@each_kind
@pytest.mark.parametrize("presented", [None, 7, 1.5, True, b"a.b.c", ["a.b.c"], {"a": 1}, (), object(), str])
def test_other_types_are_malformed(kind: str, presented: object) -> None:
    """JSON of any other type, and bytes, are malformed."""
    assert is_malformed(kind, presented)


@each_kind
def test_bytes_of_a_genuine_token_are_malformed(kind: str) -> None:
    """A token is text; its bytes are not accepted."""
    assert is_malformed(kind, TOKENS[kind].encode())


@pytest.mark.parametrize("kind", ["access", "refresh"])
@given(junk=st.text(max_size=200) | st.text(ALPHABET + "..=", max_size=200) | st.binary(max_size=50))
@example(junk="..")
@example(junk="\ud800.\udfff.a")
@example(junk="e30.e30.AA")
def test_junk_is_refused(kind: str, junk: object) -> None:
    """Any text or bytes without a signature are malformed or invalid."""
    assert is_refused(kind, junk)


@pytest.mark.parametrize("kind", ["access", "refresh"])
@given(data=st.data())
def test_splices_are_refused(kind: str, data: st.DataObject) -> None:
    """A genuine token with any part replaced by any text is refused, unless nothing was changed."""
    token = TOKENS[kind]
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, len(token)))
    spliced = (
        token[:start] + data.draw(st.text(ALPHABET + ".", max_size=30) | st.text(max_size=5)) + token[end:]
    )
    assert is_refused(kind, spliced) == (spliced != token)
