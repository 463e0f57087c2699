"""``make calibration``: simulate, write ``docs/calibration.md``, and fail if a promise is broken."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from calibration.counting import Table
from calibration.page import page
from calibration.study import RUNS, SECTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="calibration", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=RUNS, help="simulated runs per row (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, default=PAGE, help="the page to write (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: %(default)s)")
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs) as pool:
        pending = [pool.submit(_section, number, options.runs) for number in range(len(SECTIONS))]
        tables = [one.result() for one in pending]
    options.output.write_text(page(tables, options.runs), encoding="utf-8")
    print(f"written: {options.output}")
    broken = [one for table in tables for one in table.broken()]
    for one in broken:
        print(f"not kept: {one}")
    return 1 if broken else 0


def _section(number: int, runs: int) -> Table:
    """One table; each has its own seed, so neither order nor process matters."""
    began = time.process_time()
    table = SECTIONS[number](runs)
    print(f"{time.process_time() - began:6.1f} s CPU  {table.title}", flush=True)
    return table


if __name__ == "__main__":
    sys.exit(main())
