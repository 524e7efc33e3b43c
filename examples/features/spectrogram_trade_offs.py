# %% [markdown]
"""
What a spectrogram can and cannot show
======================================

A spectrogram has three knobs, window length, window shape and hop, and each of them hides one thing
to show another. This page turns them one at a time on sounds made to tell, and then lets you hear
what the wrong window does to music that is slowed down.

**What you will hear.** The test sound: two tones that beat, and pairs of clicks. Then two seconds
of music at two thirds of their speed, through a short, a medium and a long window.
"""

# %%

import matplotlib.pyplot as plt
import torch

import audiolab.io as audio_io
from audiolab import display, features, signals

display.use_style()
rate = 16_000

# %% [markdown]
# Window length
# -------------
#
# **Where and when: can we have both?** The sound holds two tones 40 Hz apart, and pairs of clicks
# 20 ms apart.

# %%

sound = signals.tone(1000, 2.0, rate, amplitude=0.1) + signals.tone(1040, 2.0, rate, amplitude=0.1)
for at_s in [0.5, 1.0, 1.5]:
    for gap_s in [0.0, 0.02]:
        sound += signals.click(2.0, rate, at_s=at_s + gap_s, amplitude=0.9)
display.player({"two tones and three pairs of clicks": sound}, rate)

# %%

_, panels = plt.subplots(3, 1, figsize=(7.6, 8), sharex=True, layout="constrained")
for panel, n_fft in zip(panels, [128, 512, 4096], strict=True):
    name = (
        f"Window of {n_fft} samples: {1000 * n_fft / rate:.0f} ms, bins {rate / n_fft:.1f} Hz apart"
    )
    look = {"max_frequency_hz": 2000, "range_db": 60, "hop": 32}
    display.plot_spectrogram(sound, rate, title=name, n_fft=n_fft, ax=panel, **look)

# %% [markdown]
# The short window sees every click and one blurred tone, which beats. The long one sees two tones
# and smears each pair of clicks over a quarter of a second. The medium one does neither well. It is
# no flaw of the method: a Hann window of :math:`N` samples has a main lobe of
#
# .. math:: \Delta f = \frac{4 f_s}{N}, \qquad \Delta t = \frac{N}{f_s}, \qquad
#           \Delta f \, \Delta t = 4,
#
# whatever :math:`N` is. Two tones come apart at about half of that width, two clicks at about half
# of that duration. In numbers, how deep is the dip between the two?

# %%

dips = {}
for n_fft in [128, 256, 512, 1024, 2048, 4096]:
    power = features.spectrogram(sound, n_fft=n_fft, hop_length=16)
    quiet = features.spectrogram(sound[:7_000], n_fft=8192, win_length=n_fft, hop_length=16)
    line = quiet.mean(-1)[505:540].log10() * 10
    near = power[n_fft // 4 :, 480:560].sum(0).log10() * 10  # from 4 kHz up, around 0.5 s
    tones_db = min(line[4:10].max(), line[25:31].max()) - line[12:23].min()
    clicks_db = min(near[10:25].max(), near[35:50].max()) - near[25:35].min()
    dips[n_fft] = (float(tones_db), float(clicks_db))
    print(
        f"{n_fft:5} samples: between tones {tones_db:5.1f} dB, between clicks {clicks_db:5.1f} dB"
    )

# sphinx_gallery_start_ignore
assert max(dips[n][0] for n in [128, 256, 512]) < 1
assert max(dips[n][1] for n in [1024, 2048, 4096]) < 1
assert dips[1024][0] > 3
assert dips[512][1] > 3
# sphinx_gallery_end_ignore

# %% [markdown]
# Up to 512 samples the clicks are two, from 1024 on the tones are. No length shows both.
#
# Window shape
# ------------
#
# **What hides a weak tone?** Not only the width of the main lobe: the sides of a window leak. Here
# is a full tone, and one a thousand times weaker, 300 Hz above it:

# %%

weak_hz = 1303.0
pair = signals.tone(1003, 1.0, rate, amplitude=0.9)
pair += signals.tone(weak_hz, 1.0, rate, amplitude=0.0009)
heights = {}

# %%

_, panel = plt.subplots(figsize=(7.6, 3.4), layout="constrained")
for window in ["rectangular", "hann", "blackman"]:
    power = features.spectrogram(pair, n_fft=8192, win_length=1024, window=window)
    level_db = 10 * power[:, power.shape[1] // 2].log10()
    level_db = level_db - level_db.max()
    frequency_hz = torch.arange(len(level_db)) * rate / 8192
    panel.plot(frequency_hz, level_db, label=window)
    heights[window] = level_db[round(weak_hz / rate * 8192)].item()
panel.axvline(weak_hz, color="0.6", linewidth=0.8)
panel.set(title="A tone, and one at -60 dB beside it", xlim=(600, 1600), ylim=(-110, 3))
panel.set(xlabel="Frequency (Hz)", ylabel="Level (dB re peak)")
panel.legend()
print({window: f"{height:.1f} dB" for window, height in heights.items()})

# sphinx_gallery_start_ignore
assert abs(heights["hann"] + 60) < 2
assert abs(heights["blackman"] + 60) < 2
assert heights["rectangular"] > -45
# sphinx_gallery_end_ignore

# %% [markdown]
# The rectangle has the narrowest main lobe and sides that bury the weak tone. Hann's fall off fast
# enough; Blackman's are lower still and its main lobe is wider by half. Hann is everybody's default
# for a reason.
#
# Hop
# ---
#
# **What does a smaller hop buy?** No resolution, the window has settled that: numbers, and a way
# back. With a hop :math:`H` a spectrogram holds :math:`N / H` times as many real numbers as the
# signal, and it can be inverted as long as every sample is under some window. Below, each cell is
# then turned up or down at random, by 3 dB or so, before it is inverted again:

# %%

speech, _ = audio_io.load(signals.clip_path("speech"), sample_rate=rate, stop_s=3.0)
speech = speech[0]
generator = torch.Generator().manual_seed(0)
errors_db = {}
for hop in [64, 128, 256, 512]:
    spectrum = features.spectrogram(speech, power=None, n_fft=1024, hop_length=hop)
    back = {"n_fft": 1024, "hop_length": hop, "length": len(speech)}
    again = features.inverse_spectrogram(spectrum, **back)
    rough = 10 ** (torch.randn(spectrum.shape, generator=generator) * 3 / 20)  # 3 dB, per cell
    damaged = features.inverse_spectrogram(spectrum * rough, **back)
    error_db = 20 * torch.log10((damaged - speech).norm() / speech.norm())
    ratio = 2 * spectrum.numel() / len(speech)
    exact = (again - speech).abs().max()
    errors_db[hop] = error_db.item()
    print(f"hop {hop:3}: {ratio:4.1f} numbers a sample, exact to {exact:.0e}; {error_db:.1f} dB")

# sphinx_gallery_start_ignore
assert exact < 1e-6
steps = [errors_db[2 * hop] - errors_db[hop] for hop in [64, 128, 256]]
assert all(1.5 < step < 3.7 for step in steps)
# sphinx_gallery_end_ignore

# %% [markdown]
# All four come back exactly; even two numbers a sample hold everything. What differs is how much an
# error in a cell does: where many frames share a sample, errors average out, two to three decibels
# for each halving of the hop. A quarter of the window is the usual bargain. (A hop beyond half the
# window of Hann's leaves samples between the frames, and ``inverse_spectrogram`` says so.)
#
# A window that one hears
# -----------------------
#
# **Does it matter for sound?** Whatever changes a spectrogram and inverts it, changes pieces as
# long as the window. Slowing down with a phase vocoder takes apart tones and onsets alike:

# %%

music, rate = audio_io.load(signals.clip_path("music"), num_channels=1, start_s=1.0, stop_s=4.0)
tracks = {"as it was": music[0]}
excerpt = music[0, : 2 * rate]  # two seconds, which become three
for n_fft in [256, 2048, 16_384]:
    spectrum = features.spectrogram(excerpt, power=None, n_fft=n_fft)
    slow = features.phase_vocoder(spectrum, 2 / 3, hop_length=n_fft // 4)
    name = f"2/3 speed, {1000 * n_fft / rate:.0f} ms"
    tracks[name] = features.inverse_spectrogram(slow, n_fft=n_fft, length=3 * rate)
display.player(tracks, rate)

# %% [markdown]
# Two numbers for what you heard: how far the bass has turned to noise (the flatness of the spectrum
# from 60 to 500 Hz; 1 is white noise), and how much the peaks of the treble stand out in time.

# %%

rows = {}
for name, track in tracks.items():
    bass = features.spectrogram(track, n_fft=8192)[11:93]
    flatness = (bass.log().mean(0).exp() / bass.mean(0)).mean().item()
    treble = features.spectrogram(track, n_fft=256)[23:].sum(0)
    crest = (treble.max() / treble.mean()).item()
    rows[name] = (flatness, crest)
    print(f"{name:18} flatness of the bass {flatness:.2f}, crest of the treble {crest:4.1f}")

# sphinx_gallery_start_ignore
plain, short, medium, long = rows.values()
assert short[0] > 4 * plain[0]
assert medium[0] < 2 * plain[0]
assert long[1] < 0.65 * plain[1]
assert medium[1] > 0.8 * plain[1]
# sphinx_gallery_end_ignore

# %% [markdown]
# Six milliseconds are less than a period of the bass, which crumbles into a rattle. 370 ms hold
# several onsets, and spread each of them. In between, 46 ms is what most programs take for music,
# and 25 ms for speech.
#
# Pitfalls
# --------
#
# - *More points, no more resolution.* ``n_fft`` above ``win_length`` adds zeros: more bins,
#   smoother lines, the same main lobe. Resolution is the window's.
# - *Symmetric windows.* For spectra a window's period is its length (``periodic=True``). The
#   symmetric ones of filter design are off by a sample.
# - *Frames and time.* With ``center=True`` frame :math:`t` is at sample :math:`t H`; without, half
#   a window later. Labels made for one are wrong for the other.
# - *Settings in samples.* 1024 samples are 23 ms at 44.1 kHz and 128 ms at 8 kHz. Keep windows in
#   milliseconds when rates change.
#
# Try this
# --------
#
# - Move the clicks to 80 ms apart: which lengths show both now?
# - Replace ``"blackman"`` by ``"hamming"``, and look at its sides far from the tone.
# - Slow down ``signals.clip("speech")`` instead. Which window is best for it?
#
# References
# ----------
#
# - \F. J. Harris, *On the Use of Windows for Harmonic Analysis with the Discrete Fourier
#   Transform*, Proceedings of the IEEE 66(1), 1978, `doi:10.1109/PROC.1978.10837
#   <https://doi.org/10.1109/PROC.1978.10837>`__.
# - \D. Gabor, *Theory of Communication*, Journal of the IEE 93(26), 1946,
#   `doi:10.1049/ji-3-2.1946.0074 <https://doi.org/10.1049/ji-3-2.1946.0074>`__.
# - \J. L. Flanagan, R. M. Golden, *Phase Vocoder*, Bell System Technical Journal 45(9), 1966,
#   `doi:10.1002/j.1538-7305.1966.tb01706.x
#   <https://doi.org/10.1002/j.1538-7305.1966.tb01706.x>`__.
