# %% [markdown]
"""
The mel scale and its filter banks
==================================

A mel filter bank folds hundreds of frequency bins into a few dozen bands that are narrow where
hearing is fine and wide where it is coarse. This page draws the two scales and the two norms in
use, and finds out when a bank has more bands than its transform can feed, and what to do then.

**What you will hear.** Eight tones at equal steps in hertz, and eight at equal steps in mel,
between the same two ends. Then a glide through the lowest bands, the one that the pictures show.
"""

# %%

import warnings

import matplotlib.pyplot as plt
import torch
import torchaudio

from audiolab import display, features, signals

display.use_style()
rate = 16_000

# %% [markdown]
# Equal steps
# -----------
#
# **What is a mel?** A step in pitch that sounds as large in the treble as in the bass. Two formulas
# are in use: HTK's, and the one of Slaney's *Auditory Toolbox*, linear up to 1 kHz,
#
# .. math:: m_\mathrm{HTK} = 2595 \log_{10} \Bigl(1 + \frac{f}{700}\Bigr), \qquad
#           m_\mathrm{Slaney} = \begin{cases} 3 f / 200 & f < 1000 \\
#           15 + 27 \log_{6.4} (f / 1000) & f \ge 1000. \end{cases}
#
# Their units differ, which does not matter: only where equal steps fall does.

# %%

frequency_hz = torch.linspace(0, rate / 2, 801, dtype=torch.float64)
_, panel = plt.subplots(layout="constrained")
for scale in ["htk", "slaney"]:
    mel = features.hz_to_mel(frequency_hz, mel_scale=scale)
    panel.plot(frequency_hz / 1000, mel / mel[-1], label=scale)
panel.set(title="Two mel scales, each relative to its value at 8 kHz")
panel.set(xlabel="Frequency (kHz)", ylabel="Mel (share of the range)")
panel.legend()
for scale in ["htk", "slaney"]:
    mel = features.hz_to_mel(frequency_hz, mel_scale=scale)
    print(f"{scale:6} spends {mel[100] / mel[-1]:.0%} of its range below 1 kHz")

# sphinx_gallery_start_ignore
assert frequency_hz[100] == 1000
shares = [
    float((m := features.hz_to_mel(frequency_hz, mel_scale=s))[100] / m[-1])
    for s in ["htk", "slaney"]
]
assert round(shares[0], 2) == 0.35
assert round(shares[1], 2) == 0.33
# sphinx_gallery_end_ignore

# %% [markdown]
# The curves lie close; a third of the bands goes to the lowest eighth of the spectrum in both. Now
# by ear:

# %%

low, high = torch.tensor([200.0, 6000.0], dtype=torch.float64)
equal_hz = torch.linspace(low, high, 8)
equal_mel = features.mel_to_hz(
    torch.linspace(features.hz_to_mel(low), features.hz_to_mel(high), 8, dtype=torch.float64)
)


def steps(frequencies_hz):
    bell = torch.hann_window(rate * 3 // 10).sqrt()
    notes = [signals.tone(f, 0.3, rate, amplitude=0.2) for f in frequencies_hz.tolist()]
    return torch.cat([note * bell for note in notes])


print("equal in hertz:", " ".join(f"{f:5.0f}" for f in equal_hz))
print("equal in mel:  ", " ".join(f"{f:5.0f}" for f in equal_mel))
display.player({"equal in hertz": steps(equal_hz), "equal in mel": steps(equal_mel)}, rate)

# %% [markdown]
# Equal hertz leaps at first and then hardly moves. Equal mel climbs a staircase.
#
# Triangles
# ---------
#
# **How does a scale become a bank?** Band :math:`m` is a triangle over the bins: it rises from edge
# :math:`e_m` to :math:`e_{m+1}` and falls to :math:`e_{m+2}`, and the edges are equally spaced in
# mel. The mel spectrogram is then :math:`M_{m,t} = \sum_k B_{m,k} |X_{k,t}|^2`, one matrix product.
# What is left to choose is the height: 1, or ``mel_norm="slaney"``, an area of 1.

# %%

_, panels = plt.subplots(2, 1, figsize=(7.6, 5), layout="constrained")
settings = {"n_fft": 1024, "n_mels": 16, "mel_scale": "htk"}
banks = {
    "Height 1 (torchaudio's default)": features.mel_filterbank(rate, mel_norm=None, **settings),
    "Area 1 (librosa's default)": features.mel_filterbank(rate, mel_norm="slaney", **settings),
}
noise = signals.white_noise(3.0, rate, generator=0)
power = features.spectrogram(noise, n_fft=1024).mean(-1)
for panel, (name, bank) in zip(panels, banks.items(), strict=True):
    display.plot_filterbank(bank, rate, title=name, ax=panel)
    level_db = 10 * (bank @ power).log10()
    print(f"{name:32} white noise: last band {level_db[-1] - level_db[0]:+.1f} dB re the first")

# sphinx_gallery_start_ignore
tilts = [10 * (bank @ power).log10() for bank in banks.values()]
assert 9.5 < tilts[0][-1] - tilts[0][0] < 10.5
assert abs(tilts[1][-1] - tilts[1][0]) < 1
assert abs(float(banks["Area 1 (librosa's default)"][-1].sum() * rate / 1024) - 1) < 0.01
# sphinx_gallery_end_ignore

# %% [markdown]
# With equal heights, wide bands collect more: white noise rises by 10 dB towards the treble. With
# equal areas it is flat. A model that sees only one of the two doesn't care; one that was trained
# on the other does.
#
# More bands than bins
# --------------------
#
# **How many bands can a transform feed?** Bins are :math:`f_s / N` apart whatever the frequency.
# Low bands can be narrower than that. torchaudio's defaults do it: 400 points and 128 bands at
# 16 kHz, bins 40 Hz apart.

# %%

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    torchaudio.transforms.MelSpectrogram(rate)
    bank = features.mel_filterbank(rate, convention="torchaudio")
theirs, ours = caught
print("torchaudio:", str(theirs.message)[:75], "...")
print("audiolab:  ", ours.message)

display.plot_filterbank(bank, rate, title="torchaudio's defaults", max_frequency_hz=700)

# sphinx_gallery_start_ignore
assert "4 of 128" in str(ours.message)
assert "n_fft=1024" in str(ours.message)
assert "at most 89 bands" in str(ours.message)
# sphinx_gallery_end_ignore

# %% [markdown]
# Dots are bins. Four bands catch none: whatever the signal, their rows stay at the logarithm's
# floor. Others catch one bin, near the edge or near the tip as chance has it, so that neighbours
# differ by how they were cut and not by what was said.
#
# A milder case is easy to miss, since nothing is zero and nothing warns. A tutorial that was copied
# a lot asks for 256 HTK bands at 6 kHz from 1024 points:

# %%

seed = {"n_fft": 1024, "n_mels": 256, "mel_scale": "htk"}
report = features.filterbank_report(6000, **seed)
print(f"empty: {len(report.empty)}, single bin: {len(report.single_bin)}")
print(f"bands that are combinations of others: {report.num_redundant}")
print(f"safe: {report.most_bands} bands, or n_fft={report.least_n_fft}")

_, panels = plt.subplots(2, 1, figsize=(7.6, 5), layout="constrained")
for panel, changed in zip(panels, [{}, {"n_fft": report.least_n_fft}], strict=True):
    bank = features.mel_filterbank(6000, mel_norm="slaney", **(seed | changed))
    name = f"256 bands at 6 kHz, n_fft={(seed | changed)['n_fft']}"
    display.plot_filterbank(bank, 6000, title=name, max_frequency_hz=120, ax=panel)

# sphinx_gallery_start_ignore
assert (len(report.empty), len(report.single_bin), report.num_redundant) == (0, 9, 4)
assert (report.most_bands, report.least_n_fft) == (199, 2048)
slaney = features.filterbank_report(6000, n_fft=1024, n_mels=256)
assert len(slaney.single_bin) == 0
# sphinx_gallery_end_ignore

# %% [markdown]
# Nine bands see one bin each, and four rows of 256 say nothing new. The remedy is in the report:
# 199 bands, or twice the transform. A longer transform costs time resolution, unless only the
# transform grows: ``win_length=1024, n_fft=2048`` adds zeros, and bins between the bins. (Slaney's
# scale, wider below 1 kHz, has no such band at the same sizes.)
#
# What an empty band looks like
# -----------------------------
#
# **What does a model get to see?** A tone glides from 50 to 700 Hz, and should climb row by row.

# %%

glide = signals.linear_sweep(50, 700, 3.0, rate, amplitude=0.3)
fold = {"win_length": 400, "hop_length": 200, "n_mels": 128, "mel_scale": "htk", "mel_norm": None}
_, panels = plt.subplots(2, 1, figsize=(7.6, 5.6), layout="constrained")
levels = {}
for panel, size in zip(panels, [400, 1024], strict=True):
    mel = features.mel_spectrogram(glide, rate, n_fft=size, on_empty="ignore", **fold)
    levels[size] = 10 * mel[:32].clamp_min(1e-10).log10()
    centres_hz = features.mel_frequencies(rate, n_mels=128, mel_scale="htk")[:32]
    name = f"The lowest 32 of 128 bands: a window of 400, n_fft={size}"
    axis = {"frequencies_hz": centres_hz, "hop_length": 200, "limits": (-60, 40)}
    display.plot_feature(levels[size], rate, title=name, ax=panel, **axis)
    print(f"n_fft={size}: loudest value of each of the first 8 bands, dB")
    print("   ", " ".join(f"{level:6.1f}" for level in levels[size].amax(1)[:8]))

# sphinx_gallery_start_ignore
assert [b for b in range(32) if float(levels[400].amax(1)[b]) == -100] == [0, 3, 6, 13]
assert float(levels[1024].amax(1).min()) > 15
# sphinx_gallery_end_ignore

# %% [markdown]
# Above, black rows never light up, and the rows between them are uneven. Below, the window and so
# the resolution in time are the same; zeros after each frame only put more bins between the bins,
# and every band has its own.

# %%

display.player({"50 to 700 Hz": glide}, rate)

# %% [markdown]
# Pitfalls
# --------
#
# - *A bank for another rate.* A bank made for 6 kHz and fed with 16 kHz audio has the right shape
#   and every label wrong by a factor of 2.7. The modules here refuse it:
#   ``MelSpectrogram(6000)(waveform, 16_000)`` raises.
# - *Mixing scales.* A model trained on ``htk`` bands and fed with ``slaney`` ones gets no error
#   either. Keep the :class:`audiolab.features.Convention` beside the weights.
# - *The peak of a band as its centre.* In a narrow band the largest weight lies at the nearest bin,
#   up to half a bin off; :func:`audiolab.features.mel_frequencies` gives the true centre.
# - *Silencing the warning.* A dead row costs nothing at training and everything when a later
#   version changes which rows are dead.
#
# Try this
# --------
#
# - Ask :func:`audiolab.features.filterbank_report` about the settings of your own model.
# - Let ``torchaudio.transforms.MelSpectrogram`` have ``n_fft=512`` and count again.
# - Pass ``convention="kaldi"`` to :func:`audiolab.features.mel_filterbank`: its flanks are straight
#   over mel, and bend in the plot over hertz.
#
# References
# ----------
#
# - \S. S. Stevens, J. Volkmann, E. B. Newman, *A Scale for the Measurement of the Psychological
#   Magnitude Pitch*, Journal of the Acoustical Society of America 8(3), 1937,
#   `doi:10.1121/1.1915893 <https://doi.org/10.1121/1.1915893>`__.
# - \M. Slaney, *Auditory Toolbox, Version 2*, Interval Research, Technical Report 1998-010, 1998.
# - \S. Young et al., *The HTK Book*, Cambridge University, 2006, section 5.4.
