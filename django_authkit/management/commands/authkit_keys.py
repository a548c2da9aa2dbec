"""``manage.py authkit_keys``: create, list and rotate signing keys without logging users out."""

import json
import os
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_authkit.api.jwks import MAX_AGE
from django_authkit.conf import InvalidSettings, get_settings
from django_authkit.management.subcommands import usual_options
from django_authkit.problems import in_words
from django_authkit.tokens.keys.generate import new_key, private_jwk, private_pem
from django_authkit.tokens.keys.ring import ALGORITHMS, HMAC, Key, KeyRing
from django_authkit.wiring import get_key_ring

_GENERATED = """\
A new {algorithm} key is in {path}.
Only you can read that file; its kid is {kid}. Add to AUTHKIT:

{setting}
"""
_ROTATION = """\
A new {algorithm} key is in {path}.
Only you can read that file; its kid is {kid}. Copy it to all workers, then take three steps.
Each is a deployment of AUTHKIT["SIGNING_KEYS"] to every worker; the wait starts when the last worker has it.

1. Publish: {old} still signs, and the new key is published.

{publish}

   Wait for {published}: by then no verifier has a key set without the new key.

2. Sign: the new key signs, and {old} still verifies.

{sign}

   Wait for {expired}: by then every access token that {old} signed has expired.
   If LIFETIMES["ACCESS"] was longer when the last of them was signed, wait for that long instead.

3. Retire: only the new key is left.

{retire}

   Destroy the old private key.
"""


class Command(BaseCommand):
    """Creates, lists and rotates the keys that sign access tokens."""

    help = "Generate, list and rotate the keys that sign access tokens (AUTHKIT['SIGNING_KEYS'])."
    requires_system_checks: tuple[str, ...] = ()  # works with invalid keys in the settings

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the subcommands."""
        commands = parser.add_subparsers(dest="command", required=True)
        usual = [usual_options()]
        generate = commands.add_parser("generate", help="Make a key.", parents=usual)
        rotate = commands.add_parser(
            "rotate", help="Generate a key, and print how it replaces the current one.", parents=usual
        )
        for making in (generate, rotate):
            making.add_argument("--out", required=True, type=Path, help="The file to write; must not exist.")
            making.add_argument("--format", choices=["jwk", "pem"], default="jwk")
        generate.add_argument("--algorithm", choices=sorted(ALGORITHMS), default="ES256")
        rotate.add_argument(
            "--algorithm", choices=sorted(ALGORITHMS), help="By default that of the current key."
        )
        listing = commands.add_parser("list", help="List the keys, without their content.", parents=usual)
        listing.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *_: Any, command: str, **options: Any) -> None:
        """Run the subcommand."""
        if command == "generate":
            self._generate(options["algorithm"], options["out"], options["format"])
        elif command == "rotate":
            self._rotate(options["algorithm"], options["out"], options["format"])
        else:
            self._list(as_json=options["as_json"])

    def _generate(self, algorithm: str, out: Path, form: str) -> None:
        key, entry = _make(algorithm, out, form)
        facts = {"algorithm": algorithm, "path": entry["path"], "kid": key.kid}
        self.stdout.write(_GENERATED.format(**facts, setting=_setting([_written(entry)])))

    def _rotate(self, algorithm: str | None, out: Path, form: str) -> None:
        old = _ring().signing
        if not get_settings().signing_keys:
            raise CommandError(
                "The keys follow from SECRET_KEY: rotate that, by SECRET_KEY_FALLBACKS. To move to keys of "
                "your own, make one with authkit_keys generate."
            )
        if algorithm is not None and (algorithm == HMAC) is not old.is_secret:
            raise CommandError(
                "Secrets and key pairs cannot be in one ring, so one cannot replace the other."
            )
        present = [_shown(entry, position) for position, entry in enumerate(get_settings().signing_keys)]
        key, entry = _make(algorithm or old.algorithm, out, form)
        new, expired = _written(entry), get_settings().lifetimes.access + MAX_AGE
        self.stdout.write(
            _ROTATION.format(
                algorithm=key.algorithm,
                path=entry["path"],
                kid=key.kid,
                old=f"the old key ({old.kid})",
                publish=_setting([present[0], new, *present[1:]]),
                published=in_words(MAX_AGE),
                sign=_setting([new, *present]),
                expired=in_words(expired),
                retire=_setting([new]),
            )
        )

    def _list(self, *, as_json: bool) -> None:
        rows = [
            {
                "position": position,
                "kid": key.kid,
                "algorithm": key.algorithm,
                "signs": position == 0,
                "verifies": True,
            }
            for position, key in enumerate(_ring().keys)
        ]
        if as_json:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        if not get_settings().signing_keys:
            self.stdout.write("SIGNING_KEYS is empty: the keys follow from SECRET_KEY and its fallbacks.")
        for row in rows:
            role = "signs and verifies" if row["signs"] else "verifies"
            self.stdout.write(f"{row['position']}  {row['kid']}  {row['algorithm']}  {role}")


def _ring() -> KeyRing:
    try:
        return get_key_ring()
    except InvalidSettings as error:
        raise CommandError(f"{error.problem.id}: {error}") from None


def _make(algorithm: str, out: Path, form: str) -> tuple[Key, dict[str, str]]:
    """Write a new key to *out*, and return it with its entry in ``SIGNING_KEYS``."""
    if form == "pem" and algorithm == HMAC:
        raise CommandError("There is no PEM form of secrets: leave --format at jwk.")
    key, path = new_key(algorithm), out.absolute()
    _write_private(path, private_pem(key) if form == "pem" else private_jwk(key))
    entry = {"path": str(path)}
    if form == "pem":
        entry["algorithm"] = algorithm
    return key, entry


def _write_private(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(f"{path} exists, and a key is never overwritten.") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _written(entry: Mapping[str, str]) -> str:
    return json.dumps(entry, ensure_ascii=False)


def _shown(entry: str | Mapping[str, Any], position: int) -> str:
    """Return *entry* as Python code, or a placeholder if that would show a key or a password."""
    if isinstance(entry, Mapping) and set(entry) <= {"path", "env", "algorithm"}:
        return _written({name: str(value) for name, value in entry.items()})
    return f"...,  # the present SIGNING_KEYS[{position}], as it is"


def _setting(entries: Sequence[str]) -> str:
    lines = [entry if entry.startswith("...") else f"{entry}," for entry in entries]
    return "\n".join(['    "SIGNING_KEYS": [', *(f"        {line}" for line in lines), "    ],"])
