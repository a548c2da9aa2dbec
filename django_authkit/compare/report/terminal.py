"""Output for a terminal of any width, with or without color, or for a log."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from django_authkit.compare.analysis.contest import CPU, LATENCY
from django_authkit.compare.analysis.findings import DIFFERENCE, FAULT, REMARK, TIE
from django_authkit.compare.analysis.intervals import Interval
from django_authkit.compare.analysis.metrics import OPERATION_MEASURES, REQUEST_MEASURES, bytes_a_session
from django_authkit.compare.analysis.statements import STATEMENTS, facts_of
from django_authkit.compare.http_client import called
from django_authkit.compare.measurements import OPERATIONS, Samples, usual
from django_authkit.compare.report.model import UNCHANGED, Report
from django_authkit.compare.run import Tick
from django_authkit.compare.words import duration, number

_MARKS = {FAULT: "! fault:", REMARK: "* remark:", DIFFERENCE: "> differs:", TIE: "= tie:"}
_STYLES = {FAULT: "bold red", REMARK: "yellow", DIFFERENCE: "bold", TIE: "dim"}
_COLUMNS = (
    "ms: median of one whole request, and its margin of error. CPU ms: of the workers, for a request. bytes: "
    "what the credential adds to a request. stored: bytes for a live session. logout: when the next worker "
    "refuses. down: what requests are answered while the store cannot be reached."
)
_NAME = 30
"""The widest column of names; longer ones are continued on a second line."""
_NARROW = 60
"""Below this, a table is a list."""


class Terminal:
    """
    Shows progress and results.

    Args:
        stream: The output; if not a terminal, one line per phase and no progress bar.
        colored: Whether colors and styles are used where *stream* is a terminal.
        detailed: Whether every figure and finding is shown, and not only what decides.
    """

    def __init__(self, stream: Any, *, colored: bool = True, detailed: bool = False) -> None:
        self.console = Console(file=stream, highlight=False, color_system="auto" if colored else None)
        self._detailed = detailed

    @contextmanager
    def phase(self, name: str, steps: int) -> Iterator[Tick]:
        """Yield a function to call after each step."""
        if not self.console.is_terminal:
            self.console.print(f"{name} ...", soft_wrap=True)
            yield lambda: None
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(name, total=steps)
            yield lambda: progress.advance(task)

    def note(self, sentence: str) -> None:
        """Show a note to the reader."""
        self.console.print(Text(sentence, "italic"))

    def show(self, report: Report) -> None:
        """Show the verdict, the table that it is made from, and what was broken or left out."""
        self._title("The verdict")
        for sentence in report.verdict:
            self.console.print(Padding(Text(sentence.text), (0, 0, 0, 2), expand=False))
        self._title(f"At a request of {called(report.measured.paths[0])}")
        self.show_lines(overview(report))
        self.console.print(Text(_COLUMNS, "dim"))
        if report.since:
            self._title(f"Since {report.since.made_at:%Y-%m-%d %H:%M}")
            for change in report.since.changes or [UNCHANGED]:
                self.console.print(Padding(Text(change), (0, 0, 0, 2), expand=False))
        if self._detailed:
            self._show_details(report)
        found = [each for each in report.findings if self._detailed or each.kind in {FAULT, REMARK}]
        if found:
            self._title("What it says")
        for finding in found:
            mark = Text(f"{_MARKS[finding.kind]} ", _STYLES[finding.kind])
            self.console.print(Padding(mark + Text(finding.text), (0, 0, 0, 2), expand=False))

    def _show_details(self, report: Report) -> None:
        for path in report.measured.paths:
            self._title(f"Authenticated requests of {called(path)}")
            self.show_lines(_request_lines(report, path))
        self._title("Login, refresh, logout (median ms; without hashing the password)")
        self.show_lines(_operation_lines(report))
        self._title("Statements, each tried")
        self.show_lines(_fact_lines(report))
        for key, text in STATEMENTS.items():
            self.console.print(Padding(Text(f"{_short(key)}: {text}.", "dim"), (0, 0, 0, 2), expand=False))

    def _title(self, text: str) -> None:
        self.console.print()
        self.console.print(Text(text, "bold"))

    def show_lines(self, lines: list[dict[str, str]]) -> None:
        """Show *lines*, which have the same members, as tables that fit, or as a list where none does."""
        if self.console.width < _NARROW:
            self.console.print(_blocks(lines))
            return
        for place, names in enumerate(_fitting(lines, self.console.width)):
            if place:
                self.console.print()
            self.console.print(_table(lines, names))


def _fitting(lines: list[dict[str, str]], width: int) -> list[list[str]]:
    """Divide the columns into groups that each fit *width* beside the first column, which all repeat."""
    first, *names = lines[0]
    room = width - min(_NAME, max(len(line[first]) for line in lines))
    groups: list[list[str]] = [[]]
    left = room
    for name in names:
        wide = 1 + max(len(name), *(len(line[name]) for line in lines))
        if wide > left and groups[-1]:
            groups.append([])
            left = room
        groups[-1].append(name)
        left -= wide
    return [[first, *group] for group in groups]


def _table(lines: list[dict[str, str]], names: list[str]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="underline")
    table.add_column(names[0], max_width=_NAME)
    for name in names[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*(line[name] for name in names))
    return table


def _blocks(lines: list[dict[str, str]]) -> RenderableType:
    blocks: list[RenderableType] = []
    for line in lines:
        (_, title), *members = line.items()
        blocks.append(Text(title, "underline"))
        blocks += [Padding(Text(f"{name}: {value}"), (0, 0, 0, 2), expand=False) for name, value in members]
    return Group(*blocks)


def overview(report: Report) -> list[dict[str, str]]:
    """Return what decides, a line for each variant."""
    path = report.measured.paths[0]
    return [_overview_line(each, path) for each in report.present]


def _overview_line(samples: Samples, path: str) -> dict[str, str]:
    held, found = bytes_a_session(samples), samples.behavior
    return {
        "variant": samples.variant.name,
        "ms": with_noise(LATENCY.of(samples, path)),
        "CPU ms": plain(CPU.of(samples, path)),
        "bytes": str(samples.credential_bytes),
        "stored": "-" if held is None else f"{held:,.0f}",
        "logout": _refused_after(found["revocation"]) if found else "-",
        "down": _while_lost(found.get("outage")),
    }


def _refused_after(revocation: dict[str, Any]) -> str:
    """Return when a credential was refused after its logout."""
    if None in revocation["delays"]:
        return "later"
    return duration(max(revocation["delays"]) / 1000) if any(revocation["let_in"]) else "at once"


def _while_lost(outage: dict[str, Any] | None) -> str:
    """Return what a request was answered while the store was lost."""
    return "-" if outage is None else "/".join(str(each or "-") for each in dict.fromkeys(outage["down"]))


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
    held = bytes_a_session(samples)
    return "-" if held is None else f"{held / 1024:.2f} at {samples.memory[-1]['sessions']:,}"


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
    return "-" if interval is None else number(interval.value)


def with_noise(interval: Interval | None) -> str:
    """Return the value and its margin of error."""
    if interval is None:
        return "-"
    return f"{plain(interval)} ±{number(float(f'{(interval.high - interval.low) / 2:.2g}'))}"
