# %% [markdown]
"""
A tour of the effects: filters and dynamics
===========================================

Every effect that changes the balance of frequencies or of levels, to listen to and to look at. The
keys of the players are SoX's words, so that each can be copied to where it is needed.

**What you will hear.** Three seconds of music through eighteen filters, and a sentence through
twelve ways of changing its level.
"""

# %%

import matplotlib.pyplot as plt
import torch

import audiolab.io as audio_io
from audiolab import display, effects, metrics, signals
from audiolab.effects import EffectsChain

display.use_style()
rate = 24_000
options = {"sample_rate": rate, "num_channels": 1}
music, _ = audio_io.load(signals.clip_path("music"), stop_s=3.0, **options)
speech, _ = audio_io.load(signals.clip_path("speech"), stop_s=3.0, **options)
click = torch.zeros(1, 4096, dtype=torch.float64)
click[0, 2048] = 1.0


# %% [markdown]
# A player needs the sound before and after each chain, and a response the answer to a click:

# %%


def run(sound, *chains):
    results = {words: EffectsChain(words, sample_rate=rate)(sound) for words in chains}
    return {"as it was": sound} | results


def plot_responses(title, *chains, **options):
    answers = {words: EffectsChain(words, sample_rate=rate)(click)[0] for words in chains}
    return display.plot_frequency_response(answers, rate, title=title, **options)


# %% [markdown]
# Filters that pass and stop
# --------------------------
#
# ``lowpass`` and ``highpass`` keep one side of a frequency; ``bandpass`` and ``band`` its
# surroundings; ``bandreject`` everything else. ``sinc`` does any of these with a steep
# edge and linear phase.

# %%

passing = ["lowpass 800", "highpass 800", "bandpass 800 1o", "band 800 400", "bandreject 800 2o"]
passing.append("sinc 400-1600")
plot_responses("Filters that pass and stop", *passing, range_db=60.0)

# %%

display.player(run(music, *passing), rate)

# %% [markdown]
# Filters that raise and lower
# ----------------------------
#
# ``bass`` and ``treble`` are shelves, ``equalizer`` is a bell, ``loudness`` lifts both ends as the
# ear wants it at low levels, and ``firfit`` goes through any points in a file or, as a function,
# in a list.

# %%

raising = ["bass +9", "treble +9", "equalizer 1k 1q -12", "loudness -10"]
plot_responses("Filters that raise and lower", *raising, range_db=40.0)

# %%

points_hz, gains_db = [100.0, 500.0, 2000.0, 8000.0], [0.0, -12.0, 6.0, -6.0]
fitted = effects.firfit(music, rate, frequencies_hz=points_hz, gains_db=gains_db)
curve = effects.firfit(click, rate, frequencies_hz=points_hz, gains_db=gains_db)[0]
points = {"asked for": (torch.tensor(points_hz), torch.tensor(gains_db))}
display.plot_frequency_response(
    {"firfit": curve}, rate, title="firfit through four points", measured=points, range_db=40.0
)
display.player(run(music, *raising) | {"firfit": fitted}, rate)

# %% [markdown]
# Filters with given numbers
# --------------------------
#
# ``biquad`` and ``fir`` take coefficients as they are: here a difference of neighbours and a mean
# of eight. ``allpass`` and ``hilbert`` turn phases and leave magnitudes alone, so that the ear
# notices little.

# %%

given = ["biquad 1 -1 0 1 0 0", "fir" + 8 * " 0.125", "allpass 800 1q", "hilbert -n 255"]
plot_responses("Filters with given numbers", *given, range_db=60.0)

# %%

display.player(run(music, *given), rate)

# %% [markdown]
# Filters of a standard
# ---------------------
#
# ``riaa`` undoes the curve of the vinyl record, ``deemph`` that of some early CDs, and ``earwax``
# moves music on headphones out of the middle of the head. ``earwax`` insists on stereo at
# 44.1 kHz, and ``deemph`` on 44.1 or 48 kHz.

# %%

stereo, cd_rate = audio_io.load(signals.clip_path("music"), stop_s=1.5)
standards = {"as it was": stereo}
for words in ("riaa", "deemph", "earwax"):
    standards[words] = EffectsChain(words, sample_rate=cd_rate)(stereo)
cd_click = torch.zeros(2, 8192, dtype=torch.float64)
cd_click[0, 2048] = 1.0
curves = {
    name: EffectsChain(name, sample_rate=cd_rate)(cd_click)[0] for name in list(standards)[1:]
}
display.plot_frequency_response(curves, cd_rate, title="Left to left", range_db=50.0)
display.player(standards, cd_rate)

# %% [markdown]
# A compressor and its relatives
# ------------------------------
#
# ``compand`` follows the level and looks up the gain in a curve; ``mcompand`` does so in bands.
# These make soft sounds louder; the functions ``compressor``, ``limiter``, ``expander`` and
# ``noise_gate`` are in the words of today's mixing desks.

# %%

words = [
    "compand 0.02,0.2 6:-60,-60,-40,-20,0,-10 0 -60 0.02",
    'mcompand "0.005,0.1 -47,-40,-34,-34,-17,-33" 800 "0.003,0.05 -47,-40,-34,-34,-17,-33"',
]
levels = {"as it was": speech}
for name, line in zip(("compand", "mcompand"), words, strict=True):
    levels[name] = EffectsChain(line, sample_rate=rate)(speech)
levels["compressor"] = effects.compressor(speech, rate, threshold_db=-30.0, makeup_db=6.0)
levels["limiter"] = effects.limiter(speech, rate, ceiling_db=-6.0, drive_db=18.0)
levels["expander"] = effects.expander(speech, rate, threshold_db=-30.0)
levels["noise_gate"] = effects.noise_gate(speech, rate, threshold_db=-35.0, hold_s=0.02)
display.player(levels, rate)

# %%

display.plot_comparison(list(levels.values()), rate, list(levels))

# %% [markdown]
# What they have in common is a curve from level to level, drawn here from tones of
# 300 ms that rise by 3 dB at a time:

# %%

steps_db = torch.arange(-66.0, 1.0, 3.0)
tone = signals.tone(1000.0, 0.3, rate).expand(len(steps_db), 1, -1)
tones = effects.norm(tone, steps_db)  # a batch: every item has its own level
outs = {"compressor": effects.compressor(tones, rate, threshold_db=-30.0, makeup_db=6.0)}
outs["limiter"] = effects.limiter(tones, rate, ceiling_db=-6.0, drive_db=18.0)
outs["expander"] = effects.expander(tones, rate, threshold_db=-30.0)
outs["noise_gate"] = effects.noise_gate(tones, rate, threshold_db=-35.0)
figure, panel = plt.subplots(figsize=(5.4, 4.2), layout="constrained")
for name, out in outs.items():
    panel.plot(steps_db, metrics.peak_db(out[:, 0, -rate // 20 :]), label=name)
panel.set(
    title="Level in, level out", xlabel="Peak in (dB)", ylabel="Peak out (dB)", ylim=(-100, 5)
)
panel.legend()

# sphinx_gallery_start_ignore
top = {name: float(metrics.peak_db(out[-1, 0, -rate // 20 :])) for name, out in outs.items()}
assert abs(top["compressor"] - (-30 + 30 / 4 + 6)) < 1.5
assert abs(top["limiter"] + 6) < 0.1
assert float(metrics.peak_db(outs["noise_gate"][5, 0, -rate // 20 :])) < -90
# sphinx_gallery_end_ignore

# %% [markdown]
# Level
# -----
#
# ``gain`` and ``vol`` multiply, ``norm`` multiplies to a peak, ``dcshift`` adds. ``contrast`` and
# ``overdrive`` bend each sample by a curve, which makes new harmonics.

# %%

simple = ["gain -6", "vol 0.25", "norm -3", "dcshift 0.1", "contrast 75", "overdrive 20 gain -9"]
results = run(speech, *simple)
for name, sound in results.items():
    peak_db, mean = float(metrics.peak_db(sound).max()), float(sound.mean())
    print(f"{name:20} peak {peak_db:6.2f} dB   mean {mean:6.3f}")
display.player(results, rate)

# %%

ramp = torch.linspace(-1, 1, 400)[None]
figure, panel = plt.subplots(figsize=(5.4, 4.2), layout="constrained")
panel.plot(ramp[0], EffectsChain("contrast 75", sample_rate=rate)(ramp)[0], label="contrast 75")
panel.plot(ramp[0], EffectsChain("dcshift 0.1", sample_rate=rate)(ramp)[0], label="dcshift 0.1")
panel.plot(ramp[0], EffectsChain("gain -6", sample_rate=rate)(ramp)[0], label="gain -6")
panel.set(title="Sample in, sample out", xlabel="Amplitude in", ylabel="Amplitude out")
panel.legend()

# %% [markdown]
# Pitfalls
# --------
#
# - *Louder sounds better.* Compare at equal loudness before believing an equaliser or a compressor.
# - *A batch without channels.* Shape ``(batch, time)`` reads as ``(channels, time)`` to the effects
#   that link channels: one loud item turns all of them down. Write ``(batch, 1, time)``.
# - *norm of a batch.* It takes the peak of each item; levels between items are lost.
# - *dcshift.* An offset is not heard, and eats head-room. ``highpass 20`` removes one.
# - *overdrive without gain.* It makes most sounds louder by far: turn it down behind.
#
# Try this
# --------
#
# - Put ``bass +9`` before and after ``contrast``: why is it not the same?
# - Gate the babble of :func:`audiolab.signals.babble`. What does the hold time do?
# - Give ``compressor`` a ``sidechain`` of a kick drum of your own, and the music pumps.
#
# References
# ----------
#
# - The manual of SoX, ``man sox``; :mod:`audiolab.effects` for the functions and their formulas.
# - ISO 226:2003, *Normal equal-loudness-level contours*.
