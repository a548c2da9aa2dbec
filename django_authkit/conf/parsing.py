"""Parses the settings: checks for unknown keys and converts each value to its type."""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields, is_dataclass
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Literal

from django.conf import settings

from django_authkit.conf.cookies import for_plain_http, implied_names
from django_authkit.conf.schema import Adoptions, AuthKitSettings, SettingsProblem, SigningKeys
from django_authkit.types import Mode


def form_problems() -> Iterator[SettingsProblem]:
    """Yield the problems of each setting taken by itself."""
    yield from _mode_problems()
    yield from _key_problems()
    yield from _type_problems()


def read_settings() -> AuthKitSettings:
    """Return the settings. Call it only if ``form_problems`` yields nothing."""
    known = _fields()
    values = {known[key].name: _convert(known[key].type, value) for key, value in _raw().items()}
    mode = Mode(settings.AUTHKIT_MODE)
    defaults = {"accept": (mode,), **implied_names(values)}
    chosen = AuthKitSettings(mode=mode, **{**defaults, **values})
    return for_plain_http(chosen) if chosen.plain_http and settings.DEBUG else chosen


def _raw() -> Mapping[str, Any]:
    raw = getattr(settings, "AUTHKIT", {})
    if not isinstance(raw, Mapping):
        raise SettingsProblem("authkit.E002", "AUTHKIT is not a dict.", 'Write AUTHKIT = {"STORE": …}.')
    return raw


def _mode_problems() -> Iterator[SettingsProblem]:
    mode = getattr(settings, "AUTHKIT_MODE", None)
    if mode not in list(Mode):
        choices = " or ".join(f'"{m}"' for m in Mode)
        yield SettingsProblem("authkit.E001", f"AUTHKIT_MODE is {mode!r}.", f"Set AUTHKIT_MODE to {choices}.")


def _fields() -> dict[str, Field[Any]]:
    return {f.name.upper(): f for f in fields(AuthKitSettings) if f.name != "mode"}


def _key_problems() -> Iterator[SettingsProblem]:
    known = _fields()
    for key in _raw():
        if key not in known:
            near = get_close_matches(str(key).upper(), known, n=1)
            hint = f'Did you mean "{near[0]}"?' if near else f"Known are {', '.join(sorted(known))}."
            yield SettingsProblem("authkit.E003", f'AUTHKIT has no setting "{key}".', hint)


def _type_problems() -> Iterator[SettingsProblem]:
    known = _fields()
    for key, value in _raw().items():
        if key in known:
            try:
                _convert(known[key].type, value)
            except (TypeError, ValueError):
                kind = known[key].type
                shown = "of another type" if kind is SigningKeys else repr(value)  # never a key
                yield SettingsProblem(
                    "authkit.E004", f'AUTHKIT["{key}"] is {shown}.', f"It takes {_describe(kind)}."
                )


def _convert(kind: Any, value: Any) -> Any:
    """Return *value* as *kind*; enums and tuples may be written as strings and lists."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return _items(arguments[0], value)
    if is_dataclass(kind):
        return _nested(kind, value)
    if isinstance(kind, type) and issubclass(kind, StrEnum | SigningKeys | Adoptions):
        return kind(value)
    if origin is Literal:
        fits = value in arguments
    elif isinstance(kind, types.UnionType):
        fits = type(value) in arguments
    else:
        fits = type(value) is kind  # exact: True is not a number
    if not fits:
        raise TypeError
    return value


def _items(kind: Any, value: Any) -> Any:
    if isinstance(value, str) or not value:
        raise TypeError
    return tuple(dict.fromkeys(_convert(kind, item) for item in value))


def _nested(kind: Any, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    known = {f.name: typing.get_type_hints(kind)[f.name] for f in fields(kind)}
    if not isinstance(value, Mapping) or not known.keys() >= value.keys():
        raise TypeError
    return kind(**{name: _convert(known[name], each) for name, each in value.items()})


def _describe(kind: Any) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " or ".join(repr(a) for a in arguments)
    if origin is tuple:
        return f"a tuple of one or more of {_describe(arguments[0])}"
    if isinstance(kind, types.UnionType):
        return " or ".join("None" if each is types.NoneType else _describe(each) for each in arguments)
    if is_dataclass(kind):
        return f"a dict of {', '.join(f.name for f in fields(kind))}"
    if issubclass(kind, StrEnum):
        return ", ".join(repr(str(member)) for member in kind)
    if kind is SigningKeys:
        return "a list of strings (PEM, JWK) and dicts"
    if kind is Adoptions:
        return "a list of strings (names of adapters) and dicts"
    return {bool: "True or False", str: "a string", int: "a whole number", timedelta: "a timedelta"}[kind]
