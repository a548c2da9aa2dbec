"""What the commands print when a server fails: one sentence that says which, where, and why."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from django_authkit.errors import StoreUnavailable
from django_authkit.outages import nothing_logged


@contextmanager
def failures_told() -> Iterator[None]:
    """
    Raise a ``CommandError`` with the cause if the store fails, or the settings or the tenant are invalid.

    If nobody reads the output any more, as ``head`` does not, the rest is dropped.
    """
    try:
        with nothing_logged():
            yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except StoreUnavailable as error:
        raise CommandError(error.cause) from error
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
