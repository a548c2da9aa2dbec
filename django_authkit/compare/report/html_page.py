"""
One self-contained HTML page with the whole report, which needs no network and is complete without its script.

The plots are SVG whose places are shares of its width, so they fit a phone and a wide screen without their
text being scaled, take their colors from the page's theme, and need neither a script nor a style that a
strict Content-Security-Policy forbids. No plotting library we evaluated does that (matplotlib and
pygal write inline styles and fixed colors, the others need scripts). Shapes and numbers carry all the
information that colors do.
"""

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.template import Context, Engine

from django_authkit.compare.analysis.findings import DIFFERENCE, FAULT, REMARK, TIE
from django_authkit.compare.analysis.intervals import Interval
from django_authkit.compare.analysis.metrics import OPERATION_MEASURES, REQUEST_MEASURES, Measure
from django_authkit.compare.analysis.statements import STATEMENTS, facts_of
from django_authkit.compare.http_client import called
from django_authkit.compare.measurements import OPERATIONS, Samples, usual
from django_authkit.compare.report import first_screen
from django_authkit.compare.report.model import UNCHANGED, Report

_TEMPLATES = Path(__file__).parent / "templates"
_SHAPES = ("circle", "diamond", "triangle")
_TICKS = 4
_HEADINGS = {
    FAULT: "Faults: promises that were not kept",
    DIFFERENCE: "Differs by more than the noise",
    TIE: "Ties: no larger than the noise",
    REMARK: "Remarks",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A figure on a line: its shape, and its positions as percentages of the width."""

    shape: str
    at: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """A variant's line: its marks, and the name and words of each figure."""

    name: str
    marks: Sequence[Mark]
    cells: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Plot:
    """
    One plot, which is also a table.

    Attributes:
        legend: Shape and name of each figure.
        ticks: Places (percent) and numbers of the axis.
    """

    title: str
    about: str
    legend: Sequence[tuple[str, str]]
    ticks: Sequence[tuple[float, str]]
    rows: Sequence[Row]


def render(report: Report) -> str:
    """Return the page."""
    engine = Engine(dirs=[str(_TEMPLATES)], autoescape=True)
    style, script = ((_TEMPLATES / name).read_text("utf-8") for name in ("page.css", "page.js"))
    context = {
        "report": report,
        "unchanged": UNCHANGED,
        "style": style,
        "style_hash": _hash(style),
        "script": script,
        "script_hash": _hash(script),
        "first_path": called(report.measured.paths[0]),
        **first_screen.contents(report),
        **_contents(report),
    }
    return engine.get_template("page.html").render(Context(context))


def _hash(text: str) -> str:
    """Return how a Content-Security-Policy names inline *text*."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _contents(report: Report) -> dict[str, Any]:
    groups = [
        (title, [f for f in report.findings if f.kind == kind], kind) for kind, title in _HEADINGS.items()
    ]
    return {
        "groups": [each for each in groups if each[1]],
        "paths": [
            (called(path), _request_plots(report, path), _counts(report, path))
            for path in report.measured.paths
        ],
        "operations": [_operation_plot(report), *_memory_plots(report)],
        "operation_counts": _operation_counts(report),
        "statements": STATEMENTS.items(),
        "facts": [
            (each.variant.key, each.variant.name, facts_of(each)) for each in report.present if each.behavior
        ],
    }


def _request_plots(report: Report, path: str) -> list[Plot]:
    p50, p95, p99, rate, cpu, store = REQUEST_MEASURES
    return [
        _plot(report.present, path, "Latency of one request", (p50, p95, p99), "ms; less is better."),
        _plot(report.present, path, "Throughput", (rate,), "requests a second; more is better."),
        _plot(report.present, path, "CPU time", (cpu, store), "seconds per 1,000 requests; less is better."),
    ]


def _operation_plot(report: Report) -> Plot:
    about = "median, ms; less is better. The hashing of the password is left out: it is the same for all."
    subjects = [each for each in report.present if each.variant.logs_in]
    return _plot(subjects, "", "Login, refresh and logout", OPERATION_MEASURES, about)


def _plot(samples: Sequence[Samples], path: str, title: str, measures: Sequence[Measure], about: str) -> Plot:
    figures = [[measure.of(each, path) for measure in measures] for each in samples]
    values = [i.high if math.isfinite(i.high) else i.value for line in figures for i in line if i]
    most, ticks = _axis(max(values, default=1.0))
    names = [(shape, measure.name) for shape, measure in zip(_SHAPES, measures, strict=False)]
    rows = [
        Row(
            each.variant.name,
            [_mark(shape, i, most) for shape, i in zip(_SHAPES, line, strict=False) if i],
            [(measure.name, _told(i)) for measure, i in zip(measures, line, strict=True)],
        )
        for each, line in zip(samples, figures, strict=True)
    ]
    return Plot(title, about, names, ticks, rows)


def _memory_plots(report: Report) -> list[Plot]:
    """Return the bytes per live session at each size, and those of one more."""
    measured = [each for each in report.present if len(each.memory) > 1]
    if not measured:
        return []
    sizes = [each["sessions"] for each in max((s.memory for s in measured), key=len)][1:]
    about = "bytes a live session, indexes included; less is better. Slope: what each further one takes."
    most, ticks = _axis(max(_each(s.memory, i) for s in measured for i in range(1, len(s.memory))))
    names = [*(f"at {size:,} sessions" for size in sizes), "slope"]
    rows = []
    for each in measured:
        found = [_each(each.memory, i) for i in range(1, len(each.memory))]
        marks = [
            _mark(shape, Interval(value, value, value), most)
            for shape, value in zip(_SHAPES, found, strict=False)
        ]
        cells = [f"{value:,.0f}" for value in found] + ["not reached"] * (len(sizes) - len(found))
        cells.append(f"{slope(each.memory):,.0f}")
        rows.append(Row(each.variant.name, marks, list(zip(names, cells, strict=True))))
    legend = list(zip(_SHAPES, names[:-1], strict=False))
    return [Plot("Memory of live sessions", about, legend, ticks, rows)]


def _each(memory: Sequence[dict[str, Any]], place: int) -> float:
    return float(memory[place]["bytes"] - memory[0]["bytes"]) / float(memory[place]["sessions"])


def slope(memory: Sequence[dict[str, Any]]) -> float:
    """Return the bytes that each further session takes, between the two largest sizes."""
    before, last = memory[-2:]
    return float(last["bytes"] - before["bytes"]) / float(last["sessions"] - before["sessions"])


def _axis(most: float) -> tuple[float, list[tuple[float, str]]]:
    """Return the end of an axis that starts at zero, rounded up, and its ticks."""
    step = 10 ** math.floor(math.log10(max(most, 1e-9) / _TICKS))
    step = next(step * factor for factor in (1, 2, 2.5, 5, 10) if step * factor * _TICKS >= most)
    return step * _TICKS, [(100 * i / _TICKS, f"{step * i:g}") for i in range(_TICKS + 1)]


def _mark(shape: str, interval: Interval, most: float) -> Mark:
    def place(value: float) -> float:
        return round(100 * min(max(value / most, 0), 1), 2)

    return Mark(shape, place(interval.value), place(interval.low), place(interval.high))


def _told(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    low, high = (f"{end:.3g}" if math.isfinite(end) else "?" for end in (interval.low, interval.high))
    return f"{interval.value:.3g} ({low} to {high})"


def _counts(report: Report, path: str) -> list[tuple[str, dict[str, str]]]:
    return [
        (
            each.variant.name,
            {
                "Redis round trips": str(usual(each.paths[path].trips)),
                "SQL statements": str(usual(each.paths[path].queries)),
                "Bytes of the credential": str(each.credential_bytes),
                "Bytes of request / answer": (
                    f"{each.paths[path].request_bytes} / {each.paths[path].response_bytes}"
                ),
                "Redis trips a second of each worker, in the background": f"{each.background_trips:.1f}",
            },
        )
        for each in report.present
    ]


def _operation_counts(report: Report) -> list[tuple[str, dict[str, str]]]:
    def told(samples: Samples, name: str) -> str:
        kept = samples.operations.get(name)
        if kept is None or not kept.latencies:
            return "-"
        return (
            f"{usual(kept.trips)} trips, {usual(kept.queries)} SQL, "
            f"{kept.request_bytes} / {kept.response_bytes} bytes"
        )

    return [
        (each.variant.name, {name.capitalize(): told(each, name) for name in OPERATIONS})
        for each in report.present
        if each.variant.logs_in
    ]
