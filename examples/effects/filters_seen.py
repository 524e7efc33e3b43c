# %% [markdown]
"""
Filters seen
============

Twelve of SoX's filters are one recursion with five numbers in it. This page draws what the numbers
do, checks the drawing with tones, and measures what becomes of it in 32 bits.

**What you will hear.** Music through a low-pass whose Q rises until the cutoff whistles; and the
same cutoff at 6, 12 and 24 dB an octave.
"""

# %%

import math

import matplotlib.pyplot as plt
import torch
import torchaudio.functional as taf

import audiolab.io as audio_io
from audiolab import display, effects, metrics, signals
from audiolab.effects.filters import design

display.use_style()
rate = 48_000
plot = display.plot_frequency_response

# %% [markdown]
# Five numbers
# ------------
#
# **What is a biquad?** Each sample is made of three samples of the input and two of the output,
#
# .. math:: y[n] = b_0 x[n] + b_1 x[n-1] + b_2 x[n-2] - a_1 y[n-1] - a_2 y[n-2],
#
# which is a ratio of two quadratics in :math:`z^{-1}`. Two zeros pull the response down and two
# poles push it up; the *cookbook* of R. Bristow-Johnson says where to put them for a cutoff and a
# width. ``audiolab.effects.filters.design`` returns the numbers as a pair ``(b, a)``.

# %%

passes = {
    "lowpass": design.lowpass(rate, cutoff_hz=1000.0),
    "highpass": design.highpass(rate, cutoff_hz=1000.0),
    "bandpass": design.bandpass(rate, center_hz=1000.0, q=2.0),
    "bandreject": design.bandreject(rate, center_hz=1000.0, q=2.0),
    "band": design.band(rate, center_hz=1000.0, bandwidth_hz=500.0),
}
print("lowpass: b =", [round(value, 6) for value in passes["lowpass"].b.tolist()])
print("         a =", [round(value, 6) for value in passes["lowpass"].a.tolist()])
plot(passes, rate, title="What passes, at 1 kHz", range_db=45.0)

# %%

tones = {
    "equalizer, +9 dB": design.equalizer(rate, center_hz=1000.0, gain_db=9.0, q=1.0),
    "equalizer, -9 dB": design.equalizer(rate, center_hz=1000.0, gain_db=-9.0, q=1.0),
    "bass, +9 dB at 100 Hz": design.bass(rate, gain_db=9.0),
    "treble, -9 dB at 3 kHz": design.treble(rate, gain_db=-9.0),
}
plot(tones, rate, title="What is raised and lowered", range_db=25.0)

# %% [markdown]
# Cut and boost are mirror images: the zeros of the one are the poles of the other, so that +9 dB
# followed by -9 dB is the input again.
#
# The allpass lets everything pass, and turns its phase: its magnitude is a straight line. Mixed
# with its input, it is what a phaser is made of.

# %%

turned = design.allpass(rate, center_hz=1000.0, q=1.0)
plot(turned, rate, title="allpass at 1 kHz", phase=True, range_db=20.0, top_db=10.0)

# sphinx_gallery_start_ignore
grid_hz = torch.logspace(1.3, 4.3, 200, dtype=torch.float64)
assert (turned.frequency_response(grid_hz, rate).abs() - 1).abs().max() < 1e-9
up, down = tones["equalizer, +9 dB"], tones["equalizer, -9 dB"]
both = up.frequency_response(grid_hz, rate) * down.frequency_response(grid_hz, rate)
assert (both - 1).abs().max() < 1e-9
# sphinx_gallery_end_ignore

# %% [markdown]
# Q: how narrow, how resonant
# ---------------------------
#
# **What does Q do?** It moves the poles nearer to the circle on which they would ring for ever.
# Around a peak, Q is the centre divided by the width between the -3 dB points. In a low-pass it is
# the gain at the cutoff itself: :math:`|H(f_c)| = Q`.

# %%

resonant = {f"Q {q:g}": design.lowpass(rate, cutoff_hz=1000.0, q=q) for q in (0.3, 0.707, 2.0, 8.0)}
plot(resonant, rate, title="lowpass at 1 kHz: four values of Q", range_db=60.0)
for name, filter_ in resonant.items():
    gain = float(filter_.frequency_response(1000.0, rate).abs())
    print(f"{name:8} gain at the cutoff {gain:5.3f}, {20 * math.log10(gain):5.1f} dB")

# sphinx_gallery_start_ignore
for q, filter_ in zip((0.3, 0.707, 2.0, 8.0), resonant.values(), strict=True):
    assert abs(float(filter_.frequency_response(1000.0, rate).abs()) - q) < 1e-9
# sphinx_gallery_end_ignore

# %% [markdown]
# :math:`\sqrt{1/2}` is Butterworth's: as flat as it can be below the cutoff. Less sags, more
# whistles. The same Q seen in time: after a click, the filter rings for about :math:`Q / \pi f_c`
# seconds until it has fallen to :math:`1/e`.

# %%

click = torch.zeros(rate // 100, dtype=torch.float64)
click[0] = 1.0
time_ms = 1000 * torch.arange(len(click)) / rate
figure, panel = plt.subplots(figsize=(7.6, 2.8), layout="constrained")
for q in (0.707, 2.0, 8.0):
    panel.plot(time_ms, effects.lowpass(click, rate, cutoff_hz=1000.0, q=q), label=f"Q {q:g}")
panel.set(title="Response of the low-pass to a click", xlabel="Time (ms)", ylabel="Amplitude")
panel.legend()

# %% [markdown]
# Slope: how a shelf rises
# ------------------------
#
# **Shelves have no Q?** They may have one, but their own measure is the *slope* :math:`S`: at 1,
# the shelf is as steep as it can be without overshooting. SoX's default is 0.5.

# %%

shelves = {f"slope {s:g}": design.bass(rate, gain_db=12.0, slope=s) for s in (0.2, 0.5, 1.0)}
shelves["Q 2"] = design.bass(rate, gain_db=12.0, q=2.0)
plot(shelves, rate, title="bass, +12 dB at 100 Hz", range_db=40.0)

# sphinx_gallery_start_ignore
for name, shelf in shelves.items():
    level_db = 20 * shelf.frequency_response(grid_hz, rate).abs().log10()
    assert abs(float(20 * shelf.frequency_response(100.0, rate).abs().log10()) - 6) < 0.01, name
    assert (float(level_db.max()) > 12.5) == (name == "Q 2"), name
# sphinx_gallery_end_ignore

# %% [markdown]
# All of them pass 100 Hz with half the decibels: the centre of a shelf is the middle of its rise,
# not its end. With a Q of its own, a shelf overshoots at one end and undershoots at the other.
#
# Order: how steep
# ----------------
#
# **What are -1 and -2?** SoX's words for the number of poles. One pole falls by 6 dB an octave, two
# by 12. For more, run several in a row, but not the same one twice: two Butterworth filters are
# 6 dB down at their cutoff. Fourth order takes :math:`Q = 1 / (2 \cos(\pi/8))` and
# :math:`1 / (2 \cos(3 \pi/8))`, which are 0.54 and 1.31.

# %%


def cascade(waveform, *qs, cutoff_hz=1000.0, rate=rate):
    for q in qs:
        waveform = effects.lowpass(waveform, rate, cutoff_hz=cutoff_hz, q=q)
    return waveform


fourth = [1 / (2 * math.cos(k * math.pi / 8)) for k in (1, 3)]
orders = {
    "one pole (-1)": effects.lowpass(click, rate, cutoff_hz=1000.0, poles=1),
    "two poles (-2)": effects.lowpass(click, rate, cutoff_hz=1000.0),
    "the same twice": cascade(click, 0.707, 0.707),
    "fourth order": cascade(click, *fourth),
}
plot(orders, rate, title="lowpass at 1 kHz: one, two and four poles", range_db=60.0)

# sphinx_gallery_start_ignore
angle = -2 * math.pi * 1000 / rate * torch.arange(len(click), dtype=torch.float64)
turn = torch.polar(torch.ones_like(click), angle)
at_cutoff = {name: float((taps.to(turn.dtype) @ turn).abs()) for name, taps in orders.items()}
assert abs(20 * math.log10(at_cutoff["the same twice"]) + 6.02) < 0.02
assert abs(20 * math.log10(at_cutoff["fourth order"]) + 3.01) < 0.02
assert 0.002 < abs(20 * math.log10(at_cutoff["one pole (-1)"]) + 3.01) < 0.02
# sphinx_gallery_end_ignore

# %% [markdown]
# Two things to know about the single pole: its formula matches the decay in time, so it is only
# nearly 3 dB down at its cutoff, the less so the higher the cutoff; and it never reaches zero, so
# at 24 kHz it still passes something. Two poles come with two zeros there, which bend them down at
# the right edge.
#
# Do the curves hold?
# -------------------
#
# **Is the drawing what the filter does?** Send tones through it, wait until it has settled, and
# compare their levels: lines by formula, points by measurement.

# %%

tones_hz = [31.25 * 2**octave for octave in range(10)]
measured = {}
for q in (0.707, 8.0):
    levels = []
    for tone_hz in tones_hz:
        tone = signals.tone(tone_hz, 0.5, rate, dtype=torch.float64)
        after = effects.lowpass(tone, rate, cutoff_hz=1000.0, q=q)
        levels.append(metrics.rms_db(after[rate // 4 :]) - metrics.rms_db(tone[rate // 4 :]))
    measured[f"tones, Q {q:g}"] = torch.tensor(tones_hz), torch.stack(levels)
lines = {name: resonant[name] for name in ("Q 0.707", "Q 8")}
plot(lines, rate, measured=measured, title="lowpass at 1 kHz, by formula and by tones")

# sphinx_gallery_start_ignore
for q, (at_hz, levels) in zip((0.707, 8.0), measured.values(), strict=True):
    curve = design.lowpass(rate, cutoff_hz=1000.0, q=q).frequency_response(at_hz, rate).abs()
    assert (20 * curve.log10() - levels).abs().max() < 0.05
# sphinx_gallery_end_ignore

# %% [markdown]
# 32 bits
# -------
#
# **Does float32 suffice?** For samples, yes: its rounding is 150 dB down. Inside a recursion, no.
# A low cutoff moves the poles to :math:`z = 1`, where the response at 0 Hz is a quotient of two
# tiny numbers,
#
# .. math:: H(1) = \frac{b_0 + b_1 + b_2}{1 + a_1 + a_2}, \qquad
#           1 + a_1 + a_2 \approx \left( 2\pi f_c / f_s \right)^2,
#
# the lower one the difference of numbers near 2. Every halving of the cutoff costs two bits, 12 dB.
# Round the coefficients, and nothing else, to 32 bits:

# %%


def rounded(filter_):
    return design.Biquad(filter_.b.float().double(), filter_.a.float().double())


low_hz = torch.logspace(-0.3, 2, 200, dtype=torch.float64)
figure, panel = plt.subplots(figsize=(7.6, 3.2), layout="constrained")
for color, cutoff_hz in zip(("C0", "C1", "C2"), (5.0, 10.0, 20.0), strict=True):
    exact = design.lowpass(rate, cutoff_hz=cutoff_hz)
    for filter_, style in ((exact, "-"), (rounded(exact), "--")):
        gain_db = 20 * filter_.frequency_response(low_hz, rate).abs().log10()
        panel.semilogx(low_hz, gain_db, style, color=color, label=f"{cutoff_hz:g} Hz")
panel.set(title="lowpass: designed (lines) and with coefficients in float32 (dashes)")
panel.set(xlabel="Frequency (Hz)", ylabel="Gain (dB)", ylim=(-9, 3))
panel.legend(ncols=3)

# sphinx_gallery_start_ignore
dc_db = (
    20 * rounded(design.lowpass(rate, cutoff_hz=5.0)).frequency_response(0.01, rate).abs().log10()
)
assert -0.96 < float(dc_db) < -0.91
# sphinx_gallery_end_ignore

# %% [markdown]
# At 5 Hz the float32 filter has lost 0.9 dB even at 0 Hz, before it has filtered anything.
# The state suffers too. Here pink noise in float32 goes through torchaudio's filters and through
# ours, which keep coefficients and state in float64 and round the result once. The reference is
# torchaudio's own filter run in float64.

# %%

noise = signals.pink_noise(2.0, rate, generator=0)
noise *= 0.1 / noise.abs().max()
cutoffs_hz = [5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0]
errors = {"torchaudio, float32": [], "audiolab, float32": []}
for cutoff_hz in cutoffs_hz:
    exact = taf.lowpass_biquad(noise.double(), rate, cutoff_hz, 0.707)
    theirs = taf.lowpass_biquad(noise, rate, cutoff_hz, 0.707)
    ours = effects.lowpass(noise, rate, cutoff_hz=cutoff_hz, q=0.707)
    for name, result in zip(errors, (theirs, ours), strict=True):
        errors[name].append(float(-metrics.snr_db(exact, result.double())))

# %%

figure, panel = plt.subplots(figsize=(7.6, 3.6), layout="constrained")
for name, error_db in errors.items():
    panel.semilogx(cutoffs_hz, error_db, "o-", label=name)
law_db = [20 * math.log10(2**-24 * (rate / (2 * math.pi * hz)) ** 2) for hz in cutoffs_hz]
panel.semilogx(cutoffs_hz, law_db, "k:", label=r"$2^{-24} (f_s / 2\pi f_c)^2$")
panel.set(title="lowpass at 48 kHz: error against float64", xlabel="Cutoff (Hz)")
panel.set(ylabel="Error (dB below the result)", ylim=(-165, 0))
panel.legend()
for cutoff_hz, theirs_db, ours_db in zip(cutoffs_hz, *errors.values(), strict=True):
    print(f"{cutoff_hz:7.0f} Hz: torchaudio {theirs_db:6.1f} dB, audiolab {ours_db:6.1f} dB")

# sphinx_gallery_start_ignore
theirs_db, ours_db = errors.values()
assert max(ours_db) < -148
assert -15 < theirs_db[0] < -11
assert -40 < theirs_db[2] < -30
assert theirs_db[4] < -70
assert theirs_db[-1] > -145
for law, found in zip(law_db[2:8], theirs_db[2:8], strict=True):
    assert abs(law - found) < 20
# sphinx_gallery_end_ignore

# %% [markdown]
# Above a few kilohertz nobody needs to care. At 20 Hz, where one filters to be rid of offset and
# rumble, the error is only 35 dB down, and at 5 Hz there is not much of a result.
#
# The second surprise is not in the formula at all. Boost a loud signal:

# %%

loud = 0.9 * signals.tone(60.0, 0.1, rate)
theirs = taf.bass_biquad(loud, rate, gain=12.0)
ours = effects.bass(loud, rate, gain_db=12.0)
print(f"peaks: torchaudio {theirs.abs().max():.3f}, audiolab {ours.abs().max():.3f}")
display.plot_comparison([theirs, ours], rate, ["torchaudio's bass", "audiolab's bass"])

# sphinx_gallery_start_ignore
assert float(theirs.abs().max()) == 1.0
assert float(ours.abs().max()) > 1.2
# sphinx_gallery_end_ignore

# %% [markdown]
# torchaudio's biquads clamp their result to [-1, 1], with no argument to say no. Ours never do:
# level is yours to decide, once, at the end.
#
# Listen
# ------
#
# **How does Q sound?** The same music through a low-pass at 700 Hz. With a Q of 8, notes near the
# cutoff stand out by 18 dB. Levels are true.

# %%

music, _ = audio_io.load(signals.clip_path("music"), sample_rate=24_000, num_channels=1, stop_s=3.0)
by_q = {
    f"Q {q:g}": effects.lowpass(music, 24_000, cutoff_hz=700.0, q=q) for q in (0.3, 0.707, 2.0, 8.0)
}
display.player({"as it was": music} | by_q, 24_000)

# %%

by_order = {
    "one pole": effects.lowpass(music, 24_000, cutoff_hz=700.0, poles=1),
    "two poles": cascade(music, 0.707, cutoff_hz=700.0, rate=24_000),
    "four poles": cascade(music, *fourth, cutoff_hz=700.0, rate=24_000),
}
display.player({"as it was": music} | by_order, 24_000)

# %% [markdown]
# Pitfalls
# --------
#
# - *Four words for one width.* Q, octaves, hertz and slope describe the same number, and SoX takes
#   each (``0.7q``, ``1o``, ``100h``, ``0.5s``). Here they are four arguments; give one.
# - *Octaves near the Nyquist frequency.* The bilinear transform compresses the top of the axis, so
#   a bell at 15 kHz is narrower on its right side than the same bell at 1 kHz.
# - *SoX's band.* It is no bandpass of the cookbook: a resonator whose gain at the centre is 1, with
#   no zero at 0 Hz. Below its centre it falls little.
# - *Filtering twice.* A filter run forwards and backwards has no phase, and its -3 dB are -6.
# - *Chunks.* A recursion remembers. Cut a file in blocks and filter each from silence, and every
#   seam clicks; :class:`audiolab.effects.EffectStream` carries the state over.
#
# Try this
# --------
#
# - Draw ``design.bandpass`` with ``constant_skirt=True``, and say which gain is constant.
# - Repeat the measurement of 32 bits with ``highpass``. Which of its results are wrong below 20 Hz?
# - Build an eighth-order Butterworth filter from four biquads: which four Q?
#
# References
# ----------
#
# - \R. Bristow-Johnson, *Cookbook formulae for audio equalizer biquad filter coefficients*,
#   `W3C Working Group Note <https://www.w3.org/TR/audio-eq-cookbook/>`__, 2021.
# - \J. O. Smith, *Introduction to Digital Filters with Audio Applications*, `CCRMA, Stanford
#   University <https://ccrma.stanford.edu/~jos/filters/>`__, 2007.
# - \S. Butterworth, *On the Theory of Filter Amplifiers*, Experimental Wireless and the Wireless
#   Engineer 7, 1930.
