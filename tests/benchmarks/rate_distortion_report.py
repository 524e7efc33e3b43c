"""What `bench_rate_distortion` found: averages by kind, wins per clip, and the goals set before.

An average is that of all clips of a kind that a codec was measured on; where a metric found nothing
to judge in a clip, the clip is left out of that metric, and the number in brackets says how many
counted. A win is a clip where one value is better; "level" in a goal means not worse by more than
the metric's own unsteadiness.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rate_distortion_clips import ENVIRONMENT, KINDS, MUSIC, NOISY, SPEECH

from audiolab.metrics import PANEL

Row = dict[str, Any]
OURS = "audiolab"
GOAL_EFFORT = 32
# PESQ moves by 0.1 when nothing that can be heard does, ESTOI by 0.02.
LEVEL = {"pesq_wb": 0.1, "estoi": 0.02}
RIVALS = ("Opus 6", "Opus 8", "Opus 12", "MP3 8", "MP3 16", "Speex WB 8", "Codec2 3200")


class Results:
    """The rows by codec and clip."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.codecs = [each["name"] for each in record["codecs"]]
        self.rows: dict[tuple[str, str], Row] = {
            (row["codec"], row["clip"]): row for row in record["rows"] if "payload_kbps" in row
        }

    def of(self, codec: str, kinds: Iterable[str], *, real: bool) -> list[Row]:
        wanted = set(kinds)
        return [
            row for (name, _), row in self.rows.items()
            if name == codec and row["kind"] in wanted and row["real"] == real
        ]  # fmt: skip

    def mean(self, codec: str, kinds: Iterable[str], name: str, *, real: bool = True) -> float:
        """Return the average, or NaN where nothing was measured."""
        values = [row.get(name) for row in self.of(codec, kinds, real=real)]
        found = [value for value in values if value is not None]
        return sum(found) / len(found) if found else math.nan

    def wins(self, first: str, second: str, kinds: Iterable[str], name: str) -> tuple[int, int]:
        """Return on how many real clips the first is better, and of how many."""
        better = next(each.better for each in PANEL if each.name == name)
        won = total = 0
        for row in self.of(first, kinds, real=True):
            other = self.rows.get((second, row["clip"]), {})
            if row.get(name) is not None and other.get(name) is not None:
                total += 1
                won += better(row[name], other[name])
        return won, total


def print_report(record: dict[str, Any]) -> None:
    results = Results(record)
    for real in (True, False):
        for kind in KINDS:
            print_averages(results, kind, real=real)
    for kbps in (3, 6, 12):
        print_wins(results, ours(kbps))
    print_savings(results)
    print("\nGoals, on real clips")
    for text, verdict in goals(results):
        print(f"  {verdict:3}  {text}")


def ours(kbps: float, effort: int = GOAL_EFFORT) -> str:
    return f"{OURS} {kbps:g}, effort {effort}"


def print_averages(results: Results, kind: str, *, real: bool) -> None:
    measures = [m for m in PANEL if kind in (SPEECH, NOISY) or not m.speech_only]
    lines = []
    for codec in results.codecs:
        rows = results.of(codec, [kind], real=real)
        if not rows or all("lm_saves" in row for row in rows):
            continue
        cells = [f"{results.mean(codec, [kind], 'payload_kbps', real=real):6.2f}",
                 f"{results.mean(codec, [kind], 'file_kbps', real=real):6.2f}"]  # fmt: skip
        for m in measures:
            count = sum(row.get(m.name) is not None for row in rows)
            value = results.mean(codec, [kind], m.name, real=real)
            note = f"({count})" if 0 < count < len(rows) else ""
            cells.append("-" if math.isnan(value) else f"{value:.2f}{note}")
        lines.append((codec, cells))
    if not lines:
        return
    count = len(results.of(lines[0][0], [kind], real=real))
    header = ["kbps", "file", *(m.title + (" +" if m.higher_is_better else " -") for m in measures)]
    print(f"\n{kind}, {'real' if real else 'own'} clips: mean of {count}; + more is better, - less")
    width = max(len(codec) for codec, _ in lines)
    widths = [max(len(h), *(len(c[i]) for _, c in lines)) for i, h in enumerate(header)]
    print("  ".join([" " * width, *(h.rjust(w) for h, w in zip(header, widths, strict=True))]))
    for codec, cells in lines:
        row = (c.rjust(w) for c, w in zip(cells, widths, strict=True))
        print("  ".join([codec.ljust(width), *row]))


def print_wins(results: Results, codec: str) -> None:
    if not results.of(codec, KINDS, real=True):
        return
    print(f"\nreal clips where {codec} is better, of those that both were measured on")
    for rival in RIVALS:
        for kind in KINDS:
            counts = [(m.title, *results.wins(codec, rival, [kind], m.name)) for m in PANEL]
            text = ", ".join(f"{title} {won}/{total}" for title, won, total in counts if total)
            if text:
                print(f"  {rival:10} {kind:13} {text}")


def print_savings(results: Results) -> None:
    with_lm = [codec for codec in results.codecs if codec.endswith(", LM")]
    if with_lm:
        print("\nbits saved by the language model, real and own clips")
    for codec in with_lm:
        saved = [f"{kind} {100 * results.mean(codec, [kind], 'lm_saves', real=real):.1f} %"
                 for real in (True, False) for kind in KINDS]  # fmt: skip
        print(f"  {codec:32} {', '.join(saved)}")


def goals(results: Results) -> list[tuple[str, str]]:
    """Return each goal, with the numbers, and yes, no or a dash where there is nothing to judge."""
    found = []
    for rival in ("Opus 6", "Opus 8"):
        for kind in (MUSIC, ENVIRONMENT, NOISY):
            for m in PANEL:
                a, b = (results.mean(c, [kind], m.name) for c in (ours(6), rival))
                if kind != NOISY and m.speech_only:
                    continue
                found.append(_goal(f"6 kbps better than {rival} on {kind} by {m.title}", a, b,
                                   m.better(a, b)))  # fmt: skip
    for m in PANEL:
        a, b = (results.mean(c, [SPEECH], m.name) for c in (ours(6), "Opus 6"))
        if m.name in LEVEL:
            text = f"6 kbps level with Opus 6 on clean speech by {m.title}"
            found.append(_goal(text, a, b, a > b - LEVEL[m.name]))
        elif m.name in ("mel_db", "visqol_audio"):
            text = f"6 kbps better than Opus 6 on clean speech by {m.title}"
            found.append(_goal(text, a, b, m.better(a, b)))
    stoi = results.mean(ours(3), [SPEECH], "stoi")
    found.append(
        _goal("3 kbps with STOI of at least 0.82 on clean speech", stoi, 0.82, stoi >= 0.82)
    )
    return found


def _goal(text: str, value: float, other: float, met: bool) -> tuple[str, str]:
    if math.isnan(value) or math.isnan(other):
        return text, "-"
    return f"{text}: {value:.2f} beside {other:.2f}", "yes" if met else "no"
