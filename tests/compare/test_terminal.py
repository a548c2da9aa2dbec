"""What the terminal shows of the progress."""

import io

import pytest

from django_authkit.compare.report.terminal import Terminal


class Tty(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def test_a_terminal_shows_how_far_a_phase_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar of a phase counts its steps."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    stream = Tty()
    with Terminal(stream).phase("measuring in rounds", 3) as tick:
        tick()
        tick()
    assert "measuring in rounds" in stream.getvalue()
    assert "2/3" in stream.getvalue()
