"""
Secrets that look random and are in the lists of attackers, as the beginnings of their SHA-256.

A selection of those that are long enough for HS256: keys of tutorials, templates and key generators that were
copied into many projects. Hashes, so that nobody finds them here who only searches for a key.

Source: jwt.secrets.list of https://github.com/wallarm/jwt-secrets, and tutorials.
"""

from hashlib import sha256
from typing import Final

_LENGTH: Final = 16
_HEX: Final = """
    0132b23d48e45ade 03e132d521b0595d 0716dfddf0d82b16 0accfeb96d7cb59c 0af69bce118b9092 0f45c41dbbf81cf4
    138e3c21f8c5581e 15903906b1cebffe 1749f8c865bdfcd5 174b37758c9da934 1d00fb15a35eed18 1ef250726cdc4486
    2fd78f0d80285926 304084abd1b7699f 35e7d74805f4dfa7 36c43a3ff8a1dcc0 3799bf1cd043d07c 38c9868faf0a222b
    39c149530823bccb 45db04336f0f43ce 45e41e0fc6bfbc61 48cec5751039b5de 4c0bf08221f3d71e 4d12645d9e060c95
    4f086641e9ad0d7d 51582b5e5dc42dd9 527e4c2d7cc8fff4 54036d6136faf51c 5461b66f64fbd481 56939cd062f51743
    5a7464b2295398c7 5df73e1aa59d8f33 6432280d2e42e998 67a9563fde3c9d0b 69024f21e9ad1759 6a4c0104f77be877
    6ce79fe07606edec 6f49ced9c4d90f3a 722345392076a8e1 727a68177b984778 7524565fe8657105 7933794a363ad823
    7d1f2171387cf941 804d2fa9c8126b11 8434b299dd317bab 8a6ec03003bbd185 8b54c29169d52935 8f68b821aab3c6c4
    8f7c647115d02850 986490e6235873ab 9b487ecc92d87d21 9b4e5829121e135f 9fb006056c337ad7 a3facfec489292b5
    a902dcc1320d1236 abfe081d992e568c adeb2ec8131849bc b3fa5dde6ba63e30 b844a3cd6575584e b889562eaa1adbb6
    bc200a4acb2a9298 bdd81c66ac1061e3 bfed351e63f0a4a4 c15327a07af95a31 c229ef400c4606b7 c7e728cf6bc96f77
    c7f6e46e005573dc cdb5064bf28adfe6 cf12062fabcfe5e7 d369a86426869041 d96693eb3d29b83a da521f8aa538eadc
    dc2650129ae28f6a e84f52509842f605 e9868c1004140ae7 eababa1574672de5 ebc01db0e0829815 ed3c66e5fb7c715b
    ee0b479be9be0d47 eeca1a62edd26f0a f25ec2a27d9bc009 f6f8e93c7bc3a1db faf4adf628bfe40a fc1fddc3323e404a
    fd4dec75abc2df7e fd8c68be3eb5b754 fdade2286c2e2cc0
"""
_HASHES: Final = frozenset(_HEX.split())


def is_known(secret: bytes) -> bool:
    """Tell whether *secret*, in lower case, is one of the selection."""
    return sha256(secret).hexdigest()[:_LENGTH] in _HASHES
