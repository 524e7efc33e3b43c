# %% [markdown]
"""
Every engine in one table
=========================

torchaudio, soxr, SciPy, FFmpeg and this package all resample, and differ by more than a hundred
decibels. This page measures sixteen ways to do it with the same tones, on the machine that built
the page, and shows beside it how fast they are on a benchmark's.

**What you will hear.** Music at 16 kHz from five engines, and what is between two of them.
"""

# %%

import json
import platform
from pathlib import Path

import matplotlib.pyplot as plt
import torch

import audiolab.io as audio_io
from audiolab import display, metrics, signals
from audiolab.resample import METHODS, quality, resample

display.use_style()

# %% [markdown]
# The candidates
# --------------
#
# **What do people use?** :data:`audiolab.resample.METHODS` lists every engine that
# :func:`audiolab.resample.resample` knows, under one vocabulary and with one rule for the length.

# %%

for method in METHODS.values():
    gradient = "gradient" if method.differentiable else "-"
    print(f"{method.name:24}{method.library:12}{gradient:10}{method.summary}")

# sphinx_gallery_start_ignore
assert len(METHODS) == 16
# sphinx_gallery_end_ignore

# %% [markdown]
# ``torchcodec_swr`` is what ``AudioDecoder(..., sample_rate=16_000)`` does while it decodes;
# ``soxr_hq`` is librosa's default; ``torchaudio_hann`` is torchaudio's.
#
# How to measure a resampler
# --------------------------
#
# **What is a good one?** Four questions, each put with tones that are fitted by least squares in
# what comes out:
#
# - *Ripple*: by how much does the gain vary up to 0.91 of the lower Nyquist frequency?
# - *Alias*: how loud, at worst, is a tone that should be gone, from 1.02 of the new Nyquist
#   frequency up?
# - *THD+N*: what is left beside a tone, at worst, up to 0.8?
# - *Ringing*: how long before a click does the response rise above -60 dB?
#
# The speed is that of one channel of ten seconds on one thread, in multiples of real time.

# %%

rows = {name: quality(name, 44_100, 16_000, turns=3) for name in METHODS}
print(f"Measured on {platform.machine()}, Python {platform.python_version()}, ", end="")
print(f"torch {torch.__version__}")

# sphinx_gallery_start_ignore
assert rows["audiolab"].ripple_db < 0.001
assert rows["audiolab"].alias_db < -120
assert rows["audiolab"].noise_db < -135
assert -8.5 < rows["torchaudio_hann"].alias_db < -7
assert 2.5 < rows["torchaudio_hann"].ripple_db < 3
assert -15 < rows["torchcodec_swr"].alias_db < -13.5
assert -9 < rows["scipy_polyphase"].alias_db < -7.5
assert rows["soxr_hq"].alias_db < -125
assert rows["soxr_vhq"].alias_db < -140
assert all(-108 < rows[name].noise_db < -102 for name in METHODS if name.startswith("torchaudio"))
assert rows["torchaudio_kaiser_best"].alias_db < -105
assert rows["scipy_fft"].alias_db > -70
assert min(rows, key=lambda name: rows[name].noise_db) == "soxr_vhq"
assert max(abs(row.delay_s) for name, row in rows.items() if "minimum" not in name) < 1e-8
# sphinx_gallery_end_ignore

# %%

display.quality_table(list(rows.values()), caption="44.1 kHz to 16 kHz, one second in float32")

# %% [markdown]
# Read the columns, not one number.
#
# - *torchaudio's default* is 2.8 dB down before that band ends, and lets a tone through at -8 dB
#   just above the Nyquist frequency. Its four methods share a floor of -105 dB at this ratio,
#   whatever the filter: the times at which the kernel is read are rounded to 32 bits.
# - *FFmpeg's resampler*, which torchcodec calls while decoding, aliases at -14 dB. Decode at the
#   file's own rate and resample then, if it matters.
# - *SciPy's polyphase* default aliases like torchaudio's. Its *FFT* takes the signal for one period
#   of an endless one: what does not fit its length, leaks.
# - *soxr* at HQ and VHQ is clean, and the reference on a CPU; VHQ has the lowest noise of all. It
#   knows no gradient and no GPU, and takes one clip at a time.
# - *audiolab* is flat, aliases nowhere above -120 dB, and runs in torch. What is left of its noise,
#   at -139 dB, are 32-bit floats.
#
# A plane with one good corner
# ----------------------------
#
# **What does quality cost?** Time against the worst alias.

# %%

figure, panel = plt.subplots(figsize=(7.6, 4.6), layout="constrained")
for number, (name, row) in enumerate(rows.items()):
    ours = name.startswith("audiolab")
    panel.plot(row.realtime_factor, row.alias_db, "o" if ours else "s", color=f"C{int(not ours)}")
    label = {"fontsize": 8, "xytext": (6, -9 + 12 * (number % 2)), "textcoords": "offset points"}
    panel.annotate(name, (row.realtime_factor, row.alias_db), **label)
panel.set(xscale="log", title="44.1 to 16 kHz, one thread: fast to the right, clean below")
panel.set(xlabel="Speed (multiples of real time)", ylabel="Worst alias (dB)")
panel.xaxis.set_major_formatter("{x:,.0f}")
panel.xaxis.set_minor_formatter("{x:,.0f}")
panel.xaxis.set_minor_locator(plt.LogLocator(subs=(2, 5)))
panel.margins(x=0.2)

# %% [markdown]
# How fast, measured at leisure
# -----------------------------
#
# **And in training?** A page that is built on a busy machine is a poor stopwatch. The repository
# keeps the result of ``tests/benchmarks/bench_resample.py``: engines take turns in one process, as
# their users call them, and of each the cheapest turn counts, in time of one thread's processor.
# These times were *not* measured while this page was built, but by the command, on the machine and
# on the day that the first lines name.

# %%

result = Path("../../tests/benchmarks/results/resample.json")
record = json.loads(result.read_text())
kept = ("python", "torch", "torchaudio", "soxr")
print(f"{record['date']}: {record['command']}")
print("others kept the machine busy; load average", *record["load_average"])
print(record["machine"], *(f"{name} {record['versions'][name]}" for name in kept), sep=", ")

# %%

names = {
    "audiolab": "audiolab",
    "soxr HQ, row by row": "soxr HQ",
    "torchaudio T.Resample kaiser_best": "kaiser_best",
    "torchaudio T.Resample default": "torchaudio",
}
print("rates (Hz), signal".ljust(27), *(f"{name:>12}" for name in names.values()))
for row in [row for row in record["speed"] if row["threads"] == 1]:
    where = f"{row['orig_rate']} > {row['new_rate']}, {row['shape']}"
    times = [row["times"].get(name, {}).get("cpu_ms") for name in names]
    print(where.ljust(27), *(f"{'-' if ms is None else f'{ms:.2f} ms':>12}" for ms in times))

# %% [markdown]
# "32 x 4 s" is a batch of 32 clips. soxr takes one clip at a time; ``kaiser_best`` makes no kernel
# for 44.1 to 16.001 kHz that fits the memory. Short clips are where set-up shows: ours computes
# them as plain sums of products in compiled loops, and long ones by transforms. ``make bench``
# measures your machine.
#
# Listen
# ------
#
# **Does any of this matter to the ear?** Often it does not: most of the energy of most music lies
# where all filters are flat.

# %%

music, music_rate = audio_io.load(signals.clip_path("music"), num_channels=1, stop_s=3.0)
versions = {
    name: resample(music, music_rate, 16_000, method=name)
    for name in ["audiolab", "soxr_hq", "torchaudio_hann", "torchcodec_swr", "linear"]
}
for name, version in list(versions.items())[1:]:
    distance_db = metrics.rms_db(version - versions["audiolab"]) - metrics.rms_db(music)
    print(f"{name:16} differs from audiolab by {float(distance_db):6.1f} dB")

# sphinx_gallery_start_ignore
level_db = float(metrics.rms_db(music))
gap = {n: float(metrics.rms_db(v - versions["audiolab"])) - level_db for n, v in versions.items()}
assert -47 < gap["torchaudio_hann"] < -43
assert gap["soxr_hq"] < -65
assert gap["linear"] > -36
# sphinx_gallery_end_ignore

# %%

difference = versions["torchaudio_hann"] - versions["audiolab"]
display.player(versions | {"torchaudio_hann minus audiolab": difference}, 16_000)

# %% [markdown]
# The last track is what torchaudio's default makes of the top of the band: part missing, part
# folded, and 45 dB below the music. Straight lines are 12 dB further away, over the whole band.
#
# Pitfalls
# --------
#
# - *One number.* An SNR against "the" right answer punishes whoever removes what the other keeps:
#   there is no right answer between 0.9 and 1.0 of the Nyquist frequency, only a choice.
# - *Lengths.* For 44,101 samples, torchaudio returns 16,001 samples at 16 kHz and soxr 16,000. Here
#   all return ``ceil(n * new / orig)``.
# - *Ratios.* The same method may be clean at 48 to 32 kHz and not at 44.1 to 16. Measure the pair
#   you use.
# - *Timing one clip.* Some engines build their filter at every call, others keep it.
#
# Try this
# --------
#
# - Measure your own: ``quality(my_function, 44_100, 16_000)`` takes any function of a waveform and
#   two rates.
# - Use ``dtype=torch.float64`` in ``quality``. Which floors fall, and which do not?
# - Measure 16 to 48 kHz: the aliases become images.
#
# References
# ----------
#
# - \R. E. Crochiere, L. R. Rabiner, *Interpolation and Decimation of Digital Signals: A Tutorial
#   Review*, Proceedings of the IEEE 69(3), 1981, `doi:10.1109/PROC.1981.11969
#   <https://doi.org/10.1109/PROC.1981.11969>`__.
# - \J. O. Smith, *Digital Audio Resampling Home Page*, CCRMA, Stanford University, 2002-2020.
# - Next: how it sounds when it goes wrong, in
#   :ref:`Aliasing by ear <sphx_glr_auto_examples_resampling_aliasing_by_ear.py>`.
