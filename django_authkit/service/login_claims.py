"""Claims that a project gives to a login: they stay with its record, in whatever form its credentials are."""

import json
from collections.abc import Mapping
from typing import Any, Final

from django_authkit.tokens.claims import RESERVED

LONGEST: Final = 1024
"""Most characters of all claims as JSON: each request reads them, and a cookie has 4,096 bytes at most."""


def claims_as_json(claims: Mapping[Any, Any]) -> str:
    """
    Return *claims* as the record holds them: a JSON object in ASCII, or nothing if there are none.

    Raises:
        ValueError: A name is reserved or no text, a value is not JSON, or they are too long.
    """
    if not claims:
        return ""
    if taken := RESERVED.intersection(claims):
        raise ValueError(f"Reserved claim names cannot be used: {', '.join(sorted(taken))}.")
    if not all(isinstance(name, str) and name for name in claims):
        raise ValueError("The names of claims are texts, and not empty.")
    try:
        text = json.dumps(dict(claims), separators=(",", ":"), allow_nan=False)
    except TypeError as error:
        raise ValueError(f"The values of claims are JSON: {error}.") from error
    if len(text) > LONGEST:
        raise ValueError(f"The claims of a login take {len(text)} characters as JSON; {LONGEST} are allowed.")
    return text
