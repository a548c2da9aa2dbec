"""Where a client address is, such as "Seoul, South Korea", by the GeoIP2 database of a project."""

import atexit
import logging
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from django.conf import settings

logger = logging.getLogger(__name__)

_SETTINGS: Final = ("GEOIP_PATH", "GEOIP_CITY", "GEOIP_COUNTRY")
"""What Django's ``GeoIP2`` reads."""


def place_of(address: str) -> str:
    """
    Return the city and the country of *address*, or what is known of them; empty without ``GEOIP_PATH``.

    It is looked up in a file of this machine each time and not stored: a newer database is right about older
    logins, too. A database that is missing, damaged, or does not have the address is no error.
    """
    return _lookup(*(getattr(settings, name, None) for name in _SETTINGS))(address) if has_places() else ""


def has_places() -> bool:
    """Return whether the project has set ``GEOIP_PATH``."""
    return bool(getattr(settings, "GEOIP_PATH", None))


def open_database() -> Any:
    """
    Return Django's ``GeoIP2`` of the project's database.

    Raises:
        Exception: It cannot be opened; of a damaged file, the reader raises anything.
    """
    from django.contrib.gis import geoip2

    if not geoip2.HAS_GEOIP2:
        raise ImportError("the package geoip2 is not installed")
    return geoip2.GeoIP2(cache=geoip2.GeoIP2.MODE_MMAP)  # in Python: in C, a damaged file ends the process


@lru_cache(maxsize=4)
def _lookup(*_settings: object) -> Callable[[str], str]:
    """Return what finds places in the database of these settings, which a process opens once."""
    try:
        database = open_database()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the devices are listed
        _tell(f"{type(error).__name__}: {error}")
        return lambda _text: ""

    def find(text: str) -> str:
        address = _parsed(text)
        if address is None:
            return ""
        try:
            known = (database.city if database.is_city else database.country)(address)
            return ", ".join(filter(None, (known.get("city"), known["country_name"])))
        except Exception as error:  # noqa: BLE001 - as above
            if type(error).__name__ != "AddressNotFoundError":
                _tell(f"{type(error).__name__}: {error}")
            return ""

    return find


atexit.register(_lookup.cache_clear)  # closes the files while their modules are still there


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Return *text* as an address; None for anything else, which ``GeoIP2`` would ask a name server about."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=16)
def _tell(why: str) -> None:
    """Log, once in a process, why no place is shown."""
    logger.warning("The database in GEOIP_PATH cannot be read, so no places are shown: %s", why)
