"""`python -m bench.forecast [--batch]`: the scorer's table for us and for what users have today; or batches.

The scorer and its series are not part of this project: ADVISOR_FORECAST_BENCH names the folder that has
`score.py` and `baselines.py`, ADVISOR_FORECAST_DATA the one with the series (`manifest.csv`).
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from advisor.core.forecast import days, levels, months, passage, peaks
from advisor.core.forecast.pace import pace

ROOT = Path(__file__).parents[2]
OURS = "advisor.commands.forecast_lines"
RUNS = {
    "advisor": ["--target", OURS],
    "predict_linear, 7 days": ["--target", "baselines:predict_linear_7"],
    "best_simple": ["--target", "baselines:best_simple"],
    "advisor, 7 days of history": ["--target", OURS, "--history", "7d"],
    "advisor, 3 readings": ["--target", OURS, "--history", "3p"],
    "advisor, with gaps": ["--target", OURS, "--gaps"],
    "advisor, other origins": ["--target", OURS, "--seed", "b"],
    "advisor forecast --jsonl": ["--command", f"{sys.executable} -m advisor forecast --jsonl"],
}
SERIES = 10_000
HISTORY = 90


def main() -> None:
    """Print every run's table, or the CPU seconds of batches."""
    if "--batch" in sys.argv[1:]:
        batches()
        return
    folder, data = os.environ.get("ADVISOR_FORECAST_BENCH"), os.environ.get("ADVISOR_FORECAST_DATA")
    if not folder or not data:
        sys.exit(
            "name the scorer's folder in ADVISOR_FORECAST_BENCH and its series' in ADVISOR_FORECAST_DATA"
        )
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
    for title, words in RUNS.items():
        if wanted and not any(word in title for word in wanted):
            continue
        print(f"\n### {title}\n", flush=True)
        subprocess.run(
            [sys.executable, str(Path(folder) / "score.py"), data, *words],
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )


def batches() -> None:
    """Print what 10,000 series of 90 days cost at a time, by method."""
    random = np.random.default_rng(1)
    shape = (SERIES, HISTORY)
    grown = random.lognormal(0.0, 1.0, shape)
    level = timed(lambda: passage.by_path(levels.passage(grown, 1.0, np.full(SERIES, 40.0))))
    print(f"levels: {level:.2f} CPU s")
    values = days.Days(
        random.lognormal(3.0, 0.4, shape), np.ones(shape, dtype=np.bool_), np.arange(-HISTORY, 0) % 7
    )
    begin = 1_700_000_000.0
    ends = [begin + days.DAY * (12 + 30 * later) for later in range(5)]
    slots = days.ahead(begin, begin, 120, ends)
    none, limit = np.zeros(SERIES), np.full(SERIES, 700.0)
    month = timed(lambda: dates(months.reached(pace(values, months.FORGET), none, limit, slots), slots))
    print(f"amounts of a month: {month:.2f} CPU s")
    peak = timed(lambda: dates(peaks.reached(pace(values, peaks.FORGET), limit / 7, slots), slots))
    print(f"daily amounts, rates: {peak:.2f} CPU s")


def dates(reached: days.Floats, slots: days.Slots) -> list[days.Floats]:
    """Return each series' early, middle and late days."""
    return [passage.by_share(reached, slots.ends, share) for share in (0.1, 0.5, 0.9)]


def timed(call: object) -> float:
    """Return the CPU seconds of a call."""
    assert callable(call)
    begin = time.process_time()
    call()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
