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
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[3])]

from cases import Case, all_cases  # noqa: E402
from comparison import compare  # noqa: E402

TABLE = Path(__file__).with_name("table.json")


def row(case: Case) -> dict[str, Any]:
    """Return a case with its measured errors; a failure is a row too."""
    line: dict[str, Any] = {
        "effect": case.name,
        "words": case.words,
        "sample_rate": case.sample_rate,
        "num_channels": case.num_channels,
        "signal": case.signal,
        "criterion": "check" if case.check else "exact" if case.exact else f"{case.bar_db:g} dB",
        "note": case.note,
        # JSON knows no infinity: null is "not one sample differs", or "cannot be compared".
        "max_db": None,
        "rms_db": None,
        "failure": "",
    }
    try:
        found = compare(case)
        for name, value in (("max_db", found.max_db), ("rms_db", found.rms_db)):
            line[name] = None if math.isinf(value) else round(value, 1)
        found.judge()
    except Exception as error:
        line["failure"] = f"{type(error).__name__}: {error}".splitlines()[0]
    return line


def level(rows: list[dict[str, Any]]) -> tuple[int, str]:
    """Return how close an effect is in its worst case, as a rank and in words."""
    if any(each["failure"] for each in rows):
        return 5, "fails"
    if any(each["criterion"] == "check" and each["max_db"] is not None for each in rows):
        return 4, "by statistics"
    worst = max((each["max_db"] for each in rows if each["max_db"] is not None), default=-math.inf)
    for rank, bar in enumerate((-math.inf, -150.0, -120.0, -100.0)):
        if worst <= bar:
            return rank, "every sample the same" if math.isinf(bar) else f"{bar:g} dB or less"
    return 4, f"{worst:.0f} dB"


def summarise(rows: list[dict[str, Any]]) -> None:
    """Print how many effects are how close, and the worst cases."""
    effects: dict[str, list[dict[str, Any]]] = {}
    for each in rows:
        effects.setdefault(each["effect"], []).append(each)
    levels: dict[tuple[int, str], list[str]] = {}
    for name, own in effects.items():
        levels.setdefault(level(own), []).append(name)
    for (_, words), names in sorted(levels.items()):
        print(f"{len(names):3} effects: {words}: {' '.join(sorted(names))}")
    measured = [
        each for each in rows if each["max_db"] is not None and each["criterion"] != "check"
    ]
    measured.sort(key=lambda each: -each["max_db"])
    print("worst:")
    for each in measured[:5]:
        print(f"  {each['max_db']:7.1f} dB  {each['words']}")


def main(names: list[str]) -> int:
    """Print the table, and write it when it is whole."""
    rows = [row(case) for case in all_cases() if not names or case.name in names]
    rows.sort(key=lambda each: (each["effect"], -(each["max_db"] or -999.0)))
    for each in rows:
        if each["max_db"] is not None:
            text = f"{each['max_db']:8.1f}"
        else:
            text = "  failed" if each["failure"] else "    same"
        form = f"{each['sample_rate']:>6} Hz {each['num_channels']} ch {each['signal']:8}"
        print(f"{text}  {form}  {each['words']}  {each['failure']}")
    failed = [each for each in rows if each["failure"]]
    print(f"{len(rows)} cases, {len(failed)} of them fail")
    summarise(rows)
    if not names:
        version = subprocess.run(["sox", "--version"], capture_output=True, text=True, check=True)
        # A case a line, so that a change of one is a change of one line.
        lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in rows)
        text = f'{{"sox": "{version.stdout.split()[-1]}", "cases": [\n{lines}\n]}}\n'
        TABLE.write_text(text, encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
