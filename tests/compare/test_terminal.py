"""What the terminal shows of the progress."""

import io
import json
from pathlib import Path

import pytest

from django_authkit.compare.report.progress_file import ProgressFile
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


def test_a_file_says_how_far_a_phase_is(tmp_path: Path) -> None:
    """The file has the phase and its steps from the first moment on, and the log is the same as without."""
    stream, file = io.StringIO(), tmp_path / "progress.json"
    with ProgressFile(Terminal(stream), file).phase("measuring in rounds", 3) as tick:
        for done in range(4):
            told = {"phase": "measuring in rounds", "step": done, "steps": 3}
            assert json.loads(file.read_text()) == told
            tick()
    assert stream.getvalue() == "measuring in rounds ...\n"


def test_colors_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``--no-color`` even a terminal gets neither colors nor styles."""
    monkeypatch.setenv("TERM", "xterm-256color")
    for colored in (True, False):
        stream = Tty()
        Terminal(stream, colored=colored).note("a note")
        assert ("\x1b[" in stream.getvalue()) is colored


@pytest.mark.parametrize("width", [50, 80, 140])
def test_every_table_fits_the_width(width: int) -> None:
    """A table that is too wide is continued in a second one that repeats the names; nothing is cut off."""
    names = ["variant", *(f"figure {i}" for i in range(12))]
    lines = [dict(zip(names, [f"a variant {i}", *["1,234 ±56"] * 12], strict=True)) for i in range(3)]
    stream = io.StringIO()
    terminal = Terminal(stream)
    terminal.console.width = width
    terminal.show_lines(lines)
    shown = stream.getvalue()
    assert max(map(len, shown.splitlines())) <= width
    assert shown.count("1,234 ±56") == 36
    assert shown.count("a variant 2") == (1 if width == 50 else 2 if width == 80 else 1)
