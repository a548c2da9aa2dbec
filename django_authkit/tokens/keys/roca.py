"""
RSA keys of the ROCA vulnerability (CVE-2017-15361), which can be factored from the public key.

A library of smart cards and security modules made each prime as ``k * M + 65537 ** a % M``, where M is the
product of the first primes. So modulo each of those, the key is a power of 65537, which for a random key has
a probability of less than 1 in 2 ** 100.

Source: Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, section 2.
"""

from typing import Final


def _primes(most: int) -> list[int]:
    return [n for n in range(3, most + 1) if all(n % divisor for divisor in range(2, n))]


_POWERS: Final = {prime: frozenset(pow(65537, n, prime) for n in range(prime)) for prime in _primes(167)}
"""The powers of 65537 modulo each prime that is part of M for keys of any length."""


def is_roca(modulus: int) -> bool:
    """Tell whether an RSA key with this *modulus* has the form of those keys."""
    return all(modulus % prime in powers for prime, powers in _POWERS.items())
