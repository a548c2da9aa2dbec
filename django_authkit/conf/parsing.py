"""Parses the settings: checks for unknown keys and converts each value to its type."""

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Literal

from django.conf import settings

from django_authkit.conf.cookies import cookie_settings
from django_authkit.conf.groups import Cookie
from django_authkit.conf.renamed import INSTEAD, MOVED
from django_authkit.conf.schema import Adoptions, AuthKitSettings, InvalidSettings, SigningKeys
from django_authkit.problems import Problem
from django_authkit.types import Mode


def form_problems() -> Iterator[Problem]:
    """Yield the problems of each setting taken by itself."""
    yield from _mode_problems()
    yield from _form_problems("AUTHKIT", AuthKitSettings, _raw())


def read_settings() -> AuthKitSettings:
    """Return the settings. Call it only if ``form_problems`` yields nothing."""
    raw, known = _raw(), _members(AuthKitSettings)
    values = {key.lower(): _convert(known[key], value) for key, value in raw.items()}
    values["cookie"] = cookie_settings(values.get("cookie", Cookie()), _written(raw.get("COOKIE", {})))
    mode = Mode(settings.AUTHKIT_MODE)
    return AuthKitSettings(mode=mode, **{"accept": (mode,), **values})


def _written(group: Any) -> set[str]:
    """Return the fields of *group* that the project sets."""
    return {key.lower() for key in group} if isinstance(group, Mapping) else {f.name for f in fields(group)}


def _raw() -> Mapping[str, Any]:
    raw = getattr(settings, "AUTHKIT", {})
    if not isinstance(raw, Mapping):
        raise InvalidSettings(
            Problem("authkit.E002", "AUTHKIT is not a dict.", 'Write AUTHKIT = {"STORE": …}.')
        )
    return raw


def _mode_problems() -> Iterator[Problem]:
    mode = getattr(settings, "AUTHKIT_MODE", None)
    if mode not in list(Mode):
        choices = " or ".join(f'"{m}"' for m in Mode)
        yield Problem("authkit.E001", f"AUTHKIT_MODE is {mode!r}.", f"Set AUTHKIT_MODE to {choices}.")


def _members(kind: Any) -> Mapping[str, Any]:
    """Return the types of the keys that the dict *kind* has."""
    hints = typing.get_type_hints(kind)
    elsewhere = {"mode"} if kind is AuthKitSettings else set()  # AUTHKIT_MODE
    return {f.name.upper(): hints[f.name] for f in fields(kind) if f.name not in elsewhere}


def _form_problems(path: str, kind: Any, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the unknown keys and wrong types of the dict *raw*, written ``AUTHKIT["…"]`` in messages."""
    known = _members(kind)
    for key, value in raw.items():
        name = f'{path}["{key}"]'
        if key not in known:
            yield Problem("authkit.E003", f'{path} has no setting "{key}".', _hint(key, known))
        elif is_dataclass(known[key]) and isinstance(value, Mapping):
            yield from _form_problems(name, known[key], value)
        elif not _fits(known[key], value):
            shown = "of another type" if known[key] is SigningKeys else repr(value)  # never a key
            yield Problem("authkit.E004", f"{name} is {shown}.", f"It takes {_describe(known[key])}.")


def _hint(key: object, known: Mapping[str, Any]) -> str:
    name = str(key).upper()
    if name in INSTEAD:
        return INSTEAD[name]
    if name in MOVED:
        group, member = MOVED[name]
        return f'It is now AUTHKIT["{group}"]["{member}"].'
    near = get_close_matches(name, known, n=1)
    return f'Did you mean "{near[0]}"?' if near else f"Known are {', '.join(sorted(known))}."


def _fits(kind: Any, value: Any) -> bool:
    try:
        _convert(kind, value)
    except (TypeError, ValueError):
        return False
    return True


def _convert(kind: Any, value: Any) -> Any:
    """Return *value* as *kind*; enums and tuples may be written as strings and lists."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return _items(arguments[0], value) if arguments[-1] is ... else _each(arguments, value)
    if is_dataclass(kind):
        return _nested(kind, value)
    if isinstance(kind, type) and issubclass(kind, StrEnum | SigningKeys | Adoptions):
        return kind(value)
    if origin is Literal:
        fits = value in arguments
    elif isinstance(kind, types.UnionType):
        return _one_of(arguments, value)
    else:
        fits = type(value) is kind  # exact: True is not a number
    if not fits:
        raise TypeError
    return value


def _items(kind: Any, value: Any) -> Any:
    if isinstance(value, str) or not value:
        raise TypeError
    return tuple(dict.fromkeys(_convert(kind, item) for item in value))


def _each(kinds: Sequence[Any], value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != len(kinds):
        raise TypeError
    return tuple(map(_convert, kinds, value))


def _one_of(kinds: Sequence[Any], value: Any) -> Any:
    for kind in kinds:
        with suppress(TypeError, ValueError):
            return _convert(kind, value)
    raise TypeError


def _nested(kind: Any, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise TypeError
    known = _members(kind)
    return kind(**{key.lower(): _convert(known[key], each) for key, each in value.items()})


def _describe(kind: Any) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " or ".join(repr(a) for a in arguments)
    if origin is tuple:
        return _describe_tuple(arguments)
    if isinstance(kind, types.UnionType):
        return " or ".join("None" if each is types.NoneType else _describe(each) for each in arguments)
    if is_dataclass(kind):
        return f"a dict of {', '.join(_members(kind))}"
    if issubclass(kind, StrEnum):
        return ", ".join(repr(str(member)) for member in kind)
    if kind is SigningKeys:
        return "a list of strings (PEM, JWK) and dicts"
    if kind is Adoptions:
        return "a list of strings (names of adapters) and dicts"
    return {bool: "True or False", str: "a string", int: "a whole number", timedelta: "a timedelta"}[kind]


def _describe_tuple(arguments: Sequence[Any]) -> str:
    if arguments[-1] is ...:
        return f"a tuple of one or more of {_describe(arguments[0])}"
    return f"a tuple of {' and '.join(map(_describe, arguments))}"
