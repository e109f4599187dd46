"""How long ``vigiposte --help`` takes, beside a bare interpreter and an empty Typer command."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 9
EMPTY = "import typer; app = typer.Typer(); app.command()(lambda: 0); app(['--help'], standalone_mode=False)"


def seconds(*command: str) -> float:
    """Median wall time of `command`."""
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    bare = seconds(sys.executable, "-c", "pass")
    empty = seconds(sys.executable, "-c", EMPTY)
    ours = seconds(sys.executable, "-m", "vigiposte", "--help")
    print(f"bare interpreter      {bare:.3f} s")
    print(f"empty Typer --help    {empty:.3f} s")
    print(f"vigiposte --help      {ours:.3f} s (bar 0.5 s), {ours / empty:.2f} × empty Typer")


if __name__ == "__main__":
    main()
