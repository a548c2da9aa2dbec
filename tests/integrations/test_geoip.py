"""Where a device is, by Django's ``GeoIP2``: with a database that is written here, and with broken ones."""

import logging
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from django_authkit import sessions_of
from django_authkit.checks.references import check_places
from django_authkit.conf import get_settings
from django_authkit.http.places import place_of
from support.client import Device
from support.live_site import LiveSite, by_cookie, in_session_mode

KOREA = {"country": {"iso_code": "KR", "names": {"en": "South Korea"}}}
SEOUL = {"city": {"names": {"en": "Seoul"}}, **KOREA}
HERE = "198.51.100.7"
"""The address of the tests' devices."""

pytestmark = [in_session_mode, by_cookie, pytest.mark.parametrize("where", ["sqlite"], indirect=True)]


def database(path: Path, kind: str, places: dict[str, Any]) -> Path:
    """Write a database of that kind with the places of networks, and return its path."""
    written = MMDBWriter(6, kind, languages=["en"], description="of a test", ipv4_compatible=True)
    for network, place in places.items():
        written.insert_network(IPSet([network]), place)
    written.to_db_file(str(path))
    return path


def shown(device: Device, ada: User) -> list[str]:
    """Return each page that lists the device: the API, the device page, and three of the admin."""
    (session,) = sessions_of(ada)
    sid = session.sid.replace("_", "_5F")
    rows = "/admin/django_authkit/authsessionrow/"
    pages = ["/account/devices/", rows, f"{rows}{sid}/change/", f"{rows}by-user/{ada.pk}/"]
    answers = [device.get(path) for path in ("/auth/sessions/", *pages)]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.content.decode() for answer in answers]


@pytest.mark.parametrize(
    ("kind", "known", "place"),
    [
        ("GeoLite2-City", SEOUL, "Seoul, South Korea"),
        ("GeoLite2-City", KOREA, "South Korea"),
        ("GeoLite2-Country", KOREA, "South Korea"),
    ],
)
def test_a_device_is_shown_with_its_place(
    site: LiveSite, device: Device, ada: User, tmp_path: Path, kind: str, known: Any, place: str
) -> None:
    """Beside its address, on each page; and nothing of it is in the record."""
    database(tmp_path / f"{kind}.mmdb", kind, {"198.51.100.0/24": known})
    site.settings.GEOIP_PATH = tmp_path
    api, *pages = shown(device, ada)
    assert f'"place":"{place}"' in api
    assert all(f"{HERE} ({place})" in page for page in pages)
    assert "Korea" not in repr(sessions_of(ada))
    assert not list(check_places(get_settings()))


def test_what_is_no_address_of_a_place_has_none(site: LiveSite, tmp_path: Path) -> None:
    """An address that the database lacks, and a text that only a name server could find an address for."""
    places = {"127.0.0.0/8": SEOUL, "2001:db8::/32": KOREA, "198.51.100.0/24": SEOUL}
    site.settings.GEOIP_PATH = database(tmp_path / "any.mmdb", "GeoLite2-City", places)
    for text in ("", "localhost", "unix:", "192.0.2.1", "fe80::1%eth0", "7", "127.0.0.1\0"):
        assert place_of(text) == ""
    assert place_of("2001:db8::1") == "South Korea"
    assert place_of("127.0.0.1") == place_of(f"::ffff:{HERE}") == "Seoul, South Korea"


@pytest.mark.parametrize("fault", ["missing", "empty", "cut", "another", "garbled"])
def test_a_broken_database_hides_no_device(
    site: LiveSite,
    device: Device,
    ada: User,
    tmp_path: Path,
    fault: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The pages show it without a place; the log tells once what is wrong, and so does a check."""
    path = tmp_path / f"{fault}.mmdb"
    whole = database(path, "GeoLite2-City", {"198.51.100.0/24": SEOUL}).read_bytes()
    if fault == "missing":
        path.unlink()
    elif fault == "another":
        database(path, "GeoLite2-ASN", {})
    else:
        half, garbled = whole[: len(whole) // 2], whole.replace(b"Seoul", b"\xff" * 5)
        path.write_bytes({"empty": b"", "cut": half, "garbled": garbled}[fault])
    site.settings.GEOIP_PATH = path
    with caplog.at_level(logging.WARNING, "django_authkit.http.places"):
        api, *pages = shown(device, ada)
        shown(device, ada)
    assert '"place":""' in api
    assert all(HERE in page and "Korea" not in page for page in pages)
    assert len([each for each in caplog.records if "GEOIP_PATH" in each.getMessage()]) == 1
    told = [problem.id for problem in check_places(get_settings())]
    assert told == (["authkit.W108"] if fault != "garbled" else [])
