"""The error that stops a comparison: its message says what to do."""


class CannotCompare(Exception):
    """The comparison cannot run; its data has been removed."""
