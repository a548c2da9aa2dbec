"""``manage.py authkit_keys``: keys are generated, listed, and rotated step by step."""

import ast
import json
import re
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from django_authkit.tokens.keys.entries import load_entry, ring_from_entries
from django_authkit.wiring import get_key_ring
from support.signing_keys import ALGORITHMS, PAIRS, PASSWORD, SECRET, jwk, key, pem, public_jwk


@pytest.fixture(autouse=True)
def _no_keys(settings: Settings) -> None:
    """Start with the key that is derived from ``SECRET_KEY``."""
    configure(settings)


def configure(settings: Settings, *entries: Any) -> None:
    """Put *entries* into ``SIGNING_KEYS``."""
    settings.AUTHKIT = {"STORE": "database", "SIGNING_KEYS": list(entries)}


def run(*arguments: str | Path) -> str:
    """Return what the command prints."""
    out = StringIO()
    call_command("authkit_keys", *(str(argument) for argument in arguments), stdout=out)
    return out.getvalue()


def settings_in(printed: str) -> list[list[Any]]:
    """Return the value of each ``SIGNING_KEYS`` that was printed, as Python reads it."""
    found = re.findall(r'"SIGNING_KEYS": (\[.*?\n    \]),', printed, flags=re.DOTALL)
    return [ast.literal_eval(text) for text in found]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_generated_key_can_be_put_into_the_settings(tmp_path: Path, algorithm: str) -> None:
    """The file is readable by its owner only, and the output is a valid setting without secrets."""
    printed = run("generate", "--algorithm", algorithm, "--out", tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    ((entry,),) = settings_in(printed)
    made = load_entry(entry)
    assert made.algorithm == algorithm
    assert made.signing is not None
    assert made.kid in printed
    written = json.loads((tmp_path / "key").read_text())
    assert not [written[name] for name in ("d", "k", "p", "q") if written.get(name, "\x00") in printed]


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_pair_can_be_written_as_pem(tmp_path: Path, algorithm: str) -> None:
    """With PEM the printed setting names the algorithm, which PEM does not."""
    printed = run("generate", "--algorithm", algorithm, "--format", "pem", "--out", tmp_path / "key")
    ((entry,),) = settings_in(printed)
    assert (tmp_path / "key").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert load_entry(entry).algorithm == algorithm


def test_the_default_is_es256(tmp_path: Path) -> None:
    """Every verifier supports it."""
    run("generate", "--out", tmp_path / "key")
    assert load_entry({"path": tmp_path / "key"}).algorithm == "ES256"


@pytest.mark.parametrize("command", ["generate", "rotate"])
def test_nothing_is_overwritten(settings: Settings, tmp_path: Path, command: str) -> None:
    """An existing file, or a link to nowhere, is not changed."""
    configure(settings, jwk("ES256"))
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        with pytest.raises(CommandError, match="exists"):
            run(command, "--out", tmp_path / name)
    assert (tmp_path / "file").read_text() == "precious"
    assert not (tmp_path / "elsewhere").exists()


def test_a_path_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    """A missing folder causes an error message, not a traceback."""
    with pytest.raises(CommandError, match="cannot be written"):
        run("generate", "--out", tmp_path / "nowhere" / "key")


def test_there_is_no_pem_of_secrets(tmp_path: Path) -> None:
    """No file is created."""
    with pytest.raises(CommandError, match="no PEM"):
        run("generate", "--algorithm", "HS256", "--format", "pem", "--out", tmp_path / "key")
    assert list(tmp_path.iterdir()) == []


def test_a_key_can_be_made_while_the_settings_are_broken(settings: Settings, tmp_path: Path) -> None:
    """The hint of the checks says to generate a key, so the command works with invalid settings."""
    configure(settings, {"secret": "secret"})
    assert settings_in(run("generate", "--out", tmp_path / "key"))


def test_the_list_says_what_each_key_does(settings: Settings) -> None:
    """Position, kid, algorithm, and whether it signs; as text and as JSON."""
    configure(settings, jwk("EdDSA"), public_jwk("ES256"))
    expected = [
        {"position": 0, "kid": key("EdDSA").kid, "algorithm": "EdDSA", "signs": True, "verifies": True},
        {"position": 1, "kid": key("ES256").kid, "algorithm": "ES256", "signs": False, "verifies": True},
    ]
    assert json.loads(run("list", "--json")) == expected
    first, second = run("list").splitlines()
    assert first.split(maxsplit=3) == ["0", key("EdDSA").kid, "EdDSA", "signs and verifies"]
    assert second.split(maxsplit=3) == ["1", key("ES256").kid, "ES256", "verifies"]


def test_the_list_of_derived_keys(settings: Settings) -> None:
    """Keys derived from ``SECRET_KEY`` and its fallbacks are listed, and marked as derived."""
    settings.SECRET_KEY_FALLBACKS = ["an older secret key, long enough to have been one"]
    note, *rows = run("list").splitlines()
    assert "SECRET_KEY" in note
    assert [row.split()[1] for row in rows] == [known.kid for known in get_key_ring().keys]
    assert len(json.loads(run("list", "--json"))) == 2


def test_the_list_shows_no_secret(settings: Settings) -> None:
    """Neither a secret nor ``SECRET_KEY`` is in it."""
    configure(settings, {"secret": SECRET})
    assert SECRET not in run("list") + run("list", "--json")


@pytest.mark.parametrize("command", [["list"], ["rotate", "--out", "key"]], ids=["list", "rotate"])
def test_an_invalid_ring_is_reported_like_the_check(settings: Settings, command: list[str]) -> None:
    """An invalid key ring is reported in the words of the check."""
    configure(settings, {"secret": "secret"})
    with pytest.raises(CommandError, match=r"authkit\.E082: SIGNING_KEYS\[0\]"):
        run(*command)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_rotation_prints_three_settings_that_work(
    settings: Settings, tmp_path: Path, algorithm: str
) -> None:
    """Publish, sign, retire: applied one after the other, the settings replace the old key by the new one."""
    (tmp_path / "old").write_text(json.dumps(jwk(algorithm)))
    configure(settings, {"path": tmp_path / "old"})
    printed = run("rotate", "--out", tmp_path / "new")
    publish, sign, retire = ([known.kid for known in ring_from_entries(s).keys] for s in settings_in(printed))
    old, new = key(algorithm).kid, load_entry({"path": tmp_path / "new"}).kid
    assert (publish, sign, retire) == ([old, new], [new, old], [new])
    assert load_entry({"path": tmp_path / "new"}).algorithm == algorithm
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_a_rotation_says_how_long_to_wait(settings: Settings, tmp_path: Path) -> None:
    """The max-age of the set; then the lifetime of an access token plus that max-age."""
    configure(settings, jwk("ES256"))
    printed = run("rotate", "--out", tmp_path / "new")
    assert "Wait for 5 minutes:" in printed
    assert "Wait for 10 minutes:" in printed


def test_a_rotation_may_change_the_algorithm_of_pairs(settings: Settings, tmp_path: Path) -> None:
    """From RSA to Ed25519, for example, but not between pairs and secrets."""
    configure(settings, jwk("RS256"))
    run("rotate", "--algorithm", "EdDSA", "--out", tmp_path / "new")
    assert load_entry({"path": tmp_path / "new"}).algorithm == "EdDSA"
    with pytest.raises(CommandError, match="one ring"):
        run("rotate", "--algorithm", "HS256", "--out", tmp_path / "other")
    configure(settings, {"secret": SECRET})
    with pytest.raises(CommandError, match="one ring"):
        run("rotate", "--algorithm", "ES256", "--out", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_derived_keys_are_rotated_by_django(tmp_path: Path) -> None:
    """Without ``SIGNING_KEYS``, rotate ``SECRET_KEY``."""
    with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS"):
        run("rotate", "--out", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_rotation_shows_no_key(settings: Settings, tmp_path: Path) -> None:
    """Keys and passwords in the settings are replaced by a note about where they are."""
    locked = tmp_path / "locked"
    locked.write_text(pem("ES256", password=PASSWORD))
    entries = [
        pem("ES256", 1),
        jwk("EdDSA"),
        {"path": locked, "password": PASSWORD},
        {"key": pem("EdDSA", 1)},
    ]
    configure(settings, *entries)
    printed = run("rotate", "--out", tmp_path / "new")
    hidden = [PASSWORD, jwk("EdDSA")["d"], *pem("ES256", 1).splitlines(), *pem("EdDSA", 1).splitlines()]
    assert not [text for text in hidden if text in printed]
    assert [f"the present SIGNING_KEYS[{position}]" in printed for position in range(4)] == [True] * 4
