"""Prints the measurements."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.measuring import Variant
from benchmarks.targets import DELAY_P99, MOST_BYTES, Target
from django_authkit.compare.analysis.intervals import median, quantile


def show(lines: Iterable[str]) -> None:
    """Print."""
    print("\n".join(lines), flush=True)  # noqa: T201 - a script


def table(title: str, variants: Sequence[Variant], *, ordered: bool = True) -> None:
    """Print the cost of each variant, the most expensive first."""
    width = max(len(each.name) for each in variants)
    rows = sorted(variants, key=lambda each: -each.cost) if ordered else variants
    head = f"{'µs':<{width}}  {'median':>8}  {'min':>8}  {'max':>8}  {'cpu':>8}  redis  sql"
    show(["", title, "", head, *(_row(each, width) for each in rows)])


def _row(each: Variant, width: int) -> str:
    redis, sql = each.trips
    return (
        f"{each.name:<{width}}  {each.cost:>8.1f}  {min(each.wall):>8.1f}  {max(each.wall):>8.1f}"
        f"  {median(each.cpu):>8.1f}  {redis:>5}  {sql:>3}"
    )


def verdicts(targets: Sequence[Target], variants: Sequence[Variant]) -> list[dict[str, object]]:
    """Print whether each target is met; return the same."""
    rows = {each.name: each for each in variants}
    found = [target.verdict(rows) for target in targets]
    show(["", "ours : other                             target   ratio   (quartiles)     least    cpu", ""])
    for each in found:
        figures = f"{each['target']:>9.3f}{each['ratio']:>8.3f}   ({each['from']:.3f} … {each['to']:.3f})"
        others = f"{each['least']:>9.3f}{each['cpu']:>7.3f}   {'met' if each['met'] else 'NOT MET'}"
        show([f"{each['ours']} : {each['other']}", f"{'':36}{figures}{others}"])
    return found


def memory(found: Mapping[str, float]) -> None:
    """Print the memory of auth sessions."""
    width = max(map(len, found))
    show(["", "Bytes of a live auth session", ""])
    show(f"{name:<{width}}  {size:>6.0f}" for name, size in found.items())
    for name, most in MOST_BYTES.items():
        show([f"{name}, at most {most}: {'met' if found[name] <= most else 'NOT MET'}"])


def delays(found: Mapping[str, Sequence[float]]) -> None:
    """Print how soon a revocation takes effect."""
    width = max(map(len, found))
    head = f"{'ms':<{width}}  times      min   median      p90      p99      max"
    show(["", "From the answer of logout to the first 401 in another process", "", head])
    for name, each in found.items():
        ordered = sorted(each)
        figures = [quantile(ordered, share) for share in (0, 0.5, 0.9, 0.99, 1)]
        show([f"{name:<{width}}  {len(each):>5}" + "".join(f"{figure:>9.2f}" for figure in figures)])
    worst = quantile(sorted(found["jwt, replica"]), 0.99)
    show([f"p99 with a replica under {DELAY_P99:g} ms: {'met' if worst < DELAY_P99 else 'NOT MET'}"])
