"""Output for a terminal of any width, with or without color, or for a log."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from django_authkit.compare.analysis.findings import DIFFERENCE, FAULT, REMARK, TIE
from django_authkit.compare.analysis.intervals import Interval
from django_authkit.compare.analysis.metrics import OPERATION_MEASURES, REQUEST_MEASURES
from django_authkit.compare.analysis.statements import STATEMENTS, facts_of
from django_authkit.compare.http_client import called
from django_authkit.compare.measurements import OPERATIONS, Samples, usual
from django_authkit.compare.report.model import Report
from django_authkit.compare.run import Tick

_WIDE = 110
_MARKS = {FAULT: "! fault:", REMARK: "* remark:", DIFFERENCE: "> differs:", TIE: "= tie:"}
_STYLES = {FAULT: "bold red", REMARK: "yellow", DIFFERENCE: "bold", TIE: "dim"}


class Terminal:
    """
    Shows progress and results.

    Args:
        stream: The output; if not a terminal, one line per phase and no progress bar.
    """

    def __init__(self, stream: Any) -> None:
        self.console = Console(file=stream, highlight=False)

    @contextmanager
    def phase(self, name: str, steps: int) -> Iterator[Tick]:
        """Yield a function to call after each step."""
        if not self.console.is_terminal:
            self.console.print(f"{name} ...", soft_wrap=True)
            yield lambda: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(name, total=steps)
            yield lambda: progress.advance(task)

    def note(self, sentence: str) -> None:
        """Show a note to the reader."""
        self.console.print(Text(sentence, "italic"))

    def show(self, report: Report) -> None:
        """Show the figures, the statements and the findings."""
        for path in report.measured.paths:
            self.console.print()
            self.console.print(Text(f"Authenticated requests of {called(path)}", "bold"))
            self._lines(_request_lines(report, path))
        self.console.print()
        self.console.print(Text("Login, refresh, logout (median ms; without hashing the password)", "bold"))
        self._lines(_operation_lines(report))
        self.console.print()
        self.console.print(Text("Statements, each tried", "bold"))
        self._lines(_fact_lines(report))
        for key, text in STATEMENTS.items():
            self.console.print(Padding(Text(f"{_short(key)}: {text}.", "dim"), (0, 0, 0, 2)))
        self.console.print()
        self.console.print(Text("What it says", "bold"))
        for finding in report.findings:
            mark = Text(f"{_MARKS[finding.kind]} ", _STYLES[finding.kind])
            self.console.print(Padding(mark + Text(finding.text), (0, 0, 0, 2)))

    def _lines(self, lines: list[dict[str, str]]) -> None:
        """Show *lines*, which have the same members, as a table, or as a list if it does not fit."""
        self.console.print(_table(lines) if self.console.width >= _WIDE else _blocks(lines))


def _table(lines: list[dict[str, str]]) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="underline")
    for place, name in enumerate(lines[0]):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for line in lines:
        table.add_row(*line.values())
    return table


def _blocks(lines: list[dict[str, str]]) -> RenderableType:
    blocks: list[RenderableType] = []
    for line in lines:
        (_, title), *members = line.items()
        blocks.append(Text(title, "underline"))
        blocks += [Padding(Text(f"{name}: {value}"), (0, 0, 0, 2)) for name, value in members]
    return Group(*blocks)


def _request_lines(report: Report, path: str) -> list[dict[str, str]]:
    lines = []
    for each in report.present:
        kept = each.paths[path]
        p50, p95, p99, rate, cpu, store = (measure.of(each, path) for measure in REQUEST_MEASURES)
        lines.append(
            {
                "variant": each.variant.name,
                "p50 ms": with_noise(p50),
                "p95 ms": plain(p95),
                "p99 ms": plain(p99),
                "req/s": with_noise(rate),
                "CPU s/1000": plain(cpu),
                "store CPU": plain(store),
                "trips": str(usual(kept.trips)),
                "SQL": str(usual(kept.queries)),
                "bytes": str(each.credential_bytes),
            }
        )
    return lines


def _operation_lines(report: Report) -> list[dict[str, str]]:
    return [
        {
            "variant": each.variant.name,
            **{name: _operation(each, name) for name in OPERATIONS},
            "KiB/session": kib(each),
        }
        for each in report.present
        if each.variant.logs_in
    ]


def _operation(samples: Samples, name: str) -> str:
    kept = samples.operations.get(name)
    if kept is None or not kept.latencies:
        return "-"
    measure = next(each for each in OPERATION_MEASURES if each.key == name)
    counts = f"{usual(kept.trips)} trips, {usual(kept.queries)} SQL"
    return f"{plain(measure.of(samples, ''))} ({counts})"


def kib(samples: Samples) -> str:
    """Return the bytes per live session at the largest size reached."""
    if len(samples.memory) < 2:
        return "-"
    empty, *_, last = samples.memory
    return f"{(last['bytes'] - empty['bytes']) / last['sessions'] / 1024:.2f} at {last['sessions']:,}"


def _fact_lines(report: Report) -> list[dict[str, str]]:
    return [
        {"variant": each.variant.name, **{_short(fact.key): fact.answer for fact in facts_of(each)}}
        for each in report.present
        if each.variant.logs_in
    ]


def _short(key: str) -> str:
    return key.replace("_", " ")


def plain(interval: Interval | None) -> str:
    """Return the value, or a dash."""
    return (
        "-"
        if interval is None
        else f"{interval.value:.3g}"
        if interval.value < 100
        else f"{interval.value:.0f}"
    )


def with_noise(interval: Interval | None) -> str:
    """Return the value and its margin of error."""
    if interval is None:
        return "-"
    return f"{plain(interval)} ±{(interval.high - interval.low) / 2:.2g}"
