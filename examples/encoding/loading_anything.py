# %% [markdown]
"""
Loading anything
================

A path, bytes from a socket, a tensor of bytes or an open file: one call turns each of them into a
waveform, whole or in part, at the rate and with the channels that you ask for. This page loads the
same second from every kind of source, proves the samples equal, and reads ten minutes of sound in
the memory of one second.

**What you will hear.** A rising tone that turns round and falls where it should fade away, which is
aliasing, and the same tone through a better filter.
"""

# %%

import io
import tempfile
from pathlib import Path

import torch
from torchcodec.decoders import AudioDecoder

import audiolab.io as audio_io
from audiolab import display, metrics, signals

display.use_style()
scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name)

# %% [markdown]
# What is in a file?
# ------------------
#
# **What would I get?** :func:`audiolab.io.info` reads headers and not samples, so that it costs
# the same for a second and for a day. Three files of one sound:

# %%

music, rate = audio_io.load(signals.clip_path("music"))
for name in ["music.wav", "music.flac", "music.mp3"]:
    audio_io.save(folder / name, music, rate)
    about = audio_io.info(folder / name)
    print(
        f"{name:10} {about.codec:4} {about.encoding!s:7} {about.sample_rate} Hz, "
        f"{about.num_channels} channels, {about.duration_s:.3f} s, {about.size_bytes // 1000} kB"
    )

# sphinx_gallery_start_ignore
assert about.num_samples == music.shape[1]
# sphinx_gallery_end_ignore

# %% [markdown]
# The other fields of the object: bit depth, bit rate, tags, and whether the length is certain
# (``exact``).

# %%

for field, value in vars(about).items():
    print(f"{field:13} {value}")

# %% [markdown]
# A range
# -------
#
# **How do I load the third second only?** ``start_s`` and ``stop_s`` are rounded to the nearest
# sample,
#
# .. math:: n = \lfloor t f_s + 1/2 \rfloor,
#
# and the stop is not included: ranges that meet neither share a sample nor lose one. What comes is
# the slice of the whole, to the last bit, in every format:

# %%

for name in ["music.wav", "music.flac", "music.mp3"]:
    whole, _ = audio_io.load(folder / name)
    second, _ = audio_io.load(folder / name, start_s=2.0, stop_s=3.0)
    halves = [audio_io.load(folder / name, start_s=s, stop_s=s + 0.5)[0] for s in (2.0, 2.5)]
    print(
        f"{name:10} {tuple(second.shape)}",
        torch.equal(second, whole[:, 2 * rate : 3 * rate]),
        torch.equal(second, torch.cat(halves, dim=1)),
    )

# sphinx_gallery_start_ignore
assert torch.equal(second, whole[:, 2 * rate : 3 * rate])
assert torch.equal(second, torch.cat(halves, dim=1))
# sphinx_gallery_end_ignore

# %% [markdown]
# Any source
# ----------
#
# **The sound is not in a file.** A download is bytes, a data loader hands over ``uint8`` tensors,
# a zip archive gives file-like objects. Each is a source as it is:

# %%

path = folder / "music.mp3"
data = path.read_bytes()
sources = {
    "path": path,
    "text": str(path),
    "bytes": data,
    "memoryview": memoryview(data),
    "uint8 tensor": torch.frombuffer(bytearray(data), dtype=torch.uint8),
    "BytesIO": io.BytesIO(data),
    "open file": path.open("rb"),
}
for name, source in sources.items():
    waveform, _ = audio_io.load(source, start_s=2.0, stop_s=3.0)
    print(f"{name:12} {tuple(waveform.shape)} {torch.equal(waveform, second)}")

# sphinx_gallery_start_ignore
for source in sources.values():
    assert torch.equal(audio_io.load(source, start_s=2.0, stop_s=3.0)[0], second)
sources["open file"].close()
# sphinx_gallery_end_ignore

# %% [markdown]
# Channels
# --------
#
# **A model wants one channel.** ``num_channels=1`` is the mean, so that nothing grows beyond 1,
# and ``num_channels=2`` copies a single channel, so that nothing gets quieter. FFmpeg's mixer,
# which torchcodec's decoder uses, weights by :math:`1/\sqrt{2}` both ways: two equal channels come
# out 3 dB louder, and here beyond full scale.

# %%

two_equal = torch.full((2, rate), 0.8)
data = audio_io.encode(two_equal, rate, format="wav")
mixed = AudioDecoder(data, num_channels=1).get_all_samples().data
print(f"audiolab   {audio_io.decode(data, num_channels=1)[0].max():.3f}")
print(f"torchcodec {mixed.max():.3f}")

# sphinx_gallery_start_ignore
assert abs(audio_io.decode(data, num_channels=1)[0].max() - 0.8) < 1e-4
assert abs(mixed.max() - 0.8 * 2**0.5) < 1e-3
# sphinx_gallery_end_ignore

# %% [markdown]
# Rate
# ----
#
# **A telephone wants 8 kHz.** Lowering a rate folds what lies above half of the new one back below
# it: a tone at :math:`f` comes out at :math:`f_s' - f`. How much of it is left depends on the
# filter before the folding. Take a tone that rises from 3 to 5 kHz. At 8 kHz it should rise to 4
# kHz and stop:

# %%

sweep = signals.linear_sweep(3000, 5000, 4.0, 48_000, amplitude=0.2)
data = audio_io.encode(sweep, 48_000, format="flac", encoding="pcm_s24")

by_decoder = AudioDecoder(data, sample_rate=8000).get_all_samples().data[0]
by_audiolab = audio_io.load(data, sample_rate=8000)[0][0]

tracks = [by_decoder, by_audiolab]
titles = ["AudioDecoder(…, sample_rate=8000)", "audiolab.io.load(…, sample_rate=8000)"]
axes = display.plot_comparison(
    tracks, 8000, titles, kind="spectrogram", n_fft=512, title="A tone that rises from 3 to 5 kHz"
)

# %% [markdown]
# In the upper picture it turns round and comes down again. Both filters fall off near 4 kHz, but
# FFmpeg's, inside ``AudioDecoder``, is not done before 4.5 kHz, and everything until there returns
# as alias:

# %%

display.player(tracks, 8000, titles=titles)

# %% [markdown]
# Single tones say it in numbers: above 4 kHz, whatever is left is alias.

# %%

print("in Hz  heard at  AudioDecoder  audiolab.io.load")
for tone_hz in [3000, 3500, 3750, 4100, 4250, 4500]:
    tone = signals.tone(tone_hz, 1.0, 48_000)
    data = audio_io.encode(tone, 48_000, format="flac", encoding="pcm_s24")
    outputs = [
        AudioDecoder(data, sample_rate=8000).get_all_samples().data[0],
        audio_io.load(data, sample_rate=8000)[0][0],
    ]
    ours, theirs = (metrics.rms_db(out[800:-800]) - metrics.rms_db(tone) for out in outputs[::-1])
    print(f"{tone_hz:5} {min(tone_hz, 8000 - tone_hz):9} {theirs:10.1f} dB {ours:14.1f} dB")

# sphinx_gallery_start_ignore
assert theirs - ours > 40
# sphinx_gallery_end_ignore

# %% [markdown]
# Ten minutes in the memory of one second
# ---------------------------------------
#
# **The file is longer than my memory.** :func:`audiolab.io.blocks` walks through it;
# ``BlockWriter`` is its counterpart and wrote this one. Sums over blocks give the statistics of
# the whole:
#
# .. math:: x_\mathrm{rms}^2 = \frac{1}{N} \sum_b \sum_{n \in b} x[n]^2.

# %%

long_path = folder / "ten_minutes.flac"
minute = 0.1 * signals.pink_noise(60.0, 16_000, generator=0)[None]
with audio_io.BlockWriter(long_path, 16_000, 1) as writer:
    for number in range(1, 11):
        writer.write(minute * number / 10)

about = audio_io.info(long_path)
print(f"{about.duration_s:.0f} s, {about.num_samples} samples, {about.size_bytes / 1e6:.1f} MB")

# %%

energy, peak, largest = 0.0, 0.0, 0
for block in audio_io.blocks(long_path, 1.0):
    energy += float(block.double().square().sum())
    peak = max(peak, float(block.abs().max()))
    largest = max(largest, block.shape[-1])

rms = (energy / about.num_samples) ** 0.5

whole, _ = audio_io.load(long_path)
whole_rms = float(whole.double().square().mean().sqrt())
print(f"blocks: RMS {rms:.9f}, peak {peak:.6f}, {largest} samples at a time")
print(f"whole:  RMS {whole_rms:.9f}, peak {whole.abs().max():.6f}, {whole.numel()} samples")

# sphinx_gallery_start_ignore
assert abs(rms / whole_rms - 1) < 1e-9
assert peak == float(whole.abs().max())
assert largest == 16_000
assert about.num_samples == whole.numel() == 9_600_000
# sphinx_gallery_end_ignore

# %% [markdown]
# Blocks take ``sample_rate``, ``num_channels``, ``start_s`` and ``stop_s`` too. Resampled blocks
# join without a seam, because one resampler lives through all of them; resampling each block on
# its own would click at every border.

# %%

joined = torch.cat(list(audio_io.blocks(long_path, 0.7, sample_rate=12_000, stop_s=20.0)), dim=1)
at_once, _ = audio_io.load(long_path, sample_rate=12_000, stop_s=20.0)
print(f"{tuple(joined.shape)}, equal: {torch.equal(joined, at_once)}")

# sphinx_gallery_start_ignore
assert torch.equal(joined, at_once)
# sphinx_gallery_end_ignore

# %% [markdown]
# When it isn't audio
# -------------------
#
# **What if the file is missing, empty, text, or cut off?** The errors name the file and what is
# wrong with it, and one ``except`` catches them:

# %%

(folder / "empty.wav").touch()
(folder / "notes.mp3").write_text("Call the piano tuner.")
(folder / "cut.flac").write_bytes((folder / "music.flac").read_bytes()[:100])
for source in ["missing.wav", "empty.wav", "notes.mp3", "cut.flac", "."]:
    try:
        audio_io.load(folder / source)
    except (OSError, audio_io.AudioFileError) as error:
        print(f"{type(error).__name__}: {error}".replace(str(folder), "…"))

# sphinx_gallery_start_ignore
scratch.cleanup()
# sphinx_gallery_end_ignore

# %% [markdown]
# Pitfalls
# --------
#
# - A header can be wrong, and an MP3 of variable bit rate may have none: then ``info(…).exact`` is
#   false, and only a sum over :func:`audiolab.io.blocks` counts the samples.
# - A range of a lossy file is decoded from the file's beginning, since that is what makes it
#   exact. For many short ranges of one long MP3, convert it to FLAC first.
# - A range is cut before it is resampled: ranges that meet do so exactly at the file's own rate.
#   For pieces at another rate that join, use ``blocks``.
# - Decoded MP3, Vorbis, Opus and AAC can exceed 1, and ``load`` leaves it so. ``save`` will tell
#   you.
#
# Try this
# --------
#
# - Your own file: put its path in place of ``signals.clip_path("music")``.
# - Load the sweep at 9, 10 and 12 kHz: where does it turn round, where does it pass?
# - Write a day instead of ten minutes, and watch the memory of the process while it is read.
#
# References
# ----------
#
# - \R. E. Crochiere, L. R. Rabiner, *Interpolation and Decimation of Digital Signals – A Tutorial
#   Review*, Proceedings of the IEEE 69(3), 1981, `doi:10.1109/PROC.1981.11969
#   <https://doi.org/10.1109/PROC.1981.11969>`__.
# - \M. van Beurden, A. Weaver, *Free Lossless Audio Codec (FLAC)*, RFC 9639, 2024,
#   `doi:10.17487/RFC9639 <https://doi.org/10.17487/RFC9639>`__.
