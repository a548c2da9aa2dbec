"""The size of a test run: how ``AUTHKIT_TEST_PROFILE`` changes the number of rounds of a race."""

import os

_SHARES = {"full": 1, "ci": 5}


def rounds(full: int) -> int:
    """Return how often to repeat a race: all, a fifth (ci) or a tenth, as ``AUTHKIT_TEST_PROFILE`` says."""
    return max(1, full // _SHARES.get(os.environ.get("AUTHKIT_TEST_PROFILE", ""), 10))
