"""What keeps a comparison from being made: one sentence that says what to do about it."""


class CannotCompare(Exception):
    """The comparison cannot be made, or was cut short; nothing of it is left behind."""
