# %% [markdown]
"""
Resampling a stream
===================

A microphone, a network and an hour-long file have in common that the sound arrives in pieces.
Resampling the pieces one by one makes a seam at every joint; this page hears the seams, removes
them, and tells what that costs in delay and in time.

**What you will hear.** Music in pieces of 20 ms, with its seams and without them; and the seams
alone.
"""

# %%

import tempfile
import time
from pathlib import Path

import torch

import audiolab.io as audio_io
from audiolab import display, metrics, signals
from audiolab.resample import FilterDesign, StreamResampler, resample

display.use_style()

# %% [markdown]
# Seams
# -----
#
# **Why not resample each piece?** The kernel reaches over the neighbouring samples, and at the ends
# of a piece there are none: they count as zero. So every piece ends in an edge that was not in the
# music, and the filter rounds it off.

# %%

music, rate = audio_io.load(signals.clip_path("music"), num_channels=1, stop_s=3.0)
new_rate = 16_000
piece = rate // 50  # 20 ms

whole = resample(music, rate, new_rate)
pieces = torch.cat([resample(part, rate, new_rate) for part in music.split(piece, dim=-1)], dim=-1)
print(f"{whole.shape[-1]} samples at once, {pieces.shape[-1]} in pieces")
print(f"SNR of the pieces: {float(metrics.snr_db(whole, pieces)):.1f} dB")

# sphinx_gallery_start_ignore
assert whole.shape == pieces.shape
assert 33 < metrics.snr_db(whole, pieces) < 36
# sphinx_gallery_end_ignore

# %%

shown = slice(int(1.0 * new_rate), int(1.1 * new_rate))
display.plot_comparison(
    [whole[:, shown], (pieces - whole)[:, shown]],
    new_rate,
    ["A tenth of a second of music", "What 20 ms pieces add to it"],
)

# %%

display.plot_comparison(
    [whole, pieces], new_rate, ["At once", "In pieces of 20 ms"], kind="spectrogram"
)

# %% [markdown]
# Fifty times a second there is a click, that is a vertical line through the whole spectrum.
# Together they are a buzz at 50 Hz. (Here the pieces fit: 882 samples become exactly 320. Where
# they do not, each piece is rounded up besides, and the music becomes longer.)
#
# Keep what the kernel needs
# --------------------------
#
# **How does it go without seams?** An output can be computed once the inputs within reach of the
# kernel are there. :class:`audiolab.resample.StreamResampler` keeps that much of the past, returns
# what has become computable, and the rest at the end:

# %%

stream = StreamResampler(rate, new_rate)
parts = [stream.push(part) for part in music.split(piece, dim=-1)]
parts.append(stream.finish())
streamed = torch.cat(parts, dim=-1)

print("samples returned:", [part.shape[-1] for part in parts[:4]], "...", parts[-1].shape[-1])
print(f"largest difference from resampling at once: {float((streamed - whole).abs().max()):.1e}")

# sphinx_gallery_start_ignore
assert streamed.shape == whole.shape
assert (streamed - whole).abs().max() < 1e-6
assert parts[0].shape[-1] < 320
# sphinx_gallery_end_ignore

# %% [markdown]
# The first piece returns less than 320 samples, the last call returns what was held back, and what
# differs is the rounding of 32-bit floats. Pieces may have any size, also a different one each.

# %%

display.player(
    {"in a stream": streamed, "piece by piece": pieces, "the seams alone": pieces - whole}, new_rate
)

# %% [markdown]
# Delay
# -----
#
# **How long does a stream wait?** A linear-phase kernel looks as far ahead as it looks back: half
# its length, which is a matter of the filter and of the lower rate. A minimum-phase kernel hardly
# looks ahead. Its delay is in the phase instead, and small.

# %%

short = FilterDesign(pass_edge=0.8, attenuation_db=100.0)
designs = {
    "audiolab": {},
    "flat to 0.8, 100 dB": {"design": short},
    "audiolab_minimum_phase": {"method": "audiolab_minimum_phase"},
    "audiolab_brickwall": {"method": "audiolab_brickwall"},
}
pairs = [(48_000, 44_100), (44_100, 16_000), (48_000, 8_000)]
print(f"{'waits for (ms)':24}" + "".join(f"{f'{a} to {b}':>16}" for a, b in pairs))
for name, options in designs.items():
    waits = [1000 * StreamResampler(*pair, **options).latency_s for pair in pairs]
    print(f"{name:24}" + "".join(f"{wait:16.1f}" for wait in waits))

# sphinx_gallery_start_ignore
assert 9.5 < 1000 * StreamResampler(44_100, 16_000).latency_s < 9.7
assert 1000 * StreamResampler(44_100, 16_000, design=short).latency_s < 2.2
assert 1000 * StreamResampler(44_100, 16_000, method="audiolab_minimum_phase").latency_s < 0.6
assert 80 < 1000 * StreamResampler(44_100, 16_000, method="audiolab_brickwall").latency_s < 90
# sphinx_gallery_end_ignore

# %% [markdown]
# In a call, 10 ms are half a frame of the codec. For a musician who hears himself they are much,
# and 2 ms are little. That is what the second row is for: it gives up a tenth of the band, and a
# hundred decibels of a depth that few need.
#
# The size of a piece
# -------------------
#
# **Does it matter how large the pieces are?** Not for the result. For the time it does: each call
# takes about a tenth of a millisecond of Python before it computes anything.

# %%

long = torch.randn(1, 5 * rate, generator=torch.Generator().manual_seed(0))
speeds = {}
for size_ms in (10, 20, 50, 100, 500):
    stream = StreamResampler(rate, new_rate)
    begin = time.perf_counter()
    for part in long.split(rate * size_ms // 1000, dim=-1):
        stream.push(part)
    stream.finish()
    speeds[size_ms] = 5.0 / (time.perf_counter() - begin)
    print(f"pieces of {size_ms:3} ms: {speeds[size_ms]:6.0f} x real time")

# %% [markdown]
# A file of any length
# --------------------
#
# **How is an hour resampled in little memory?** Read blocks, push them, write what comes out.
# Reader, resampler and writer hold one block each.

# %%

folder = Path(tempfile.mkdtemp())
blocks = audio_io.blocks(signals.clip_path("music"), 0.5)
stream = StreamResampler(blocks.sample_rate, new_rate)
with audio_io.BlockWriter(folder / "music.flac", new_rate, blocks.num_channels) as writer:
    for block in blocks:
        writer.write(stream.push(block))
    writer.write(stream.finish())

info = audio_io.info(folder / "music.flac")
print(f"{info.sample_rate} Hz, {info.num_channels} channels, {info.duration_s:.3f} s")

# sphinx_gallery_start_ignore
clip, clip_rate = signals.clip("music")
expected = resample(clip, clip_rate, new_rate)
written, _ = audio_io.load(folder / "music.flac")
assert written.shape == expected.shape
assert (written - expected).abs().max() < 2 / 2**15
# sphinx_gallery_end_ignore

# %% [markdown]
# ``audiolab resample IN OUT --rate 16k`` is these lines with a progress bar, and
# ``audiolab resample --compare IN --rate 16k -o page.html`` writes a page like this one about your
# file.
#
# Pitfalls
# --------
#
# - *Forgetting the end.* Without ``finish()``, the last 10 ms are missing.
# - *One stream for two sources.* A stream has a memory. Use one each, or ``reset()`` in between.
# - *Counting on sizes.* A push returns what is computable, at times one sample more or less, at
#   times none. Collect outputs in a buffer; don't divide by a ratio.
# - *Two clocks.* A microphone's 48 kHz and a loudspeaker's are not the same 48 kHz. That needs a
#   ratio that follows a measurement, which a fixed one cannot be.
#
# Try this
# --------
#
# - Put pieces of 100 ms into the first section: the SNR rises, the clicks become rarer. Are they
#   less annoying?
# - Overlap the pieces by hand, and drop the ends. How much overlap is enough?
# - Push pieces of random sizes. Is the result still the same?
#
# References
# ----------
#
# - \J. O. Smith, P. Gossett, *A Flexible Sampling-Rate Conversion Method*, ICASSP 1984,
#   `doi:10.1109/ICASSP.1984.1172555 <https://doi.org/10.1109/ICASSP.1984.1172555>`__.
# - \T. G. Stockham, *High-Speed Convolution and Correlation*, AFIPS Spring Joint Computer
#   Conference, 1966, `doi:10.1145/1464182.1464209 <https://doi.org/10.1145/1464182.1464209>`__.
