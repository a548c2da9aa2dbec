"""Entries of ``SIGNING_KEYS``: accepted forms, refused forms, and the ring that they make."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_authkit.tokens.keys.entries import exposed_files, find_refused, load_entry, ring_from_entries
from django_authkit.tokens.keys.faults import HINTS, Fault, KeyRefused
from support.signing_keys import (
    ALGORITHMS,
    PAIRS,
    PASSWORD,
    SECRET,
    jwk,
    key,
    other_curves,
    pem,
    public_jwk,
    public_pem,
    short_rsa_pem,
)

TAKEN: dict[str, tuple[Callable[[], Any], str, bool]] = {
    "PEM of P-256": (lambda: pem("ES256"), "ES256", True),
    "PEM of Ed25519": (lambda: pem("EdDSA"), "EdDSA", True),
    "PEM with BOM and spaces": (lambda: "\ufeff \n" + pem("ES256") + "\n\n", "ES256", True),
    "PEM of RSA for RS256": (lambda: {"key": pem("RS256"), "algorithm": "RS256"}, "RS256", True),
    "PEM of RSA for PS256": (lambda: {"key": pem("PS256"), "algorithm": "PS256"}, "PS256", True),
    "encrypted PEM": (lambda: {"key": pem("ES256", password=PASSWORD), "password": PASSWORD}, "ES256", True),
    "public PEM": (lambda: public_pem("EdDSA"), "EdDSA", False),
    "public PEM of RSA": (lambda: {"key": public_pem("RS256"), "algorithm": "RS256"}, "RS256", False),
    "JWK text": (lambda: json.dumps(jwk("ES256")), "ES256", True),
    "JWK text in a dict": (lambda: {"key": json.dumps(jwk("ES256"))}, "ES256", True),
    "JWK in a dict": (lambda: {"key": jwk("ES256")}, "ES256", True),
    "JWK without alg": (lambda: jwk("EdDSA", alg=None), "EdDSA", True),
    "JWK that says Ed25519": (lambda: jwk("EdDSA", alg="Ed25519"), "EdDSA", True),
    "JWK of RSA, algorithm beside it": (
        lambda: {"key": jwk("RS256", alg=None), "algorithm": "RS256"},
        "RS256",
        True,
    ),
    "JWK without use": (lambda: jwk("ES256", use=None), "ES256", True),
    "JWK that signs": (lambda: jwk("ES256", key_ops=["sign"]), "ES256", True),
    "public JWK": (lambda: public_jwk("PS256", key_ops=["verify"]), "PS256", False),
    "secret": (lambda: {"secret": SECRET}, "HS256", True),
    "secret for HS256": (lambda: {"secret": SECRET.encode(), "algorithm": "HS256"}, "HS256", True),
    "JWK of a secret": (lambda: jwk("HS256", alg=None, key_ops=["sign", "verify"]), "HS256", True),
    "JWK of a secret that verifies": (lambda: jwk("HS256", key_ops=["verify"]), "HS256", False),
}

REFUSED: dict[str, tuple[Fault, Callable[[], Any]]] = {
    "number": (Fault.FORM, lambda: 7),
    "bytes": (Fault.FORM, lambda: pem("ES256").encode()),
    "empty dict": (Fault.FORM, dict),
    "two sources": (Fault.FORM, lambda: {"path": "/a", "env": "A"}),
    "unknown member": (Fault.FORM, lambda: {"path": "/a", "alg": "ES256"}),
    "member that is no name": (Fault.FORM, lambda: {"key": pem("ES256"), 7: 7}),
    "algorithm of no type": (Fault.FORM, lambda: {"key": pem("ES256"), "algorithm": None}),
    "password of no type": (Fault.FORM, lambda: {"key": pem("ES256"), "password": b"a"}),
    "password of a JWK": (Fault.FORM, lambda: {"key": jwk("ES256"), "password": PASSWORD}),
    "password of a secret": (Fault.FORM, lambda: {"secret": SECRET, "password": PASSWORD}),
    "path of no type": (Fault.FORM, lambda: {"path": 7}),
    "env of no type": (Fault.FORM, lambda: {"env": 7}),
    "secret of no type": (Fault.FORM, lambda: {"secret": None}),
    "key of no type": (Fault.FORM, lambda: {"key": None}),
    "empty text": (Fault.UNREADABLE, str),
    "other text": (Fault.UNREADABLE, lambda: SECRET),
    "empty secret": (Fault.UNREADABLE, lambda: {"secret": ""}),
    "path to nothing": (Fault.UNREADABLE, lambda: {"path": "/nowhere/to/be/found.pem"}),
    "path to a folder": (Fault.UNREADABLE, lambda: {"path": "/"}),
    "path with NUL": (Fault.UNREADABLE, lambda: {"path": "a\x00b"}),
    "env that is not set": (Fault.UNREADABLE, lambda: {"env": "AUTHKIT_TEST_NOT_SET"}),
    "encrypted PEM": (Fault.UNREADABLE, lambda: pem("ES256", password=PASSWORD)),
    "wrong password": (
        Fault.UNREADABLE,
        lambda: {"key": pem("ES256", password=PASSWORD), "password": "another"},
    ),
    "password too many": (Fault.UNREADABLE, lambda: {"key": pem("ES256"), "password": PASSWORD}),
    "PEM cut off": (Fault.UNREADABLE, lambda: pem("ES256")[:90]),
    "certificate": (Fault.UNREADABLE, lambda: public_pem("ES256").replace("PUBLIC KEY", "CERTIFICATE")),
    "JSON cut off": (Fault.UNREADABLE, lambda: json.dumps(jwk("ES256"))[:-9]),
    "JWK Set": (Fault.UNREADABLE, lambda: json.dumps({"keys": [jwk("ES256")]})),
    "JWK Set in a dict": (Fault.UNREADABLE, lambda: {"key": {"keys": [jwk("ES256")]}}),
    "JWK with a member missing": (Fault.UNREADABLE, lambda: jwk("ES256", y=None)),
    "JWK of a secret without it": (Fault.UNREADABLE, lambda: jwk("HS256", k=None)),
    "short RSA": (Fault.WEAK, lambda: {"key": short_rsa_pem(), "algorithm": "RS256"}),
    "short secret": (Fault.WEAK, lambda: {"secret": SECRET[:31]}),
    "short JWK of a secret": (Fault.WEAK, lambda: jwk("HS256", k="c2hvcnQ")),
    "RSA for what?": (Fault.ALGORITHM, lambda: pem("RS256")),
    "JWK of RSA for what?": (Fault.ALGORITHM, lambda: jwk("RS256", alg=None)),
    "RSA for ES256": (Fault.ALGORITHM, lambda: {"key": pem("RS256"), "algorithm": "ES256"}),
    "RSA for RS512": (Fault.ALGORITHM, lambda: {"key": pem("RS256"), "algorithm": "RS512"}),
    "RSA for HS256": (Fault.ALGORITHM, lambda: {"key": public_pem("RS256"), "algorithm": "HS256"}),
    "P-256 for none": (Fault.ALGORITHM, lambda: {"key": pem("ES256"), "algorithm": "none"}),
    "P-256 for nothing": (Fault.ALGORITHM, lambda: jwk("ES256", alg="")),
    "secret for ES256": (Fault.ALGORITHM, lambda: {"secret": SECRET, "algorithm": "ES256"}),
    "secret for HS512": (Fault.ALGORITHM, lambda: jwk("HS256", alg="HS512")),
    "alg of no type": (Fault.ALGORITHM, lambda: jwk("ES256", alg=["ES256"])),
    "alg against algorithm": (Fault.ALGORITHM, lambda: {"key": jwk("RS256"), "algorithm": "PS256"}),
    "P-384": (Fault.ALGORITHM, lambda: other_curves()[0]),
    "secp256k1": (Fault.ALGORITHM, lambda: other_curves()[1]),
    "Ed448": (Fault.ALGORITHM, lambda: other_curves()[2]),
    "JWK of another curve": (Fault.ALGORITHM, lambda: jwk("ES256", crv="P-521")),
    "JWK for encryption": (Fault.USE, lambda: jwk("ES256", use="enc")),
    "JWK whose use is a list": (Fault.USE, lambda: jwk("ES256", use=["sig"])),
    "private JWK that verifies": (Fault.USE, lambda: jwk("ES256", key_ops=["verify"])),
    "public JWK that signs": (Fault.USE, lambda: public_jwk("ES256", key_ops=["sign"])),
    "JWK of a secret that only signs": (Fault.USE, lambda: jwk("HS256", key_ops=["sign"])),
    "JWK that encrypts, too": (Fault.USE, lambda: jwk("RS256", key_ops=["sign", "encrypt"])),
    "JWK without operations": (Fault.USE, lambda: jwk("ES256", key_ops=[])),
    "operations as a string": (Fault.USE, lambda: jwk("ES256", key_ops="sign")),
    "operations of no type": (Fault.USE, lambda: jwk("ES256", key_ops=[["sign"]])),
}


@pytest.mark.parametrize("form", TAKEN)
def test_every_form_of_a_key_is_accepted(form: str) -> None:
    """PEM and JWK, text and dict, private and public, give the key they contain, for its one algorithm."""
    make, algorithm, signs = TAKEN[form]
    loaded = load_entry(make())
    assert loaded.algorithm == algorithm
    assert (loaded.signing is not None) is signs
    if algorithm != "HS256":
        assert loaded.kid == key(algorithm).kid


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_files_and_variables_hold_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    """``path``, as a string or a Path, and ``env`` are read for PEM or a JWK."""
    text = json.dumps(jwk(algorithm))
    (tmp_path / "key").write_text("\ufeff" + text, encoding="utf-8")
    monkeypatch.setenv("AUTHKIT_TEST_KEY", text)
    entries = [{"path": str(tmp_path / "key")}, {"path": tmp_path / "key"}, {"env": "AUTHKIT_TEST_KEY"}]
    assert {load_entry(entry).kid for entry in entries} == {key(algorithm).kid}
    if algorithm in PAIRS:
        (tmp_path / "key").write_text(pem(algorithm))
        assert load_entry({"path": tmp_path / "key", "algorithm": algorithm}).kid == key(algorithm).kid


@pytest.mark.parametrize("form", REFUSED)
def test_invalid_entries_are_refused_by_position(form: str) -> None:
    """The fault is the right one, and the message has the position and nothing of the content."""
    fault, make = REFUSED[form]
    entry = make()
    (refused,) = find_refused([jwk("ES256", 1) if form != "secret" else entry, entry])
    assert refused.fault is fault
    assert refused.problem.message.startswith("SIGNING_KEYS[1] ")
    assert refused.problem.hint
    shown = f"{refused} {refused.problem.message} {refused.problem.hint} {refused!r}"
    assert not [text for text in texts_in(entry) if len(text) > 8 and text in shown]


def texts_in(value: Any) -> list[str]:
    """Return every string in an entry that must not be shown, and every line of it."""
    if isinstance(value, dict):
        hidden = {
            name: part for name, part in value.items() if name not in {"path", "env", "alg", "algorithm"}
        }
        return [text for part in hidden.values() for text in texts_in(part)]
    return value.splitlines() if isinstance(value, str) else []


@pytest.mark.parametrize("value", ["", "  \n"])
def test_an_empty_variable_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A variable without a value is reported by its name."""
    monkeypatch.setenv("AUTHKIT_TEST_KEY", value)
    (refused,) = find_refused([{"env": "AUTHKIT_TEST_KEY"}])
    assert refused.fault is Fault.UNREADABLE
    assert "'AUTHKIT_TEST_KEY', which is empty" in refused.problem.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    """A missing permission is reported with the system's reason."""
    (tmp_path / "key").write_text(pem("ES256"))
    (tmp_path / "key").chmod(0)
    (refused,) = find_refused([{"path": tmp_path / "key"}])
    assert refused.fault is Fault.UNREADABLE


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """DER, for example, is not treated as PEM."""
    (tmp_path / "key").write_bytes(b"\x30\x82\xff\xfe")
    (refused,) = find_refused([{"path": tmp_path / "key"}])
    assert refused.fault is Fault.UNREADABLE


RINGS: dict[str, tuple[Fault, int, Callable[[], list[Any]]]] = {
    "secret and pair": (Fault.MIXED, 1, lambda: [jwk("ES256"), {"secret": SECRET}]),
    "pair and secret": (Fault.MIXED, 0, lambda: [{"secret": SECRET}, public_jwk("RS256")]),
    "public first": (Fault.CANNOT_SIGN, 0, lambda: [public_jwk("ES256"), jwk("ES256", 1)]),
    "verifying secret first": (Fault.CANNOT_SIGN, 0, lambda: [jwk("HS256", key_ops=["verify"])]),
    "the same key": (Fault.DUPLICATE, 1, lambda: [jwk("ES256"), pem("ES256")]),
    "both halves": (Fault.DUPLICATE, 2, lambda: [jwk("ES256"), jwk("EdDSA"), public_pem("ES256")]),
    "two algorithms": (
        Fault.DUPLICATE,
        1,
        lambda: [jwk("RS256"), {"key": pem("RS256"), "algorithm": "PS256"}],
    ),
    "the same secret": (Fault.DUPLICATE, 1, lambda: [{"secret": SECRET}, {"secret": SECRET.encode()}]),
}


@pytest.mark.parametrize("ring", RINGS)
def test_keys_that_do_not_go_together_are_refused(ring: str) -> None:
    """Good keys may still make an invalid ring."""
    fault, position, make = RINGS[ring]
    (refused,) = find_refused(make())
    assert refused.fault is fault
    assert refused.problem.message.startswith(f"SIGNING_KEYS[{position}] ")
    with pytest.raises(KeyRefused) as caught:
        ring_from_entries(make())
    assert caught.value.problem.message == refused.problem.message


def test_a_ring_keeps_its_order() -> None:
    """The first key signs, all verify; public keys may follow it, and algorithms may differ."""
    ring = ring_from_entries([jwk("EdDSA"), jwk("ES256"), public_jwk("RS256")])
    assert [known.algorithm for known in ring.keys] == ["EdDSA", "ES256", "RS256"]
    assert ring.signing.kid == key("EdDSA").kid


def test_all_faults_are_reported() -> None:
    """Three faults are found at once, each at its own position."""
    found = list(find_refused([7, jwk("ES256"), "", jwk("ES256")]))
    assert [(refused.fault, refused.problem.message.split()[0]) for refused in found] == [
        (Fault.FORM, "SIGNING_KEYS[0]"),
        (Fault.UNREADABLE, "SIGNING_KEYS[2]"),
        (Fault.DUPLICATE, "SIGNING_KEYS[3]"),
    ]


def test_every_fault_has_a_hint_and_a_test() -> None:
    """Each id has a hint, and is tested here or in attacks."""
    tested = {fault for fault, *_ in (*REFUSED.values(), *RINGS.values())}
    assert set(HINTS) == set(Fault)
    assert set(Fault) - tested == {Fault.PUBLIC_AS_SECRET}


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o640, False), (0o644, True), (0o604, True)])
def test_private_files_that_everybody_can_read_are_found(tmp_path: Path, mode: int, told: bool) -> None:
    """Only private keys count, and only if everybody can read them; invalid entries are skipped."""
    entries: list[Any] = [{"path": tmp_path / "private"}, {"path": tmp_path / "public"}, {"path": 7}, "junk"]
    (tmp_path / "private").write_text(pem("ES256"))
    (tmp_path / "public").write_text(public_pem("EdDSA"))
    (tmp_path / "public").chmod(0o644)
    (tmp_path / "private").chmod(mode)
    assert list(exposed_files(entries)) == ([(0, str(tmp_path / "private"))] if told else [])
