# %% [markdown]
"""
Encoding audio samples
======================

A tensor of samples becomes an audio file, or the bytes of one, with torchcodec's ``AudioEncoder``,
and comes back with ``AudioDecoder``. This page makes the round trip with every destination and
option that the encoder has, measures what came back, and shows the pitfalls that no error message
announces.

**What you will hear.** A pure tone before and after MP3, the same tone an octave too high because
one argument was misread, and a tone that was clipped on its way into a file.
"""

# %%

import io
import math
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torchcodec.decoders import AudioDecoder
from torchcodec.encoders import AudioEncoder

import audiolab.io as audio_io
from audiolab import display, metrics, signals

# %% [markdown]
# Samples to encode
# -----------------
#
# **How is a tone written down?** Sample :math:`n` of a tone of frequency :math:`f`, at :math:`f_s`
# samples a second, is
#
# .. math:: x[n] = a \sin(2 \pi f n / f_s).
#
# The phase is computed in double precision, because it grows to thousands of radians; the samples
# are ``float32``, because the encoder takes nothing else. (:func:`audiolab.signals.tone` does the
# same.)

# %%

display.use_style()

sample_rate = 16_000
n = torch.arange(3 * sample_rate, dtype=torch.float64)
samples = 0.5 * torch.sin(2 * torch.pi * 440 * n / sample_rate).float()

print(f"{samples.shape = }, {samples.dtype = }, {sample_rate = }")
# sphinx_gallery_start_ignore
same = 0.5 * torch.sin(2 * torch.pi * 440 * n / sample_rate).float()
assert torch.allclose(same, signals.tone(440, 3.0, sample_rate, amplitude=0.5), atol=1e-6)
# sphinx_gallery_end_ignore
display.player({"440 Hz, 3 s": samples}, sample_rate)

# %% [markdown]
# From samples to bytes
# ---------------------
#
# **What does the encoder want?** A 2D tensor ``(num_channels, num_samples)``, or a 1D tensor for
# one channel, of values in [-1, 1]: what ``AudioDecoder`` returns. Its ``sample_rate`` is the rate
# *of these samples*. The format is named when the bytes are asked for, and the bytes are a tensor
# too:

# %%

encoder = AudioEncoder(samples, sample_rate=sample_rate)
encoded = encoder.to_tensor(format="mp3")

print(f"{encoded.shape = }, {encoded.dtype = }")
print(f"{8 * encoded.numel() / 3000:.1f} kbit/s, as 16-bit PCM {16 * sample_rate / 1000:.1f}")

# sphinx_gallery_start_ignore
assert encoded.dtype == torch.uint8
assert encoded.dim() == 1
assert 8 * encoded.numel() / 3 < 16 * sample_rate / 8
# sphinx_gallery_end_ignore

# %% [markdown]
# Three destinations
# ------------------
#
# **And into a file, or a stream?** ``to_file`` takes the format from the file's extension;
# ``to_file_like`` writes into anything that has ``write`` and ``seek``. The three give the same
# bytes (except for Ogg and Opus, which carry a random serial number):

# %%

scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name)
encoder.to_file(folder / "tone.mp3")

stream = io.BytesIO()
encoder.to_file_like(stream, format="mp3")

print((folder / "tone.mp3").read_bytes() == stream.getvalue() == encoded.numpy().tobytes())

# sphinx_gallery_start_ignore
assert (folder / "tone.mp3").read_bytes() == stream.getvalue() == encoded.numpy().tobytes()
# sphinx_gallery_end_ignore

# %% [markdown]
# Back again
# ----------
#
# **Does it come back?** ``AudioDecoder`` reads a path, bytes, a tensor of bytes or a file-like,
# and returns ``AudioSamples``: the data, when they start, how long they last, and their rate.

# %%

samples_back = AudioDecoder(encoded).get_all_samples()
print(samples_back)

# sphinx_gallery_start_ignore
assert samples_back.data.shape == (1, 48_000)
assert samples_back.sample_rate == sample_rate
# sphinx_gallery_end_ignore

# %% [markdown]
# Length and rate are those that went in, and sample 0 is sample 0 again. Two things are new. The
# clock starts at 69 ms instead of 0 (pitfall 2). And the level is lower: LAME, the MP3 encoder
# that FFmpeg uses, multiplies by 0.95 at all but its highest bit rates, to leave headroom. Whoever
# subtracts the original measures that gain, not the codec:

# %%

back = samples_back.data[0]
gain = torch.dot(back, samples) / torch.dot(samples, samples)
print(f"gain {gain:.3f}, that is {20 * math.log10(gain):.2f} dB")
print(f"SNR as it came back:       {metrics.snr_db(samples, back):.1f} dB")
print(f"SNR with the level undone: {metrics.snr_db(samples, back / gain):.1f} dB")

# sphinx_gallery_start_ignore
assert 0.9 < gain < 0.96
assert metrics.snr_db(samples, back) < 26.5
assert metrics.snr_db(samples, back / gain) > metrics.snr_db(samples, back)
# sphinx_gallery_end_ignore
display.player({"original": samples, "after MP3": back}, sample_rate)

# %% [markdown]
# Channels and rate of the file
# -----------------------------
#
# **Can the file differ from the tensor?** Each method takes ``num_channels``, ``sample_rate`` and
# ``bit_rate`` *of the file*. One channel at 16 kHz becomes two channels at 32 kHz:

# %%

desired_sample_rate = 32_000
encoded = encoder.to_tensor(format="wav", num_channels=2, sample_rate=desired_sample_rate)

stereo_back = AudioDecoder(encoded).get_all_samples()
print(stereo_back)
print(f"peak {samples.abs().max():.3f} became {stereo_back.data.abs().max():.3f}")

# sphinx_gallery_start_ignore
assert stereo_back.data.shape == (2, 96_000)
assert stereo_back.sample_rate == 32_000
assert torch.equal(stereo_back.data[0], stereo_back.data[1])
ratio = stereo_back.data.norm() / samples.norm()  # two channels at half the power, twice the rate
assert abs(ratio - 2**0.5) < 0.02
# sphinx_gallery_end_ignore
display.player({"stereo, 32 kHz": stereo_back.data}, desired_sample_rate)

# %% [markdown]
# Both channels hold the same tone, 3 dB lower: FFmpeg spreads one channel over two at
# :math:`1/\sqrt{2}`, so that two loudspeakers together radiate the power of one. A meter, or a
# model that looks at one channel, sees the drop. To copy the channel instead, encode
# ``samples.expand(2, -1)``.
#
# What ``audiolab.io`` adds
# -------------------------
#
# **How fine are the steps of a WAV file?** torchcodec writes WAV with 16 bits. Rounding to a grid
# of :math:`\Delta = 2^{-15}` leaves an error of :math:`\Delta/\sqrt{12}`, 101 dB below full scale.
# Its FLAC has 24 bits; WAV with 24 bits, 32 bits or floats it cannot write.
# :func:`audiolab.io.encode` can:

# %%

for encoding in ["pcm_s16", "pcm_s24", "float32"]:
    data = audio_io.encode(samples, sample_rate, format="wav", encoding=encoding)
    decoded, _ = audio_io.decode(data)
    error_db = metrics.rms_db(decoded[0] - samples)
    print(f"{encoding:7} {len(data):6} bytes, error {error_db:6.1f} dB of full scale")

# sphinx_gallery_start_ignore
assert error_db == -math.inf
from_torchcodec = AudioDecoder(encoder.to_tensor("wav")).get_all_samples().data[0]
assert abs(metrics.rms_db(from_torchcodec - samples) + 101) < 1.5
from_torchcodec = AudioDecoder(encoder.to_tensor("flac")).get_all_samples().data[0]
assert -150 < metrics.rms_db(from_torchcodec - samples) < -140
# sphinx_gallery_end_ignore

# %% [markdown]
# **And what if a sample is beyond 1?** torchcodec clips it without a word.
# :func:`audiolab.io.save` counts what is lost and says so (``on_clip="warn"``), refuses
# (``"error"``), or lowers the whole signal (``"rescale"``). It also writes a file whole or not at
# all, and never over another one unasked:

# %%

too_loud = 1.5 * samples / samples.abs().max()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    audio_io.save(folder / "loud.wav", too_loud, sample_rate)
print("Warning:", str(caught[0].message).removeprefix(f"{folder}/"))

try:
    audio_io.save(folder / "loud.wav", samples, sample_rate)
except FileExistsError as error:
    print("Error:", str(error).removeprefix(f"{folder}/"))

# sphinx_gallery_start_ignore
assert caught[0].category is audio_io.ClippingWarning
assert audio_io.load(folder / "loud.wav")[0].abs().max() > 0.9
# sphinx_gallery_end_ignore

# %% [markdown]
# Pitfalls
# --------
#
# **1. sample_rate is the rate of the input.** Whoever reads it as "the rate that I want" gets a
# file that plays at the wrong speed. Here 16 kHz samples are declared to be 32 kHz ones: half as
# long, an octave up.

# %%

wrong = AudioDecoder(AudioEncoder(samples, sample_rate=32_000).to_tensor("wav")).get_all_samples()
right = AudioDecoder(encoder.to_tensor("wav", sample_rate=32_000)).get_all_samples()
print(f"wrong: {wrong.duration_seconds} s, right: {right.duration_seconds} s")

# sphinx_gallery_start_ignore
assert wrong.duration_seconds == 1.5
assert right.duration_seconds == 3.0
# sphinx_gallery_end_ignore
padded = torch.nn.functional.pad(wrong.data, (0, right.data.shape[1] - wrong.data.shape[1]))
display.player({"right: 440 Hz, 3 s": right.data, "wrong: 880 Hz, 1.5 s": padded}, 32_000)

# %% [markdown]
# **2. The clock of an MP3 starts late.** MP3 delays a signal by 1105 samples: 576 in LAME, 529 in
# the decoder's filter bank. torchcodec drops them, so that samples line up, but keeps the file's
# time stamps, and says that the first sample plays at 1105 / 16000 = 0.069 s. The same range in
# seconds is therefore another one in MP3 than in WAV. :func:`audiolab.io.load` counts from the
# first sample in every format:

# %%

mp3, wav = encoder.to_tensor("mp3"), encoder.to_tensor("wav")
from_mp3 = AudioDecoder(mp3).get_samples_played_in_range(0.0, 1.0)
from_wav = AudioDecoder(wav).get_samples_played_in_range(0.0, 1.0)
ours, _ = audio_io.load(mp3, start_s=0.0, stop_s=1.0)

print(f"the MP3's first sample is at {from_mp3.pts_seconds} s")
print(
    "samples in [0 s, 1 s):", from_wav.data.shape[1], "in WAV,", from_mp3.data.shape[1], "in MP3,"
)
print(ours.shape[1], "in MP3 through audiolab.io.load")

# sphinx_gallery_start_ignore
assert round(from_mp3.pts_seconds * sample_rate) == 1105
assert from_wav.data.shape[1] - from_mp3.data.shape[1] == 1105
assert torch.equal(ours, samples_back.data[:, :sample_rate])
# sphinx_gallery_end_ignore

# %% [markdown]
# **3. Opus lives at 48 kHz.** An Ogg Opus file counts time in samples of 48 kHz whatever went in
# (RFC 7845), and FFmpeg decodes it at that rate: three times as many samples as we encoded. Rates
# that Opus does not know are refused, unless the encoder is asked to resample:

# %%

opus_back = AudioDecoder(encoder.to_tensor("opus")).get_all_samples()
print(f"{samples.numel()} samples in, {opus_back.data.shape[1]} at {opus_back.sample_rate} Hz out")

at_44k = AudioEncoder(samples, sample_rate=44_100)
try:
    at_44k.to_tensor("opus")
except RuntimeError as error:
    print("Error:", str(error).split(", ", 2)[-1])
print(f"resampled on the way in: {at_44k.to_tensor('opus', sample_rate=48_000).numel()} bytes")

# sphinx_gallery_start_ignore
assert opus_back.sample_rate == 48_000
assert opus_back.data.shape[1] == 3 * samples.numel()
# sphinx_gallery_end_ignore

# %% [markdown]
# **4. AAC comes back longer.** AAC codes frames of 1024 samples, and FFmpeg's encoder starts with
# one of silence. Bare AAC (``adts``) has nowhere to write that down, so the sound returns 1024
# samples late. An MP4 file says in its edit list where the sound starts; what is left is the
# padding of the last frame. (A tone repeats itself, so a delay is measured with a sweep.)

# %%

sweep = signals.linear_sweep(100, 7000, 1.0, sample_rate)
for container in ["adts", "mp4"]:
    coded = AudioEncoder(sweep, sample_rate=sample_rate).to_tensor(container)
    aac_back = AudioDecoder(coded).get_all_samples().data[0]
    delay = int(metrics.delay_samples(sweep, aac_back))
    print(f"{container:4} {aac_back.numel() - sweep.numel():4} samples longer, {delay:4} late")

# sphinx_gallery_start_ignore
assert delay == 0
assert 0 <= aac_back.numel() - sweep.numel() < 1024
# sphinx_gallery_end_ignore

# %% [markdown]
# **5. Clipping depends on the format.** Integer formats cut at 1. Lossy ones carry larger values
# through, since they store spectra, not samples; the next WAV file or loudspeaker then cuts
# instead.

# %%

loud_encoder = AudioEncoder(too_loud, sample_rate=sample_rate)
through = {
    name: AudioDecoder(loud_encoder.to_tensor(name)).get_all_samples().data[0]
    for name in ["wav", "ogg"]
}
_, ax = plt.subplots(figsize=(8, 3), layout="constrained")
for name, back in through.items():
    time_ms = 1000 * torch.arange(120) / sample_rate
    ax.plot(time_ms, back[1600:1720], label=f"{name}, peak {back.abs().max():.2f}")
ax.set(title="A tone of peak 1.5 through WAV and Vorbis", ylim=(-1.8, 2.3))
ax.set(xlabel="Time (ms)", ylabel="Amplitude (1 = full scale)")
ax.legend(loc="upper right", ncols=2)

# sphinx_gallery_start_ignore
assert through["wav"].abs().max() <= 1.0
assert through["ogg"].abs().max() > 1.1
# sphinx_gallery_end_ignore

# %% [markdown]
# A clipped tone is no longer pure: the odd harmonics 1320 Hz, 2200 Hz … are added. Both tracks are
# turned down by the same factor here, so that the player does not clip the second one as well.

# %%

display.player(
    {
        "through WAV: clipped": through["wav"] / 3,
        "through Vorbis: whole": through["ogg"][: 3 * sample_rate] / 3,
    },
    sample_rate,
)

# %% [markdown]
# **6. linspace is not a clock.** ``torch.linspace(0, d, N)`` includes its end, so its steps are
# :math:`d/(N-1)` and not :math:`1/f_s`: the tone is sharp by :math:`1200 \log_2 \frac{N}{N-1}`
# cents.

# %%

clock = torch.linspace(0, 3, 48_000, dtype=torch.float64)
sharp = 0.5 * torch.sin(2 * torch.pi * 440 * clock).float()
exact = signals.tone(440, 3.0, 16_000, amplitude=0.5)
print(f"440 Hz became {440 * 48_000 / 47_999:.4f} Hz")
print(f"SNR against the true tone: {metrics.snr_db(exact, sharp):.1f} dB")
for length in [160, 1600, 48_000]:
    print(f"{length:6} samples: {1200 * math.log2(length / (length - 1)):6.3f} cents sharp")

# sphinx_gallery_start_ignore
assert abs(metrics.snr_db(exact, sharp) - 20.0) < 0.1
# sphinx_gallery_end_ignore

# %% [markdown]
# Nobody hears a thirtieth of a cent. But after three seconds the tone is one whole sample ahead,
# ten degrees of phase, and a metric that compares samples rates a perfect codec at 20 dB. In a
# block of 10 ms (160 samples) it is 11 cents. ``torch.arange(N) / sample_rate`` has no such error.
#
# **7. float32 is too coarse for a clock.** Near 8000 radians, single precision rounds a phase by
# up to 0.0005:

# %%

coarse = 0.5 * torch.sin(2 * torch.pi * 440 * torch.arange(48_000) / 16_000)
rounded = torch.round(exact * 2**15) / 2**15
print(f"SNR of a float32 phase:     {metrics.snr_db(exact, coarse):.0f} dB")
print(f"SNR of rounding to 16 bits: {metrics.snr_db(exact, rounded):.0f} dB")

# sphinx_gallery_start_ignore
assert coarse.dtype == torch.float32
assert metrics.snr_db(exact, coarse) < 80 < metrics.snr_db(exact, rounded)
scratch.cleanup()
# sphinx_gallery_end_ignore

# %% [markdown]
# Try this
# --------
#
# - Encode your own file: in place of the tone, ``samples = audio_io.load("your.wav",
#   sample_rate=16_000, num_channels=1, stop_s=3.0)[0][0]``.
# - Ask for ``bit_rate=320_000`` from samples at 44.1 kHz: LAME's gain becomes 1.
# - Decode a stereo WAV with ``AudioDecoder(data, num_channels=1)`` and look for peaks above 1: two
#   equal channels add up 3 dB louder.
#
# References
# ----------
#
# - torchcodec's own page on `AudioEncoder
#   <https://meta-pytorch.org/torchcodec/stable/generated_examples/encoding/audio_encoding.html>`__.
# - \T. Terriberry, R. Lee, R. Giles, *Ogg Encapsulation for the Opus Audio Codec*, RFC 7845, 2016,
#   `doi:10.17487/RFC7845 <https://doi.org/10.17487/RFC7845>`__.
# - \J.-M. Valin, K. Vos, T. Terriberry, *Definition of the Opus Audio Codec*, RFC 6716, 2012,
#   `doi:10.17487/RFC6716 <https://doi.org/10.17487/RFC6716>`__.
# - \B. Widrow, I. Kollár, M.-C. Liu, *Statistical Theory of Quantization*, IEEE Transactions on
#   Instrumentation and Measurement 45(2), 1996, `doi:10.1109/19.492748
#   <https://doi.org/10.1109/19.492748>`__.
