# %% [markdown]
"""
Reverb explained
================

SoX's ``reverb`` is Freeverb: eight echoes that feed themselves, and four filters that turn few
echoes into many. This page builds its response to a click step by step, until it is the package's
sample for sample, and reads off how long it rings.

**What you will hear.** Speech, dry and in rooms that ring for longer and longer; the reverberation
alone; and one room in mono and in stereo.
"""

# %%

import math
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.signal import lfilter

import audiolab.io as audio_io
from audiolab import display, effects, metrics, signals

display.use_style()
rate = 44_100

# %% [markdown]
# A room is its answer to a click
# -------------------------------
#
# **What has to be known of a room?** It adds up delayed and weakened copies of a sound, and the
# copies of two sounds do not disturb each other. So the answer :math:`h` to one click tells the
# answer to everything, as each sample is a click of its own size:
#
# .. math:: y[n] = \sum_k h[k]\, x[n-k].
#
# The same holds for Freeverb, although no :math:`h` is stored in it. Here is what it makes of a
# click, and the test that this is all there is to know.

# %%

response = effects.reverb_impulse_response(4.0, rate)
display.plot_waveform(response[0, :rate], rate, title="Freeverb's answer to a click, left side")

noise = signals.white_noise(1.0, rate, generator=0, dtype=torch.float64)
by_network = effects.reverb(noise[None], rate, wet_only=True)
size = 2 * rate
by_response = torch.fft.irfft(
    torch.fft.rfft(noise, size) * torch.fft.rfft(response[:, :rate], size)
)
error_db = -float(metrics.snr_db(by_network[0], by_response[0, :rate]))
print(f"reverb against convolution with its response: {error_db:.0f} dB")

# sphinx_gallery_start_ignore
assert error_db < -250
# sphinx_gallery_end_ignore

# %% [markdown]
# A comb: one echo that feeds itself
# ----------------------------------
#
# **How is an endless decay made of one delay?** What comes out of a delay line of D samples goes
# back in, g times as strong. A click returns every D samples, each time weaker. Walls swallow high
# frequencies first, so a one-pole low-pass with damping d sits in the loop:
#
# .. math:: C(z) = \frac{z^{-D}}{1 - g\,L(z)\,z^{-D}}, \qquad L(z) = \frac{1 - d}{1 - d\,z^{-1}}.
#
# Multiplied out, it is a recursion with three coefficients, far apart.

# %%


def comb(x, delay, g, d):
    a, b = np.zeros(delay + 1), np.zeros(delay + 2)
    a[[0, 1, delay]] = 1, -d, -g * (1 - d)
    b[[delay, delay + 1]] = 1, -d
    return lfilter(b, a, x)


click = np.zeros(rate // 2)
click[0] = 1
time_ms = 1000 * np.arange(len(click)) / rate
figure, panels = plt.subplots(2, 1, figsize=(7.6, 4.0), sharex=True, layout="constrained")
for panel, d in zip(panels, (0.0, 0.35), strict=True):
    panel.plot(time_ms, comb(click, 1116, 0.882, d))
    panel.set(title=f"One comb: D = 1116, g = 0.882, damping d = {d:g}", ylabel="Amplitude")
panels[1].set(xlabel="Time (ms)", xlim=(0, 250))

# %% [markdown]
# Without damping each return is one sample. With it, the click grows lower and broader on every
# round. The name comes from the other axis: echoes every 25 ms add up at every multiple of
# :math:`f_s / D` = 40 Hz, and cancel between. One comb alone is a metal pipe.

# %%

combs = (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)
alpha = -1 / math.log(0.7)
beta = 100 / (1 + alpha * math.log(0.02))
g, d = 1 - math.exp((50 - beta) / (alpha * beta)), 0.2 + 0.3 * 50 / 100
one = comb(click, combs[0], g, d)
eight = sum(comb(click, delay, g, d) for delay in combs)
print(f"reverberance 50: g = {g:.3f}; damping 50: d = {d:.2f}")

frequency_hz = np.fft.rfftfreq(len(click), 1 / rate)
figure, panel = plt.subplots(figsize=(7.6, 3.0), layout="constrained")
for name, h in {"eight combs": eight, "one comb": one}.items():
    panel.plot(frequency_hz, 20 * np.log10(np.abs(np.fft.rfft(h))), label=name)
panel.set(title="The first 400 Hz of the response", xlabel="Frequency (Hz)", ylabel="Gain (dB)")
panel.set(xlim=(0, 400), ylim=(-15, 35))
panel.legend(ncols=2)

# sphinx_gallery_start_ignore
assert abs(g - 0.882) < 5e-4
assert abs(d - 0.35) < 1e-12
assert abs(rate / 1116 - 39.5) < 0.05
# sphinx_gallery_end_ignore

# %% [markdown]
# Eight combs whose delays share no period fill each other's gaps. The numbers are Freeverb's, in
# samples at 44.1 kHz; ``room_scale`` shrinks them, to a tenth at 0. g follows from ``reverberance``
# by the formula in the code, from 0.3 to 0.98.
#
# All-passes: few echoes become many
# ----------------------------------
#
# **Is that enough?** Not for the ear: eight combs return some 260 times a second, which is heard as
# fluttering. An all-pass is a comb with a direct path of the opposite sign, which
# repeats what comes in *without* a decay in the spectrum, or nearly:
#
# .. math:: A(z) = \frac{1.5 z^{-D} - 1}{1 - 0.5 z^{-D}}, \qquad D = 225, 341, 441, 556.

# %%


def allpass(x, delay):
    a, b = np.zeros(delay + 1), np.zeros(delay + 1)
    a[[0, delay]], b[[0, delay]] = (1, -0.5), (-1, 1.5)
    return lfilter(b, a, x)


dense = eight
for delay in (225, 341, 441, 556):
    dense = allpass(dense, delay)
figure, panels = plt.subplots(3, 1, figsize=(7.6, 5.0), sharex=True, layout="constrained")
steps = {"One comb": one, "Eight combs": eight, "Eight combs, four all-passes": dense}
for panel, (name, h) in zip(panels, steps.items(), strict=True):
    panel.plot(time_ms, h, linewidth=0.8)
    panel.set(title=name, ylabel="Amplitude")
panels[-1].set(xlabel="Time (ms)", xlim=(0, 150))

# %% [markdown]
# How many more, can be counted if damping does not smear them: with d = 0, every sample that is not
# zero is an echo.

# %%

sparse = sum(comb(click, delay, g, 0) for delay in combs)
counts = {"one comb": comb(click, combs[0], g, 0), "eight combs": sparse}
for number, delay in enumerate((225, 341, 441, 556), start=1):
    sparse = allpass(sparse, delay)
    counts[f"and {number} all-pass"] = sparse
for name, h in counts.items():
    print(f"{name:15} {np.count_nonzero(np.abs(h[: rate // 5]) > 1e-9):5} echoes in 200 ms")

built = torch.from_numpy(0.015 * dense)
error_db = -float(metrics.snr_db(response[0, : len(built)], built))
print(f"our construction against reverb_impulse_response: {error_db:.0f} dB")

# sphinx_gallery_start_ignore
assert error_db < -250
found = [np.count_nonzero(np.abs(h[: rate // 5]) > 1e-9) for h in counts.values()]
assert found == sorted(found)
assert found[-1] > 50 * found[1]
assert round(sum(rate / delay for delay in combs), -1) == 260
# sphinx_gallery_end_ignore

# %% [markdown]
# Scaled by 0.015, it is the package's response: nothing else is in Freeverb.
#
# "Nearly" all-pass: a true one has :math:`z^{-D} - \tfrac{1}{2}` on top. Freeverb's lets some
# frequencies through 4.4 dB louder than others, four times.

# %%

true_b, freeverb_b, a = (torch.zeros(226, dtype=torch.float64) for _ in range(3))
true_b[0], true_b[225], freeverb_b[0], freeverb_b[225], a[0], a[225] = -0.5, 1, -1, 1.5, 1, -0.5
panel = display.plot_frequency_response(
    {"true all-pass": (true_b, a), "Freeverb's": (freeverb_b, a)},
    rate,
    title="One all-pass, D = 225",
    frequency_scale="linear",
    range_db=10,
    top_db=6,
)
panel.set_xlim(0, 1000)

# sphinx_gallery_start_ignore
assert abs(20 * math.log10(2.5 / 1.5) - 4.4) < 0.05
# sphinx_gallery_end_ignore

# %% [markdown]
# How long it rings
# -----------------
#
# **When is it over?** Reading a decay off a noisy response is guesswork. Schroeder's trick: the
# energy that is *still to come* after time t falls smoothly,
#
# .. math:: E(t) = \int_t^\infty h^2(\tau)\,d\tau, \qquad E_{dB}(t) = 10 \lg \frac{E(t)}{E(0)}.
#
# The reverberation time is where it passes -60 dB. Where noise hides that, one takes the slope from
# -5 to -25 dB and multiplies by three: T20.

# %%


def decay_db(h):
    left = h.square().flip(-1).cumsum(-1).flip(-1)
    return 10 * torch.log10(left / left[..., :1] + 1e-30)


def passed_s(curve_db, level_db, rate=rate):
    return int((curve_db > level_db).sum()) / rate


rooms = {
    r: decay_db(effects.reverb_impulse_response(16.0, rate, reverberance=r)[0])
    for r in (0, 20, 50, 80, 100)
}

# %%

figure, panel = plt.subplots(figsize=(7.6, 3.4), layout="constrained")
rows = []
for r, curve_db in rooms.items():
    panel.plot(torch.arange(len(curve_db))[::441] / rate, curve_db[::441], label=f"{r} %")
    feedback = 1 - math.exp((r - beta) / (alpha * beta))
    loop_s = -3 * combs[-1] / rate / math.log10(feedback)
    t20_s = 3 * (passed_s(curve_db, -25) - passed_s(curve_db, -5))
    cells = (passed_s(curve_db, -60), t20_s, loop_s)
    rows.append((f"{r} %", f"{feedback:.3f}", *(f"{value:.2f}" for value in cells)))
panel.axhline(-60, color="#5a5f66", linestyle=":")
panel.set(title="Energy still to come, by reverberance", xlabel="Time (s)", ylabel="Energy (dB)")
panel.set(ylim=(-80, 2), xlim=(0, 8))
panel.legend(title="reverberance")

# %%

header = ("reverberance", "g", "to -60 dB (s)", "T20 (s)", "longest comb at 0 Hz (s)")
# sphinx_gallery_start_ignore
assert [row[1] for row in rows] == ["0.300", "0.656", "0.882", "0.959", "0.980"]
for row, to_60_s in zip(rows, (0.24, 0.51, 1.57, 4.73, 9.68), strict=True):
    assert abs(float(row[2]) - to_60_s) < 0.02
    assert float(row[3]) < float(row[2])
    assert float(row[2]) < float(row[4]) or row[0] == "0 %"
# sphinx_gallery_end_ignore

display.Table("How long it rings, at 44.1 kHz", header, tuple(rows))

# %% [markdown]
# The last column is a formula: a loop of D samples loses :math:`20 \lg g` decibels a round, so it
# reaches -60 dB after :math:`-3 D / (f_s \lg g)`. The measured times stay below that of the longest
# comb at 0 Hz, since other combs are shorter and other frequencies are damped. (At 0 % the 25 ms
# before the first echo and the ringing of the all-passes are longer than the decay itself.) It is
# also why T20 is shorter than the time to -60 dB: the curves are not straight, at first the high
# frequencies die, at last the low ones remain.
#
# Bright and dull rooms
# ---------------------
#
# **What does damping do to the time?** At frequency f a round costs :math:`g\,|L(f)|` instead of g.
# The points are measured in narrow bands; the areas are the formula, from the shortest comb to the
# longest.

# %%


def narrow(h, center_hz):
    for _ in range(3):
        h = effects.bandpass(h, rate, center_hz=center_hz, q=4.0)
    return h


# %%

centres_hz = [125.0 * 2**octave for octave in range(7)]
line_hz = torch.logspace(2, 4, 100)
turn = torch.polar(torch.ones_like(line_hz), -2 * math.pi * line_hz / rate)
figure, panel = plt.subplots(figsize=(7.6, 3.2), layout="constrained")
for color, damping in zip(("C0", "C1", "C2"), (0, 50, 100), strict=True):
    h = effects.reverb_impulse_response(4.0, rate, hf_damping=damping)[0]
    times_s = [2 * passed_s(decay_db(narrow(h, centre)), -30) for centre in centres_hz]
    pole = 0.2 + 0.3 * damping / 100
    round_s = -3 / rate / torch.log10(g * ((1 - pole) / (1 - pole * turn)).abs())
    panel.fill_between(line_hz, combs[0] * round_s, combs[-1] * round_s, color=color, alpha=0.3)
    panel.semilogx(centres_hz, times_s, "o", color=color, label=f"hf_damping {damping}")
panel.set(title="Reverberation time by frequency, reverberance 50", ylim=(0, None))
panel.set(xlabel="Frequency (Hz)", ylabel="Time to -60 dB (s)")
panel.legend()

# %% [markdown]
# (Points are twice the time to -30 dB: below that, what leaks in from neighbours that ring longer
# takes over.) Even ``hf_damping=0`` leaves a damping of 0.2: no setting makes Freeverb ring
# alike at all frequencies.
#
# Two sides
# ---------
#
# **Where does stereo come from?** From a second network whose delays are 12 samples longer and
# shorter in turn. Each side has its own pattern of echoes, and the two have little in common.

# %%

for depth in (10, 50, 100):
    sides = effects.reverb_impulse_response(2.0, rate, stereo_depth=depth)
    alike = float(torch.corrcoef(sides)[0, 1])
    print(f"stereo_depth {depth:3}: correlation of the sides {alike:5.2f}")

both = response[:, : rate // 10]
display.plot_waveform(both, rate, title="Both sides, the first 100 ms")

# sphinx_gallery_start_ignore
sides = effects.reverb_impulse_response(2.0, rate, stereo_depth=10)
assert abs(float(torch.corrcoef(sides)[0, 1]) - 0.22) < 0.01
# sphinx_gallery_end_ignore

# %% [markdown]
# Already a depth of 10, which moves each delay by a single sample, leaves a correlation of 0.22:
# the sample is added on every round. A depth of 0 is one network, and one channel comes out.
#
# Listen
# ------
#
# **How does it sound?** The effect keeps the length, as SoX's does, so a second of silence is put
# behind the sentence first for the tail to fall into.

# %%

speech, speech_rate = audio_io.load(signals.clip_path("speech"), stop_s=2.5)
speech = torch.nn.functional.pad(0.5 * speech, (0, int(1.5 * speech_rate)))
tracks = {"dry": speech.expand(2, -1)}
for r in (20, 50, 80):
    tracks[f"reverberance {r}"] = effects.reverb(speech, speech_rate, reverberance=r)
tracks["50, wet only"] = effects.reverb(speech, speech_rate, wet_only=True)
display.player(tracks, speech_rate)

# %%

mono = effects.reverb(speech, speech_rate, reverberance=70, stereo_depth=0)
wide = effects.reverb(speech, speech_rate, reverberance=70)
display.player({"one channel": mono.expand(2, -1), "two networks": wide}, speech_rate)

# %% [markdown]
# Why an FFT makes it cheap
# -------------------------
#
# **What does a sample cost?** The network needs 28 multiplications and 31 additions a side,
# however long it rings. But each sample waits for the one before it, which suits no GPU. The sum
# over h has no such order, and costs two operations for each of its taps. Multiplying spectra
# instead costs the transforms, about :math:`2.5\,S \log_2 S` each for S real samples.

# %%

taps, count = 2 * rate, 10 * rate
size = 2 ** math.ceil(math.log2(taps + count))
transforms = 2 * 2.5 * size * math.log2(size) + 6 * size / 2
per_sample = {"network": 59.0, "sum over h": 2.0 * taps, "FFT": transforms / count}
for name, operations in per_sample.items():
    print(f"{name:11} {operations:9,.0f} operations a sample")
music = signals.pink_noise(10.0, rate, generator=0)
spectrum = torch.fft.rfft(response[0, :taps].float(), size)
begin = time.perf_counter()
torch.fft.irfft(torch.fft.rfft(music, size) * spectrum)
middle = time.perf_counter()
effects.reverb(music[None], rate, stereo_depth=0)
end = time.perf_counter()
print(f"this build: FFT {1000 * (middle - begin):.0f} ms, network {1000 * (end - middle):.0f} ms")

# sphinx_gallery_start_ignore
assert per_sample["sum over h"] / per_sample["FFT"] > 700
assert per_sample["FFT"] < 5 * per_sample["network"]
# sphinx_gallery_end_ignore

# %% [markdown]
# (Ten seconds, one side; h has two seconds and is transformed once for all signals.) The FFT turns
# 176,400 operations into fewer than 250, and works for any room that was ever recorded. The network
# still needs fewer, so on a CPU the package runs it, compiled; on other devices, and for the
# gradient to its parameters, it takes the spectra.
#
# A response has to be cut somewhere, and what is cut is the error:

# %%

for kept_s in (0.5, 1.0, 2.0, 3.0):
    lost_db = decay_db(response[0])[int(kept_s * rate)]
    print(f"{kept_s:.1f} s of the response: what is cut off has {float(lost_db):6.1f} dB")

# sphinx_gallery_start_ignore
assert decay_db(response[0])[2 * rate] < -60
# sphinx_gallery_end_ignore

# %% [markdown]
# Pitfalls
# --------
#
# - *No room for the tail.* The output is as long as the input. Pad first.
# - *One channel in, two out.* ``stereo_depth=0`` keeps one. Of two channels, each side hears half
#   of both; with more there is no depth.
# - *The network starts late.* The shortest comb is 25 ms long: the direct sound is in the dry part.
#   With ``wet_only`` it is gone.
# - *Reading T60 at the wrong end.* A response that is cut at two seconds has a curve that falls
#   steeply there, whatever the room. Fit well before the end.
# - *Freeverb is no room.* It has no early reflections and no geometry. To train a recogniser for
#   rooms, convolve with measured or simulated responses.
#
# Try this
# --------
#
# - Leave out the all-passes and listen to a snare or a click.
# - Set all eight combs to 1116 samples. What happens to the spectrum, and to the sound?
# - Let gradient descent find ``reverberance`` from a reverberated sentence:
#   :func:`audiolab.effects.reverb` passes gradients to it.
#
# References
# ----------
#
# - \M. R. Schroeder, *Natural Sounding Artificial Reverberation*, Journal of the AES 10(3), 1962.
# - \M. R. Schroeder, *New Method of Measuring Reverberation Time*, JASA 37(3), 1965,
#   `doi:10.1121/1.1909343 <https://doi.org/10.1121/1.1909343>`__.
# - \J. A. Moorer, *About This Reverberation Business*, Computer Music Journal 3(2), 1979,
#   `doi:10.2307/3680280 <https://doi.org/10.2307/3680280>`__.
# - \J. O. Smith, *Physical Audio Signal Processing*, chapter
#   `Freeverb <https://ccrma.stanford.edu/~jos/pasp/Freeverb.html>`__.
# - ISO 3382-1:2009, *Acoustics: Measurement of room acoustic parameters, performance spaces*.
