"""
How often ``authkit_compare`` finds a difference where there is none.

Each of several short runs compares the same variant with itself::

    python benchmarks/same_twice.py [--runs 20]

For each measure it prints the number of runs in which no difference was found.
Run it when ``compare/analysis/intervals.py`` or ``compare/measure/timings.py`` changes.
CONTRIBUTING.md has a result.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

MANAGE = Path(__file__).resolve().parents[1] / "example_project" / "manage.py"
SETTING = (
    *("--modes", "session", "session", "--stores", "database", "--beside"),
    *("--duration", "1", "--rounds", "12", "--sessions", "1000"),
)
TWINS = {"authkit-session-database", "authkit-session-database-2"}


def main() -> None:
    """Run, and print the counts after each run."""
    parser = argparse.ArgumentParser(description="How often is a difference found where there is none?")
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    ties: Counter[str] = Counter()
    for number in range(1, runs + 1):
        ties.update(ties_of_one_run())
        print(f"after {number} of {runs}: {dict(ties)}", flush=True)  # noqa: T201 - a script


def ties_of_one_run() -> list[str]:
    """Return the measures by which the twins tied."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "report.json"
        command = [sys.executable, str(MANAGE), "authkit_compare", *SETTING, "--json", str(file)]
        done = subprocess.run(command, capture_output=True, check=False)
        if not file.exists():
            raise SystemExit(done.stderr.decode())
        comparisons = json.loads(file.read_text())["comparisons"]
    return [each["measure"] for each in comparisons if {each["one"], each["other"]} == TWINS and each["tie"]]


if __name__ == "__main__":
    main()
