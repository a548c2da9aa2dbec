"""The client's address behind proxies, in every notation."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from django_authkit.http.client_info import device_of
from django_authkit.throttling.attempts import digests_of_address, sources_of

PEER = "192.0.2.99"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:50001", "198.51.100.7"),
        ("203.0.113.1, 198.51.100.7:50001", "198.51.100.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("::1", "::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:50001", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("198.51.100.7,", PEER),
        ("", PEER),
        ("unknown", "unknown"),
        ("[]:1", "[]:1"),
        (":50001", ":50001"),
    ],
)
def test_a_port_is_not_part_of_the_address(settings: Settings, forwarded: str, address: str) -> None:
    """Address and port, IPv6 in brackets, and an empty entry: the record has only the address."""
    settings.AUTHKIT = {"TRUSTED_PROXIES": 1}
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=forwarded, REMOTE_ADDR=PEER)
    assert device_of(request).address == address


@pytest.mark.parametrize("form", ["198.51.100.8:{}", "[2001:db8::1]:{}"])
def test_another_port_is_counted_as_the_same_sender(settings: Settings, form: str) -> None:
    """Connections of one client, with different ports, share one allowance."""
    settings.AUTHKIT = {"TRUSTED_PROXIES": 1}
    requests = (RequestFactory().get("/", HTTP_X_FORWARDED_FOR=form.format(port)) for port in (50001, 50002))
    assert len({tuple(sources_of(request)) for request in requests}) == 1


@pytest.mark.parametrize("address", ["::ffff:198.51.100.7", "64:ff9b::c633:6407", "64:ff9b::198.51.100.7"])
def test_an_ipv4_address_in_ipv6_is_counted_as_itself(address: str) -> None:
    """Mapped, or put there by a translator, behind which all of IPv4 would be one sender."""
    assert digests_of_address(address) == digests_of_address("198.51.100.7")
    assert digests_of_address("64:ff9b:1::1") != digests_of_address("0.0.0.1")


def test_digests_of_addresses_need_the_secret_key(settings: Settings) -> None:
    """Whoever has a copy of the store cannot try out which address or name is meant."""
    before = digests_of_address("198.51.100.7")
    settings.SECRET_KEY = "another secret key, long enough to be one: 4vKzQ0aPxw"
    assert digests_of_address("198.51.100.7") != before
