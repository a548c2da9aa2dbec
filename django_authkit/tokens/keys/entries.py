"""
Reading the entries of ``SIGNING_KEYS``: the key of each, or what is wrong with it.

An entry is PEM, a JWK (text or dict), or a dict with the place of one of them:
``{"key": …}``, ``{"path": …}``, ``{"env": …}`` or ``{"secret": …}``, with ``"algorithm"`` if the key
does not say it, and ``"password"`` for encrypted PEM.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from django_authkit.tokens.keys import jwk as jwk_form
from django_authkit.tokens.keys.faults import Fault, KeyRefused
from django_authkit.tokens.keys.ring import HMAC, Key, KeyRing, PrivateKey, PublicKey, signing_kid
from django_authkit.tokens.keys.roca import is_roca
from django_authkit.tokens.keys.weak_secrets import refuse_weak

_PRIVATE = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)
_PUBLIC = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey)
_SOURCES = {"key", "path", "env", "secret"}
_EXTRAS = {"algorithm", "password"}
_OPERATIONS = {"sign", "verify"}
_OTHER_NAMES = {"Ed25519": "EdDSA"}
"""A JWK may have the fully specified name (RFC 9864); tokens have the name that PyJWT knows."""


def ring_from_entries(entries: Sequence[object]) -> KeyRing:
    """
    Return the ring of the *entries* of ``SIGNING_KEYS``, in their order.

    Environment variables and files are read now, and not again.

    Raises:
        KeyRefused: The first fault.
    """
    keys, refused = _load(entries)
    for problem in (*refused, *_ring_problems(keys)):
        raise problem
    return KeyRing(list(keys.values()))


def find_refused(entries: Sequence[object]) -> Iterator[KeyRefused]:
    """Yield all that is wrong with the *entries* of ``SIGNING_KEYS``."""
    keys, refused = _load(entries)
    yield from refused
    yield from _ring_problems(keys)


def exposed_files(entries: Sequence[object]) -> Iterator[tuple[int, str]]:
    """Yield position and path of each file with a private key or a secret that everybody here can read."""
    for position, entry in enumerate(entries):
        if isinstance(entry, Mapping) and "path" in entry:
            try:
                secret = load_entry(entry).signing is not None
                exposed = secret and bool(Path(entry["path"]).stat().st_mode & stat.S_IROTH)
            except (KeyRefused, OSError):  # find_refused tells
                continue
            if exposed:
                yield position, str(entry["path"])


def _load(entries: Sequence[object]) -> tuple[dict[int, Key], list[KeyRefused]]:
    keys: dict[int, Key] = {}
    refused: list[KeyRefused] = []
    for position, entry in enumerate(entries):
        try:
            keys[position] = load_entry(entry)
        except KeyRefused as problem:
            refused.append(problem.at(position))
    return keys, refused


def _ring_problems(keys: Mapping[int, Key]) -> Iterator[KeyRefused]:
    first_of: dict[str, int] = {}
    for position, key in keys.items():
        if position == 0 and key.signing is None:
            yield KeyRefused(Fault.CANNOT_SIGN, "is first, and only verifies.").at(0)
        if key.kid in first_of:
            problem = KeyRefused(Fault.DUPLICATE, f"is the same key as SIGNING_KEYS[{first_of[key.kid]}].")
            yield problem.at(position)
        first_of.setdefault(key.kid, position)
    secrets = [position for position, key in keys.items() if key.is_secret]
    if secrets and len(secrets) < len(keys):
        pair = next(position for position in keys if position not in secrets)
        problem = KeyRefused(Fault.MIXED, f"is a secret, and SIGNING_KEYS[{pair}] has a public half.")
        yield problem.at(secrets[0])


def load_entry(entry: object) -> Key:
    """
    Return the key that one *entry* of ``SIGNING_KEYS`` names; it can sign, if its private part is there.

    Raises:
        KeyRefused: It names none, or one that cannot be used. The message has no position.
    """
    if isinstance(entry, Mapping) and "kty" not in entry:
        return _load_described(entry)
    return _load_key(entry, algorithm=None, password=None)


def _load_described(entry: Mapping[Any, Any]) -> Key:
    given = _SOURCES & set(entry)
    if len(given) != 1 or not set(entry) <= _SOURCES | _EXTRAS:
        raise KeyRefused(Fault.FORM, "is a dict, and does not say in one way where its key is.")
    for name in _EXTRAS & set(entry):
        if not isinstance(entry[name], str):
            raise KeyRefused(Fault.FORM, f'has a member "{name}" that is no string.')
    source, algorithm = given.pop(), entry.get("algorithm")
    if source == "secret":
        if "password" in entry:
            raise KeyRefused(Fault.FORM, "has a password, and is no encrypted PEM.")
        return _secret_key(_secret_bytes(entry["secret"]), algorithm)
    found = entry["key"] if source == "key" else _READERS[source](entry[source])
    return _load_key(found, algorithm=algorithm, password=entry.get("password"))


def _secret_bytes(secret: object) -> bytes:
    if not isinstance(secret, str | bytes):
        raise KeyRefused(Fault.FORM, 'has a member "secret" that is no string.')
    if not secret:
        raise KeyRefused(Fault.UNREADABLE, "is an empty secret.")
    return secret.encode() if isinstance(secret, str) else secret


def _read_path(path: object) -> str:
    if not isinstance(path, str | os.PathLike):
        raise KeyRefused(Fault.FORM, 'has a member "path" that is no path.')
    try:
        return Path(path).read_text("utf-8-sig")
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise KeyRefused(Fault.UNREADABLE, f"names a file that cannot be read: {reason}.") from None


def _read_env(name: object) -> str:
    if not isinstance(name, str):
        raise KeyRefused(Fault.FORM, 'has a member "env" that is no string.')
    value = os.environ.get(name, "")
    if not value.strip():
        state = "empty" if name in os.environ else "not set"
        raise KeyRefused(Fault.UNREADABLE, f"names the environment variable {name!r}, which is {state}.")
    return value


_READERS = {"path": _read_path, "env": _read_env}


def _load_key(found: object, *, algorithm: str | None, password: str | None) -> Key:
    if isinstance(found, str):
        text = found.removeprefix("\ufeff").strip()
        if text.startswith("-----BEGIN "):
            return _pair_key(_from_pem(text, password), algorithm)
        found = _from_json(text)
    if password is not None:
        raise KeyRefused(Fault.FORM, "has a password, and is no encrypted PEM.")
    if not isinstance(found, Mapping):
        raise KeyRefused(Fault.FORM, "is neither text nor a dict.")
    if "kty" not in found:
        raise KeyRefused(Fault.UNREADABLE, 'is no JWK: it has no "kty".')
    return _from_jwk(found, algorithm)


def _from_json(text: str) -> object:
    if not text.startswith("{"):
        raise KeyRefused(Fault.UNREADABLE, "is neither PEM nor a JWK." if text else "is empty.")
    try:
        return jwk_form.parse(text)
    except ValueError:
        raise KeyRefused(Fault.UNREADABLE, "begins like a JWK, and is no valid JSON object.") from None


def _from_pem(text: str, password: str | None) -> object:
    octets = text.encode()
    try:
        if "PRIVATE KEY-----" in text:
            return load_pem_private_key(octets, None if password is None else password.encode())
        return load_pem_public_key(octets)
    except TypeError:  # the library's way of saying that there is a password too few or too many
        state = "encrypted, and has no password" if password is None else "not encrypted, and has a password"
        raise KeyRefused(Fault.UNREADABLE, f"is {state}.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRefused(Fault.UNREADABLE, "is PEM that holds no key, or not for this password.") from None


def _from_jwk(jwk: Mapping[str, Any], algorithm: str | None) -> Key:
    stated = jwk.get("alg", algorithm)
    if not isinstance(stated, str | None) or (algorithm is not None and stated != algorithm):
        raise KeyRefused(Fault.ALGORITHM, 'has an "alg" that is another than its "algorithm".')
    operations = _operations(jwk)
    try:
        if jwk["kty"] == "oct":
            key = _secret_key(jwk_form.read_secret(jwk), stated, signs="sign" in operations)
        else:
            key = _pair_key(jwk_form.read_key(jwk), stated)
    except jwk_form.UnsupportedKey:
        raise KeyRefused(Fault.ALGORITHM, "is of a kind or curve that no algorithm here takes.") from None
    except KeyRefused:
        raise
    except ValueError:
        raise KeyRefused(Fault.UNREADABLE, "is a JWK with members missing, or that do not fit.") from None
    needed = "verify" if key.is_secret or key.signing is None else "sign"
    if needed not in operations:
        raise KeyRefused(Fault.USE, f'has "key_ops" without "{needed}".')
    return key


def _operations(jwk: Mapping[str, Any]) -> set[str]:
    """Return what the JWK may be used for, by its ``use`` and ``key_ops`` (RFC 7517, sections 4.2, 4.3)."""
    if jwk.get("use", "sig") != "sig":
        raise KeyRefused(Fault.USE, 'has another "use" than "sig".')
    stated = jwk.get("key_ops", list(_OPERATIONS))
    if not isinstance(stated, list | tuple) or not all(isinstance(name, str) for name in stated):
        raise KeyRefused(Fault.USE, 'has "key_ops" that are no list of strings.')
    if not set(stated) <= _OPERATIONS:
        raise KeyRefused(Fault.USE, 'has "key_ops" other than "sign" and "verify".')
    return set(stated)


def _secret_key(secret: bytes, algorithm: str | None, *, signs: bool = True) -> Key:
    if algorithm not in {None, HMAC}:
        raise KeyRefused(Fault.ALGORITHM, f"is a secret, which is for {HMAC} only.")
    refuse_weak(secret)
    kid = signing_kid(secret)
    return Key(kid=kid, algorithm=HMAC, verifying=secret, signing=secret if signs else None)


def _pair_key(found: object, algorithm: str | None) -> Key:
    private = found if isinstance(found, _PRIVATE) else None
    public = private.public_key() if private else found
    if not isinstance(public, _PUBLIC):
        raise KeyRefused(Fault.ALGORITHM, "is of a kind that no algorithm here takes.")
    choice = _algorithms_of(public)
    if algorithm is None and len(choice) > 1:
        raise KeyRefused(Fault.ALGORITHM, f"does not say which it is for: {' or '.join(choice)}.")
    chosen = choice[0] if algorithm is None else _OTHER_NAMES.get(algorithm, algorithm)
    if chosen not in choice:
        raise KeyRefused(Fault.ALGORITHM, f"is for {' or '.join(choice)}, and says otherwise.")
    return _asymmetric(public, private, chosen)


def _algorithms_of(public: PublicKey) -> tuple[str, ...]:
    if isinstance(public, rsa.RSAPublicKey):
        return ("RS256", "PS256")
    if isinstance(public, ed25519.Ed25519PublicKey):
        return ("EdDSA",)
    if isinstance(public.curve, ec.SECP256R1):
        return ("ES256",)
    raise KeyRefused(Fault.ALGORITHM, "is on another curve than P-256.")


def _asymmetric(public: PublicKey, private: PrivateKey | None, algorithm: str) -> Key:
    kid = jwk_form.thumbprint(public)
    if isinstance(public, rsa.RSAPublicKey) and is_roca(public.public_numbers().n):
        raise KeyRefused(Fault.WEAK, "is an RSA key that can be factored (ROCA, CVE-2017-15361).")
    try:
        return Key(kid=kid, algorithm=algorithm, verifying=public, signing=private)
    except ValueError:
        raise KeyRefused(Fault.WEAK, "is an RSA key of less than 2048 bits.") from None
