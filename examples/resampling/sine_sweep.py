# %% [markdown]
"""
A sine sweep through a resampler
================================

One tone that rises through all frequencies shows in one picture what a resampler keeps, what it
loses and what it invents. This page sends it from 48 to 32 kHz in five ways, and plots each result
over the frequency that went in.

**What you will hear.** A tone that rises and should fall silent at 16 kHz, and three resamplers in
which it comes down again.
"""

# %%

import math

import matplotlib.pyplot as plt

from audiolab import display, metrics, signals
from audiolab.resample import quality, resample

display.use_style()

# %% [markdown]
# The sweep
# ---------
#
# **What goes in?** A tone whose pitch rises by the same interval in the same time:
#
# .. math:: f(t) = f_0 \left(\frac{f_1}{f_0}\right)^{t/T}, \qquad
#           x(t) = a \sin\left(2\pi \int_0^t f(u)\,du\right).
#
# Since :math:`f(t)` has an inverse, time can be told as the frequency that is going in just then,
# :math:`t = T \ln(f/f_0) / \ln(f_1/f_0)`. That is what makes the horizontal axis of
# :func:`audiolab.display.plot_sweep` logarithmic without moving a single cell of the spectrogram.

# %%

rate, new_rate = 48_000, 32_000
start_hz, stop_hz, duration_s = 100.0, 23_900.0, 4.0
sweep = signals.log_sweep(start_hz, stop_hz, duration_s, rate)
ends = {"start_hz": start_hz, "stop_hz": stop_hz}

display.plot_sweep(sweep, rate, title="The sweep as it goes in, at 48 kHz", **ends)

# %% [markdown]
# What goes in is what comes out: one ridge, where both axes agree. It bends only because the
# vertical axis counts hertz and the horizontal one octaves. The faint comb on either side belongs
# to the analysis, whose window is 11 ms long.
#
# What 32 kHz cannot hold
# -----------------------
#
# **What happens to the tones above 16 kHz?** A sampled tone at :math:`f` has the same samples as
# one at :math:`f_s - f`. Whatever lies above half of the new rate, the *Nyquist frequency*, either
# is removed before the samples are taken, or comes out at another pitch: it *aliases*. Linear
# interpolation removes nothing.

# %%

display.plot_sweep(
    resample(sweep, rate, new_rate, method="linear"),
    new_rate,
    title="48 to 32 kHz by straight lines between samples",
    **ends,
)

# %% [markdown]
# From 16 kHz on, the ridge comes down again: 20 kHz goes in, 12 kHz comes out, at full level. The
# second ridge is an *image*. Straight lines have corners, that is a mirrored copy of every tone
# around each multiple of 48 kHz, and :math:`48 - f` comes out at :math:`|32 - (48 - f)|` kHz, near
# 16 kHz for the lowest tones. Where the two cross, nothing tells them from one another.
#
# Two resamplers that filter
# --------------------------
#
# **What does a filter change?** Before the new samples are taken, a low-pass has to remove the
# octave that no longer fits. torchaudio's default is a sinc of six zero crossings on either side
# under a Hann window. Ours is 306 samples long.

# %%

results = {
    "linear": resample(sweep, rate, new_rate, method="linear"),
    "torchaudio's default": resample(sweep, rate, new_rate, method="torchaudio_hann"),
    "audiolab": resample(sweep, rate, new_rate),
}
figure, panels = plt.subplots(2, 1, figsize=(7.6, 5.8), sharex=True, layout="constrained")
for panel, name in zip(panels, ["torchaudio's default", "audiolab"], strict=True):
    title = f"48 to 32 kHz by {name}"
    display.plot_sweep(results[name], new_rate, title=title, top_db=-5, ax=panel, **ends)

# %% [markdown]
# The default's alias is weaker than with no filter at all, and still plain to see; so is a trace of
# the image. Above 16 kHz our picture is black down to the floor of the colour scale.
#
# How strong is it?
# -----------------
#
# **How much comes out that should not?** Pictures show 100 dB and no numbers. So cut the end off,
# from the moment at which the sweep has passed a frequency, and read the peak. All of it is alias.

# %%


def beyond_db(waveform, frequency_hz):
    share = math.log(frequency_hz / start_hz) / math.log(stop_hz / start_hz)
    end = slice(math.ceil(share * duration_s * new_rate), -200)  # without the click of its end
    return float(metrics.peak_db(waveform[end]) - metrics.peak_db(sweep))


print("peak from           1.02 Nyquist   1.06 Nyquist   1.25 Nyquist")
for name, waveform in results.items():
    levels = [beyond_db(waveform, share * new_rate / 2) for share in (1.02, 1.06, 1.25)]
    print(f"{name:20}" + "".join(f"{level:9.1f} dB   " for level in levels))

# sphinx_gallery_start_ignore
assert beyond_db(results["linear"], 20_000) > -0.5
assert -9 < beyond_db(results["torchaudio's default"], 16_320) < -6
assert -45 < beyond_db(results["torchaudio's default"], 20_000) < -40
assert beyond_db(results["audiolab"], 16_320) < -125
# sphinx_gallery_end_ignore

# %% [markdown]
# Just above 16 kHz torchaudio's default lets a tone through at -8 dB, and from 20 kHz up still at
# -43 dB. Ours stays below -125 dB, where the rounding of 32-bit floats is all there is.
#
# Listen
# ------
#
# **Can one hear it?** The sweep rises. In the first version it leaves your hearing, or reaches
# 16 kHz, and there is silence. In the others something comes back down. (Mind the volume: this is
# a tone at -6 dBFS.)

# %%

display.player(
    {name: results[name] for name in ["audiolab", "torchaudio's default", "linear"]}, new_rate
)

# %% [markdown]
# And the other way
# -----------------
#
# **What can go wrong upwards?** Nothing aliases when the rate rises, but images may stay: copies of
# the spectrum, mirrored at half of the *old* rate. Here a sweep at 16 kHz goes to 48 kHz.

# %%

low_rate, low_stop_hz = 16_000, 7900.0
low_sweep = signals.log_sweep(start_hz, low_stop_hz, duration_s, low_rate)
names = {"linear": "straight lines", "torchaudio_hann": "torchaudio", "audiolab": "audiolab"}

figure, panels = plt.subplots(3, 1, figsize=(7.6, 7.6), sharex=True, layout="constrained")
for panel, (method, name) in zip(panels, names.items(), strict=True):
    up = resample(low_sweep, low_rate, rate, method=method)
    title = f"16 to 48 kHz by {name}"
    options = {"start_hz": start_hz, "stop_hz": low_stop_hz, "top_db": -5}
    display.plot_sweep(up, rate, title=title, ax=panel, **options)

# %% [markdown]
# Above the ridge there should be black. Linear interpolation mirrors the whole sweep, upwards and
# downwards, around 16 and 32 kHz; torchaudio's default what lies next to 8 kHz. How strong the
# strongest image of any tone up to 0.98 of the old Nyquist frequency is, tells
# :func:`audiolab.resample.quality`:

# %%

images = {method: quality(method, low_rate, rate, turns=0).image_db for method in names}
for method, name in names.items():
    print(f"{name:15} {images[method]:6.1f} dB")

# sphinx_gallery_start_ignore
assert -8 < images["linear"] < -7
assert -8 < images["torchaudio_hann"] < -7
assert images["audiolab"] < -120
# sphinx_gallery_end_ignore

# %% [markdown]
# Next to the Nyquist frequency the two are equally bad, at -7 dB; the pictures show how far down
# each of them stays so. Ours has none above -120 dB.
#
# Pitfalls
# --------
#
# - *Plotting the wrong signal.* A well-known tutorial computes six versions of this sweep and plots
#   the first one six times, under six titles. Keep a picture and its title in one place, as the
#   loop above does.
# - *Sweeping too fast.* A window in which the tone moves by many bins paints a broad ridge. The
#   last octave of this sweep takes half a second.
# - *A linear scale of levels, or 40 dB of range.* An alias at -60 dB is not there to see, and may
#   still be heard in a pause.
# - *Comparing pictures with different tops.* Every panel scales itself unless ``top_db`` is given.
#
# Try this
# --------
#
# - Put ``method="soxr_hq"`` or ``"scipy_polyphase"`` into the sections above.
# - Go from 44,100 to 16,000 Hz. Where does 10 kHz come out if nobody filters?
# - Plot with ``frequency_scale="log"``: the sweep becomes a straight line. What do aliases become?
#
# References
# ----------
#
# - \C. E. Shannon, *Communication in the Presence of Noise*, Proceedings of the IRE 37(1), 1949,
#   `doi:10.1109/JRPROC.1949.232969 <https://doi.org/10.1109/JRPROC.1949.232969>`__.
# - \A. Farina, *Simultaneous Measurement of Impulse Response and Distortion with a Swept-Sine
#   Technique*, 108th AES Convention, 2000, preprint 5093.
# - \J. O. Smith, P. Gossett, *A Flexible Sampling-Rate Conversion Method*, ICASSP 1984,
#   `doi:10.1109/ICASSP.1984.1172555 <https://doi.org/10.1109/ICASSP.1984.1172555>`__.
# - Next: what the parameters do, in
#   :ref:`Width, roll-off and window <sphx_glr_auto_examples_resampling_width_rolloff_window.py>`.
