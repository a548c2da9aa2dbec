"""An attacker tries to find the private key for a public key of a faulty generator."""

from itertools import count
from math import prod

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from django_authkit.tokens.keys.entries import ring_from_entries
from django_authkit.tokens.keys.faults import Fault, KeyRefused
from django_authkit.tokens.keys.roca import is_roca
from support.signing_keys import pem

SMALL = prod(n for n in range(2, 168) if all(n % divisor for divisor in range(2, n)))
"""Of all primes up to 167: part of M for keys of any length."""


def weak_prime(exponent: int) -> int:
    """Return a prime of 1,024 bits that the faulty library could have made."""
    residue = pow(65537, exponent, SMALL)
    start = (3 << 1022) // SMALL
    return next(n for k in count(start) if pow(2, (n := k * SMALL + residue) - 1, n) == 1)


def test_a_key_of_the_faulty_generator_is_refused() -> None:
    """It is refused even as a public key, since its private half can be computed."""
    modulus = weak_prime(7) * weak_prime(1234567)
    assert modulus.bit_length() == 2048
    public = rsa.RSAPublicNumbers(65537, modulus).public_key()
    text = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(KeyRefused, match="ROCA") as caught:
        ring_from_entries([{"key": pem("RS256"), "algorithm": "RS256"}, {"key": text, "algorithm": "RS256"}])
    assert caught.value.fault is Fault.WEAK
    assert caught.value.problem.message.startswith("SIGNING_KEYS[1] ")


def test_random_numbers_are_not_mistaken_for_such_keys() -> None:
    """None of a thousand odd numbers matches."""
    assert not any(is_roca((1 << 2047) + 2 * n + 1) for n in range(1000))
