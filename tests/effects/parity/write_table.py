"""Run all cases and write the table that the site shows: effect, parameters, error.

    python tests/effects/parity/write_table.py [EFFECT ...]

prints a line a case, worst first in each effect, and with no effect named replaces ``table.json``
beside this file.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[3])]

from cases import all_cases  # noqa: E402
from comparison import compare  # noqa: E402

TABLE = Path(__file__).with_name("table.json")


def row(case) -> dict[str, object]:
    """Return a case with its measured errors; a failure is a row too."""
    line: dict[str, object] = {
        "effect": case.name,
        "words": case.words,
        "sample_rate": case.sample_rate,
        "num_channels": case.num_channels,
        "signal": case.signal,
        "criterion": "check" if case.check else "exact" if case.exact else f"{case.bar_db:g} dB",
        "note": case.note,
    }
    try:
        found = compare(case)
        # JSON knows no infinity: null is "not one sample differs".
        line["max_db"] = None if math.isinf(found.max_db) else round(found.max_db, 1)
        line["rms_db"] = None if math.isinf(found.rms_db) else round(found.rms_db, 1)
        found.judge()
        line["failure"] = ""
    except Exception as error:
        line["failure"] = f"{type(error).__name__}: {error}".splitlines()[0]
    return line


def main(names: list[str]) -> int:
    """Print the table, and write it when it is whole."""
    rows = [row(case) for case in all_cases() if not names or case.name in names]
    rows.sort(key=lambda each: (each["effect"], -(each.get("max_db") or -999.0)))
    for each in rows:
        level = each.get("max_db")
        text = "   exact" if level is None else f"{level:8.1f}"
        form = f"{each['sample_rate']:>6} Hz {each['num_channels']} ch {each['signal']:8}"
        print(f"{text}  {form}  {each['words']}  {each['failure']}")
    failed = [each for each in rows if each["failure"]]
    print(
        f"{len(rows)} cases, {len({each['effect'] for each in rows})} effects, {len(failed)} fail"
    )
    if not names:
        version = subprocess.run(["sox", "--version"], capture_output=True, text=True, check=True)
        table = {"sox": version.stdout.split()[-1], "cases": rows}
        TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
