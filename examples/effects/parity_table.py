# %% [markdown]
"""
The parity table
================

Every effect was run beside the sox program, with more than a thousand sets of parameters, and
compared sample by sample. This page shows the result that is committed with the tests, what the
numbers can and cannot be, and where the two differ on purpose.

**What you will hear.** How loud an error of -60 dB and of -100 dB is beside music.
"""

# %%

import json
import math
import shutil
import statistics
import subprocess
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

import audiolab.io as audio_io
from audiolab import display, effects, metrics, signals
from audiolab.effects.sox import REFUSED

display.use_style()

# %% [markdown]
# What is compared
# ----------------
#
# **How do two programs get the same input?** SoX passes 32-bit integers from effect to effect. Both
# sides start from the same integers; sox runs with ``-D`` (no dither at the end) and ``-R`` (the
# same noise each time), ours with ``clip="sox", seed=0``, which puts the same integers between
# effects. Lengths, rates and channels have to agree before anything else is looked at. Then
#
# .. math:: \text{error} = 20 \lg \frac{\max_n |y[n] - r[n]|}{\max_n |r[n]|}\ \text{dB}:
#
# the worst sample of all, not an average. ``tests/effects/parity/write_table.py`` writes the table;
# here it is read, and found if this runs in a clone of the repository.

# %%

here = Path.cwd()
root = next(folder for folder in (here, *here.parents) if (folder / "pyproject.toml").is_file())
path = root / "tests" / "effects" / "parity" / "table.json"
table = json.loads(path.read_text(encoding="utf-8"))
cases = table["cases"]

by_form = Counter((case["sample_rate"], case["num_channels"]) for case in cases)
rates, channels = (8000, 16_000, 44_100, 48_000), (1, 2, 4)
rows = [(f"{rate:,}", *(str(by_form[rate, count]) for count in channels)) for rate in rates]
header = ("Rate (Hz)", "mono", "stereo", "four channels")
others = len(cases) - sum(by_form[rate, count] for rate in rates for count in channels)
print(f"{len(cases)} comparisons beside SoX {table['sox']}, {others} of them in other forms")
# sphinx_gallery_start_ignore
assert len(cases) > 1000
assert not any(case["failure"] for case in cases)
assert all(by_form[rate, count] > 20 for rate in rates for count in channels)
# sphinx_gallery_end_ignore

display.Table("How many comparisons there are", header, tuple(rows))

# %% [markdown]
# Most inputs are four tones in noise that swell and fade; others are speech, bursts between near
# silences, a click, full-scale noise that clips, silence, and nothing (``sox -n``).
#
# How small can an error be?
# --------------------------
#
# **What would perfect look like?** That depends on what numbers are made of. Where SoX computes in
# double precision and rounds to 32 bits, the same formula gives the same integer, nearly always: a
# sum taken in another order falls on the other side of a rounding now and then. Here are the steps
# of the formats that occur in SoX, beside the peak of the test signal.

# %%

peak_db = 20 * math.log10(0.25)
floors_db = {
    "one step of the 32-bit bus": 20 * math.log10(2**-31) - peak_db,
    "one step of 24 bits (echo, chorus ...)": 20 * math.log10(2**-23) - peak_db,
    "float32 inside (reverb, tempo ...)": 20 * math.log10(2**-24),
    "one step of a 16-bit file": 20 * math.log10(2**-15) - peak_db,
}
for name, floor_db in floors_db.items():
    print(f"{name:40} {floor_db:7.1f} dB")

# sphinx_gallery_start_ignore
assert [round(floor_db) for floor_db in floors_db.values()] == [-175, -126, -144, -78]
# sphinx_gallery_end_ignore

# %% [markdown]
# A single rounding that falls otherwise is one step, at -175 dB. An effect that SoX rounds to 24
# bits between its parts would be no nearer than -126 dB if the rounding were left out; ours rounds
# too, and then every sample is the same. Where SoX sums in single precision, its own errors add up,
# and the same sum in doubles is more exact and further from SoX.
#
# Listen
# ------
#
# **Is -100 dB audible?** Judge for yourself: music, and the same with noise whose largest sample is
# 60 and 100 dB below the music's peak. (The player is 24 bits deep.)

# %%

rate = 24_000
music, _ = audio_io.load(signals.clip_path("music"), num_channels=1, sample_rate=rate, stop_s=3.0)
noise = signals.white_noise(3.0, rate, generator=0)[: music.shape[-1]]
noise *= music.abs().max() / noise.abs().max()
tracks = {f"error {level} dB": music + 10 ** (level / 20) * noise for level in (-60, -100)}
display.player({"music": music} | tracks, rate, encoding="pcm_s24")

# %% [markdown]
# Every effect
# ------------
#
# **How near are we?** Each line is an effect with all its sets of parameters: how many gave the
# same samples, the largest error among the others, and how many had to be judged by statistics.
# The class is *exact*, the decibels that the worst case stays below, or *statistics*.

# %%


def class_of(own):
    checked = [case for case in own if case["criterion"] == "check"]
    errors = [case["max_db"] for case in own if case not in checked and case["max_db"] is not None]
    words = "exact" if not errors else f"{level_of(max(errors))} dB"
    words = "" if len(checked) == len(own) else words
    return " + ".join(filter(None, [words, "statistics" if checked else ""])), errors, checked


def level_of(error_db):
    return next(bar for bar in (-150, -120, -100) if error_db <= bar)


# %%

by_effect = {}
for case in cases:
    by_effect.setdefault(case["effect"], []).append(case)
rows = []
for name, own in sorted(by_effect.items()):
    kind, errors, checked = class_of(own)
    sets = len({case["words"] for case in own})
    same = len(own) - len(errors) - len(checked)
    worst = f"{max(errors):.1f}" if errors else ""
    numbers = (str(number) for number in (sets, len(own), same))
    rows.append((name, *numbers, worst, str(len(checked) or ""), kind))
header = ("effect", "sets", "comparisons", "same samples", "worst (dB)", "by statistics", "class")
# sphinx_gallery_start_ignore
assert all(max(class_of(own)[1], default=-999) <= -100 for own in by_effect.values())
assert len(by_effect) > 55
# sphinx_gallery_end_ignore

display.Table(f"Beside SoX {table['sox']}", header, tuple(rows))

# %% [markdown]
# Every case that is compared by its samples is at -100 dB or below. Where no error is given, not
# one sample differs. *(chains)* are several effects in a row.

# %%

kinds = Counter(class_of(own)[0] for own in by_effect.values())
same = sum(case["max_db"] is None for case in cases if case["criterion"] != "check")
print(f"{same} of {len(cases)} comparisons have the same samples")
for kind, count in kinds.most_common():
    print(f"{count:3} effects: {kind}")

# %% [markdown]
# How the errors are spread
# -------------------------
#
# **Is the worst case typical?** Each point is one comparison that has an error.

# %%

inexact = {name: errors for name, own in by_effect.items() if (errors := class_of(own)[1])}
order = sorted(inexact, key=lambda name: max(inexact[name]), reverse=True)
bus_db = floors_db["one step of the 32-bit bus"]
figure, panel = plt.subplots(figsize=(7.6, 6.4), layout="constrained")
for row, name in enumerate(order):
    panel.plot(inexact[name], np.full(len(inexact[name]), row), "o", color="C0", alpha=0.4, ms=4)
    panel.plot(statistics.median(inexact[name]), row, "|", color="k", markersize=9)
panel.axvline(-100, color="C1", label="bar of the tests")
panel.axvline(bus_db, color="C2", linestyle="--", label="one step of the bus")
panel.set(title="Error of every comparison that is not exact (bars: medians)", xlabel="Error (dB)")
panel.set_xlim(-195, -95)
panel.set_yticks(range(len(order)), order, fontsize=8)
panel.invert_yaxis()
panel.legend(loc="lower right")

# %%

compared = [case for case in cases if case["criterion"] != "check"]
levels = np.array([case["max_db"] for case in compared if case["max_db"] is not None])
figure, panel = plt.subplots(figsize=(7.6, 3.0), layout="constrained")
panel.hist(levels, bins=np.arange(-210, -95, 5))
panel.set(
    title=f"{len(levels)} comparisons with an error, and {same} without", ylabel="Comparisons"
)
panel.set(xlabel="Error (dB)")
for level in (-150, -120):
    print(f"{100 * (same + (levels <= level).sum()) / len(compared):.1f} % at {level} dB or below")

# %% [markdown]
# The heaps at -175 dB and below are a single step of the bus, beside the test signal and beside
# results that are louder; full scale is 187 dB above a step. The heap near -135 dB is ``rate``,
# ``reverb``, ``tempo`` and ``pitch``: resampling, and sums in single precision.
#
# The worst
# ---------
#
# **What is furthest away?**

# %%

compared.sort(key=lambda case: -math.inf if case["max_db"] is None else case["max_db"])
worst = tuple(
    (case["words"], f"{case['sample_rate']:,}", str(case["num_channels"]), f"{case['max_db']:.1f}")
    for case in compared[:-11:-1]
)
display.Table("The ten largest errors", ("effects", "rate (Hz)", "channels", "error (dB)"), worst)

# %% [markdown]
# All of them are ``rate``, for which SoX designs a filter anew for each pair of rates, and most of
# them are its qualities ``-l`` and ``-m``, which promise 16 bits, or 100 dB: what SoX lets through
# at -102 dB is left out by ours.
#
# By statistics
# -------------
#
# **What can't be compared sample by sample?** Three effects, in part of their cases:

# %%

for name, own in by_effect.items():
    if checked := class_of(own)[2]:
        print(f"{name:9} {len(checked):2} of {len(own)} cases", checked[0]["note"])

# %% [markdown]
# - ``bend`` adds up phases in single precision in SoX, which drift; ours don't. The first half of
#   the output is compared by samples, all of it by its spectrogram.
# - ``dither`` with an unusual noise-shaping filter: the spectrum of the rounding error has to agree
#   within 1 dB in each sixteenth of the band. The common ones give the same samples.
# - ``noisered`` computes spectra in single precision in SoX, and a band on the threshold falls to
#   either side: three samples in four have to agree to -100 dB, and all to -40 dB. With several
#   channels SoX also loses some samples at the end, which depend on its buffers.
#
# Where we differ on purpose
# --------------------------
#
# **Where is the same sample not what one wants?** SoX's bus cuts what is louder than full scale and
# rounds to 32 bits after every effect, for good. ``clip="sox"`` does so too; the default does not:

# %%

tone = signals.tone(440.0, 0.5, 16_000, amplitude=0.5)[None]
for clip in ("none", "sox"):
    out, _ = effects.EffectsChain("gain 12 gain -12", clip=clip)(tone.double(), 16_000)
    change_db = -float(metrics.snr_db(tone.double(), out))
    print(f"clip={clip!r}: gain 12, gain -12: peak {out.abs().max():.3f}, error {change_db:.0f} dB")

_, speed_rate = effects.EffectsChain("speed 1.01")(tone, 16_000)
print(f"rate after speed 1.01: {speed_rate:g} Hz; no `rate`, `channels` or `dither` is added")
noisy = effects.EffectsChain("synth 0.1 whitenoise", seed=torch.tensor([1, 1, 2]))
first, second, third = noisy(tone.expand(3, 1, -1), 16_000)[0]
print("seed 1 and 1:", torch.equal(first, second), "- seed 1 and 2:", torch.equal(first, third))

# sphinx_gallery_start_ignore
assert torch.equal(first, second)
assert not torch.equal(first, third)
assert speed_rate == 16_160
# sphinx_gallery_end_ignore

# %% [markdown]
# Noise has a seed for each item of a batch, so that no item depends on its neighbours. And some
# names are refused, with a reason:

# %%

for name, reason in sorted(REFUSED.items()):
    print(f"{name:12} {reason}")

# %% [markdown]
# One case, live
# --------------
#
# **Does it hold here?** If this machine has sox, one sentence goes through both.

# %%

line = "reverb 60 40 80 100 20 -3"
speech, rate = audio_io.load(signals.clip_path("speech"), stop_s=2.0)
grid = (speech.double() * 2**31).round().clamp(-(2**31), 2**31 - 1)
ours, _ = effects.EffectsChain(line, clip="sox", seed=0)(grid / 2**31, rate)
stored_db = max(inexact["reverb"])
print(f"stored, the worst of {len(by_effect['reverb'])} cases of reverb: {stored_db:.1f} dB")

# %%

if shutil.which("sox"):
    raw = ["-t", "raw", "-e", "signed", "-b", "32", "-r", str(rate), "-c"]
    command = ["sox", "-D", "-R", *raw, "1", "-", *raw, "2", "-", *line.split()]
    data = grid.to(torch.int32).numpy().tobytes()
    found = subprocess.run(command, input=data, capture_output=True, check=True).stdout
    theirs = torch.tensor(np.frombuffer(found, np.int32).reshape(-1, 2).T / 2**31)
    live_db = 20 * math.log10(float((ours - theirs).abs().max() / theirs.abs().max()) or 1e-12)
    print(f"live: shapes {tuple(ours.shape)}, {tuple(theirs.shape)}, error {live_db:.1f} dB")
else:
    print("sox is not installed here: the stored results stand alone.")

# %% [markdown]
# Pitfalls
# --------
#
# - *An average of errors.* A mean hides a click. The table has the largest error of every case.
# - *Comparing files.* ``sox in.wav out.wav`` dithers to 16 bits, at -78 dB beside this signal, and
#   restores rate and channels. ``-D`` and 32 bits out are needed to see anything below.
# - *Comparing at one level.* An error relative to full scale looks 12 dB better than one relative
#   to a signal whose peak is a quarter.
# - *Too few parameters.* Defaults are the easy case. Try delays of one sample, filters longer than
#   the input, inputs of one sample, and levels that clip: the table has all of them.
#
# Try this
# --------
#
# - Print the cases of one effect: ``[case for case in cases if case["effect"] == "sinc"]``.
# - Run ``python tests/effects/parity/write_table.py reverb``, which needs sox.
# - Find words that are not in the table, and send them through both.
#
# References
# ----------
#
# - \L. Norskog, C. Bagwell and others, *SoX, the Swiss Army knife of sound processing programs*,
#   `manual <https://sox.sourceforge.net/sox.html>`__.
# - \N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, SIAM 2002,
#   `doi:10.1137/1.9780898718027 <https://doi.org/10.1137/1.9780898718027>`__.
