# %% [markdown]
"""
Width, roll-off and window
==========================

A windowed sinc has three parameters, and each buys one thing with another: how far the filter
reaches, where it cuts, and how its ends are rounded. This page draws every filter as it really is,
and sends the same sweep through it.

**What you will hear.** Music that lost its treble to a careful roll-off; and the ringing that a
steep filter adds to a click.
"""

# %%

from functools import partial

import matplotlib.pyplot as plt
import torch

import audiolab.io as audio_io
from audiolab import display, signals
from audiolab.resample import BRICKWALL, STANDARD, quality, resample

display.use_style()

# %% [markdown]
# The filter inside
# -----------------
#
# **What do the parameters mean?** A resampler reads the continuous curve behind the samples at new
# times, through a low-pass kernel
#
# .. math:: y[m] = \sum_n x[n]\, g(m / f_\mathrm{new} - n / f_\mathrm{orig}),
#           \qquad g(t) \propto \operatorname{sinc}(2 f_c t)\; w\!\left(\frac{t}{t_0}\right),
#
# whose cutoff :math:`f_c` is the *roll-off* times the lower of the two Nyquist frequencies. The
# *width* counts the zero crossings of the sinc on either side, so :math:`t_0 = \mathrm{width} / 2
# f_c`. The *window* :math:`w` takes the sinc to zero at its ends.
#
# To see :math:`g`, send a single 1 and resample it to a much higher rate: the kernel is the same,
# since it depends on the lower rate only, and comes out in fine steps.

# %%

rate, fine = 32_000, 8


def kernel(method="torchaudio_hann", **options):
    click = torch.zeros(1025, dtype=torch.float64)
    click[512] = 1.0
    return resample(click, rate, fine * rate, method=method, **options) / fine


def plot_kernels(kernels, title, ax=None):
    options = {"frequency_scale": "linear", "range_db": 160.0, "top_db": 10.0, "ax": ax}
    axes = display.plot_frequency_response(kernels, fine * rate, title=title, **options)
    axes.axvline(rate / 2, color="#5a5f66", linewidth=0.8)
    axes.set_xlim(0, rate)


# %% [markdown]
# In each of the figures below the lower rate is 32 kHz. The grey line is its Nyquist frequency:
# left of it a filter should read 0 dB, right of it as little as possible. What remains there is
# heard as an alias on the way down from a higher rate, and as an image on the way up to one.
#
# Width
# -----
#
# **What does a longer filter buy?** A steeper edge: the band between passing and stopping is about
# as wide as one over the filter's length.

# %%

widths = (6, 16, 64, 128)
by_width = {f"width {width}": kernel(lowpass_filter_width=width) for width in widths}
plot_kernels(by_width, "Hann window, roll-off 0.99: four widths")

# %% [markdown]
# Width 6 is torchaudio's default. It begins to fall at 0.74 of the Nyquist frequency and stays
# below -60 dB only from 1.54 on. And since the sinc cuts at 0.99, half of every edge lies on the
# wrong side of the grey line, however steep it is. Another width makes that half narrower; only
# another roll-off moves it away.
#
# The same sweep through each of them, from 48 to 32 kHz, and each plot of its own result:

# %%

ends = {"start_hz": 1000.0, "stop_hz": 23_900.0}
sweep = signals.log_sweep(*ends.values(), 3.0, 48_000)


def plot_sweeps(variants):
    _, panels = plt.subplots(len(variants), 1, figsize=(7.6, 7.0), layout="constrained")
    for panel, (title, options) in zip(panels, variants.items(), strict=True):
        down = resample(sweep, 48_000, rate, **{"method": "torchaudio_hann"} | options)
        display.plot_sweep(down, rate, title=title, top_db=-5, ax=panel, **ends)


plot_sweeps({f"Hann, width {width}": {"lowpass_filter_width": width} for width in (6, 16, 128)})

# %% [markdown]
# Roll-off
# --------
#
# **What if the filter cuts earlier?** Then the edge ends before the Nyquist frequency, and nothing
# aliases. The price is treble.

# %%

rolloffs = (0.99, 0.95, 0.9, 0.8)
by_rolloff = {
    f"roll-off {rolloff}": kernel(lowpass_filter_width=64, rolloff=rolloff) for rolloff in rolloffs
}
plot_kernels(by_rolloff, "Hann window, width 64: four roll-offs")

# %% [markdown]
# A roll-off of 0.8 is no filter type of its own, and attenuates no "proportion of the audio": it
# moves the same edge down to 0.8 of the Nyquist frequency.

# %%

wide = {"lowpass_filter_width": 64}
plot_sweeps(
    {f"Hann, width 64, roll-off {rolloff}": wide | {"rolloff": rolloff} for rolloff in (0.99, 0.8)}
)

# %% [markdown]
# Below, the sweep fades from 12.8 kHz on instead of from 16.
#
# Hann against Kaiser
# -------------------
#
# **How should the ends be rounded?** Kaiser's window has a parameter :math:`\beta` that trades the
# steepness of the edge for the depth of the stop band; about :math:`A = 8.7 + \beta / 0.1102` dB
# are reached. Hann's is fixed, and its side lobes fall slowly.

# %%

windows = {
    "Hann": kernel(lowpass_filter_width=64),
    "Kaiser, beta 6": kernel("torchaudio_kaiser", lowpass_filter_width=64, beta=6.0),
    "Kaiser, beta 14.8": kernel("torchaudio_kaiser", lowpass_filter_width=64, beta=14.77),
}
plot_kernels(windows, "Width 64, roll-off 0.99: three windows")

# %% [markdown]
# A deep stop band needs the longer filter: at width 6, Kaiser's window with :math:`\beta = 14.8` is
# *worse* than Hann's, flat nowhere and aliasing everywhere. That is what ``sinc_interp_kaiser``
# does if only the name of the window is changed.

# %%

short = {
    "Hann, width 6": kernel(),
    "Kaiser, width 6": kernel("torchaudio_kaiser"),
    "Kaiser, width 64, roll-off 0.9476": kernel("torchaudio_kaiser_best"),
    "audiolab": kernel("audiolab"),
}
plot_kernels(short, "Two short filters and two long ones")

# %%

best = {"method": "torchaudio_kaiser_best"}
plot_sweeps(
    {
        "Kaiser, width 6": {"method": "torchaudio_kaiser"},
        "Kaiser, width 64, roll-off 0.9476": best,
        "audiolab": {"method": "audiolab"},
    }
)

# %% [markdown]
# The numbers
# -----------
#
# **What do the edges cost?** The same measurements for each, from tones: how far it is flat, what
# it passes above the Nyquist frequency, and how long it rings before a click.

# %%


measure = partial(quality, orig_rate=48_000, new_rate=32_000, turns=0)
hann, cut = "torchaudio_hann", {"lowpass_filter_width": 64, "rolloff": 0.9}
rows = [measure(hann, name=f"hann, width {n}", lowpass_filter_width=n) for n in widths]
rows += [
    measure(hann, name="hann, width 64, roll-off 0.9", **cut),
    measure("torchaudio_kaiser", name="kaiser, width 6"),
    measure("torchaudio_kaiser_best", name="kaiser, width 64, roll-off 0.9476"),
    measure("audiolab"),
]

# sphinx_gallery_start_ignore
table = {row.name: row for row in rows}
for width, alias_db in zip(widths, (-8, -11, -44, -63), strict=True):
    assert abs(table[f"hann, width {width}"].alias_db - alias_db) < 1
assert 0.73 < table["hann, width 6"].edge_01db < 0.75
assert table["kaiser, width 6"].alias_db > table["hann, width 6"].alias_db
assert table["kaiser, width 6"].edge_01db < 0.56
assert table["kaiser, width 64, roll-off 0.9476"].alias_db < -120
assert table["hann, width 64, roll-off 0.9"].alias_db < -80
assert table["audiolab"].alias_db < -120
assert table["audiolab"].edge_3db > table["kaiser, width 64, roll-off 0.9476"].edge_3db
magnitude = torch.fft.rfft(by_width["width 6"], n=1 << 18).abs()
level_db = 20 * torch.log10(magnitude / magnitude[0])
nyquists = torch.linspace(0, fine, level_db.numel())
assert level_db[nyquists >= 1.55].max() < -60 < level_db[nyquists >= 1.53].max()
# sphinx_gallery_end_ignore

# %%

columns = ["edge_01db", "edge_3db", "gain_090", "alias", "noise", "pre_ringing"]
display.quality_table(rows, columns=columns, caption="48 kHz to 32 kHz, by parameters")

# %% [markdown]
# The filters that cut at the Nyquist frequency win the column of the treble and lose that of the
# aliases. ``kaiser_best`` makes the other choice, at a width of 64. Ours has its stop band begin
# exactly at the Nyquist frequency, and is long enough to be flat to 0.91 all the same.
#
# Ringing
# -------
#
# **What does steepness cost in time?** An edge of :math:`\Delta f` hertz rings for a few
# times :math:`1 / \Delta f` seconds, at the pitch of the edge. A linear-phase filter rings as much
# *before* an event as after it.

# %%

steps = {
    "Hann, width 6": kernel(),
    "audiolab": kernel("audiolab"),
    "audiolab_brickwall": kernel("audiolab_brickwall"),
    "audiolab_minimum_phase": kernel("audiolab_minimum_phase"),
}
time_ms = 1000 * (torch.arange(1025 * fine) / fine - 512) / rate
figure, panels = plt.subplots(4, 1, figsize=(7.6, 6.4), sharex=True, layout="constrained")
for panel, (name, g) in zip(panels, steps.items(), strict=True):
    panel.plot(time_ms, 20 * (g.abs() / g.abs().max()).clamp(min=1e-9).log10(), linewidth=0.7)
    panel.set(title=f"Response to a click: {name}", ylabel="Level (dB)", ylim=(-100, 3))
panels[-1].set(xlabel="Time from the click (ms)", xlim=(-8, 8))

# sphinx_gallery_start_ignore
late = {name: g[768 * fine :].abs().max() / g.abs().max() for name, g in steps.items()}
assert late["audiolab_brickwall"] > 1e-5 > 1e-9 > late["Hann, width 6"]
mini = steps["audiolab_minimum_phase"]
assert float(mini[: 512 * fine - 8 * fine].abs().max() / mini.abs().max()) < 1e-4
assert 8.5 < BRICKWALL.num_samples / STANDARD.num_samples < 9
# sphinx_gallery_end_ignore

# %% [markdown]
# A brick wall keeps 0.99 of the band, with a kernel nine times as long as our default's, and rings
# for longer than this picture is wide. The minimum-phase filter has the same magnitude as the
# default and keeps silent until the click comes; instead, it delays high notes more than low ones.
#
# Listen
# ------
#
# **What can be heard of all this?** Music at 16 kHz. A roll-off of 0.8 takes away what lies between
# 6.4 and 8 kHz.

# %%

music, music_rate = audio_io.load(signals.clip_path("music"), num_channels=1, stop_s=3.0)
hann_16k = partial(resample, music, music_rate, 16_000, method="torchaudio_hann")
display.player(
    {
        "audiolab": resample(music, music_rate, 16_000),
        "hann, width 6": hann_16k(),
        "hann, width 64, roll-off 0.8": hann_16k(lowpass_filter_width=64, rolloff=0.8),
    },
    16_000,
)

# %% [markdown]
# And single samples that go from 48 to 8 kHz, where the ringing is in the middle of hearing, at
# 4 kHz. (Little of a click fits below 4 kHz, so all versions are raised by 12 dB.) The brick wall
# hangs on to its note for longest.

# %%

clicks = torch.zeros(2 * 48_000)
clicks[12_000::24_000] = 0.9
methods = ("torchaudio_hann", "audiolab", "audiolab_minimum_phase", "audiolab_brickwall")
display.player({name: 4 * resample(clicks, 48_000, 8_000, method=name) for name in methods}, 8_000)

# %% [markdown]
# Pitfalls
# --------
#
# - *Changing one parameter.* Width, roll-off and window belong together: a longer filter allows a
#   roll-off nearer to 1, and a Kaiser window wants one.
# - *Reading "width" as samples.* It counts zero crossings at the lower rate; from 48 to 8 kHz,
#   width 6 reaches over 73 samples of the input.
# - *Names from older releases.* ``sinc_interpolation`` and ``kaiser_window`` are called
#   ``sinc_interp_hann`` and ``sinc_interp_kaiser`` now.
# - *Looking at the pass band alone.* Every filter on this page is flat where it is easy.
#
# Try this
# --------
#
# - Find the smallest width with which ``rolloff=0.95`` keeps aliases below -60 dB.
# - Design your own: :class:`audiolab.resample.FilterDesign` with ``pass_edge=0.8`` and
#   ``attenuation_db=100`` is a fifth as long. Plot ``kernel("audiolab", design=...)``.
# - Plot :math:`\beta` = 6, 8, 10, 12 at width 64.
#
# References
# ----------
#
# - \J. F. Kaiser, R. W. Schafer, *On the Use of the I0-Sinh Window for Spectrum Analysis*, IEEE
#   Transactions on Acoustics, Speech, and Signal Processing 28(1), 1980,
#   `doi:10.1109/TASSP.1980.1163349 <https://doi.org/10.1109/TASSP.1980.1163349>`__.
# - \F. J. Harris, *On the Use of Windows for Harmonic Analysis with the Discrete Fourier
#   Transform*, Proceedings of the IEEE 66(1), 1978, `doi:10.1109/PROC.1978.10837
#   <https://doi.org/10.1109/PROC.1978.10837>`__.
# - Next: all of them side by side, in
#   :ref:`Every engine in one table <sphx_glr_auto_examples_resampling_every_engine.py>`.
