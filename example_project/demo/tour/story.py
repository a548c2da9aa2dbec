"""Prints the tour in 80 columns, and checks each step."""

from textwrap import fill

from django.core.management.base import OutputWrapper

_WIDTH = 80


class Deviation(Exception):
    """A step did not go as expected; the message names it."""


class Story:
    """
    The printed text, and the position in it.

    Attributes:
        steps: How many steps have begun.
        exchanges: How many requests have been answered.
    """

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._sentence = ""
        self.steps = self.exchanges = 0

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self.line(f"\n{title}\n{'=' * len(title)}")

    def step(self, sentence: str) -> None:
        """Begin a step; *sentence* says what happens and what to expect."""
        self.steps += 1
        self._sentence = sentence
        self.line("\n" + fill(f"{self.steps:2}. {sentence}", _WIDTH, subsequent_indent="    ") + "\n")

    def detail(self, text: str) -> None:
        """Print a line that belongs to an exchange, deeper than its first."""
        margin = " " * 15
        self.line(fill(text, _WIDTH, initial_indent=margin, subsequent_indent=margin + "  "))

    def line(self, text: str) -> None:
        """Print *text* and a line break."""
        self._out.write(text + "\n")
        self._out.flush()

    def check(self, holds: bool, otherwise: str) -> None:
        """
        Continue if *holds* is true.

        Raises:
            Deviation: It is false; *otherwise* says what is wrong.
        """
        if not holds:
            message = f'Step {self.steps}, "{self._sentence}", went wrong: {otherwise}.'
            raise Deviation(message)
