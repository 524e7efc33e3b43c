# %% [markdown]
"""
Audio in five minutes
=====================

Load a sound, look at it, hear it, compress it to a twelfth of its size, hear what that cost, put
numbers on it, and save it. Every step is a line or two that works the same on your own file.

**What you will hear.** A spoken sentence, as it was and after MP3 at 32 kbit/s. Switch between them
in mid-word.
"""

# %%

import tempfile
from pathlib import Path

import audiolab.io as audio_io
from audiolab import display, metrics, signals

display.use_style()

# %% [markdown]
# Load
# ----
#
# **What is a sound in PyTorch?** A tensor of shape ``(channels, time)`` and one number, the
# :term:`sample rate` :math:`f_s`. Sample :math:`n` was taken at time :math:`n / f_s`, and full
# scale is 1.

# %%

waveform, sample_rate = signals.clip("speech")
# Yours: waveform, sample_rate = audio_io.load("recording.m4a", num_channels=1)

duration_s = waveform.shape[-1] / sample_rate
print(f"{tuple(waveform.shape)} {waveform.dtype}, {sample_rate} Hz, {duration_s:.2f} s")

# %% [markdown]
# One channel, 24,000 samples for each second.
#
# Look
# ----
#
# **When is there sound, and at which frequencies?** A :term:`spectrogram` answers both: the level
# of short pieces of the sound, side by side.

# %%

_ = display.plot_spectrogram(waveform, sample_rate, title="A spoken sentence, 24 kHz")

# %% [markdown]
# Stacked lines are vowels, the harmonics of a voice. Clouds that reach the top of the picture are
# *s* and *t*. The top is half the sample rate, since samples hold nothing above it.
#
# Listen
# ------
#
# **Does it sound as it looks?** The player seeks where you click, and plays at the true level.

# %%

display.player([waveform], sample_rate, titles=["As it was"])

# %% [markdown]
# Compress
# --------
#
# **What is a twelfth of the size worth?** Plain 16-bit samples take :math:`16 f_s` bits a second,
# 384 kbit/s here. :func:`audiolab.io.encode` returns the bytes that a file would hold, and
# :func:`audiolab.io.decode` turns them back into a tensor.

# %%

encoded = audio_io.encode(waveform, sample_rate, format="mp3", bit_rate=32_000)
decoded, _ = audio_io.decode(encoded)

plain_bytes = 2 * waveform.numel()
print(f"plain {plain_bytes / 1000:.0f} kB, MP3 {len(encoded) / 1000:.0f} kB")
print(f"{plain_bytes / len(encoded):.1f} to 1")

# sphinx_gallery_start_ignore
assert 11 < plain_bytes / len(encoded) < 13
# sphinx_gallery_end_ignore

# %% [markdown]
# Two versions belong in one player: press :kbd:`1` and :kbd:`2` while it plays. Both go on at the
# same sample, so that nothing changes but the version.

# %%

display.player({"As it was": waveform, "MP3, 32 kbit/s": decoded}, sample_rate)

# %% [markdown]
# The voice is the same; *s* and *t* have gone dull. The pictures, on one scale, say where it went:

# %%

_ = display.plot_comparison(
    [waveform, decoded], sample_rate, ["As it was", "MP3, 32 kbit/s"], kind="spectrogram"
)

# %% [markdown]
# Measure
# -------
#
# **How large is the difference?** First put both in step: encoders may add a delay, and subtracting
# what is shifted measures the shift. Then compare powers,
#
# .. math:: \mathrm{SNR} = 10 \log_{10} \frac{\sum_n x[n]^2}{\sum_n (x[n] - \hat{x}[n])^2} .

# %%

reference, estimate, delay = metrics.align(waveform, decoded, sample_rate)

print(f"delay      {delay} samples")
print(f"SNR        {metrics.snr_db(reference, estimate).item():.1f} dB")
print(f"bandwidth  {metrics.bandwidth_hz(waveform, sample_rate).item():.0f} Hz before")
print(f"           {metrics.bandwidth_hz(decoded, sample_rate).item():.0f} Hz after")

# sphinx_gallery_start_ignore
assert delay == 0
assert 20 < metrics.snr_db(reference, estimate).item() < 25
assert metrics.bandwidth_hz(decoded, sample_rate).item() < 9_000
# sphinx_gallery_end_ignore

# %% [markdown]
# The decoder has already removed MP3's delay. An error a little over 20 dB below the voice would be
# plain to hear as hiss; the codec hides it under the voice, where ears don't look, and spends
# nothing on the top of the spectrum. A plain power ratio like the :term:`SNR` doesn't know about
# ears.
#
# Save
# ----
#
# **Where does it go?** The name's ending chooses the format. A file is written whole or not at all,
# and an existing one is replaced only with ``overwrite=True``.

# %%

folder = Path(tempfile.mkdtemp())
audio_io.save(folder / "sentence.flac", waveform, sample_rate)
audio_io.save(folder / "sentence.mp3", waveform, sample_rate, bit_rate=32_000)

for path in sorted(folder.iterdir()):
    info = audio_io.info(path)
    print(f"{path.name}: {info.codec}, {info.duration_s:.2f} s, {info.size_bytes} bytes")

# %% [markdown]
# Pitfalls
# --------
#
# - **The wrong rate.** A waveform doesn't know its sample rate. Pass the wrong one and everything
#   is an octave off without an error: carry the two together.
# - **Level.** Values beyond [-1, 1] are fine in a tensor and not in most files. ``save`` warns, or
#   scales with ``on_clip="rescale"``; it never clips in silence.
# - **Numbers without ears.** A better SNR is not always a better sound. Listen before you conclude.
#
# Try this
# --------
#
# - Lower ``bit_rate`` to 16,000 and find the first word in which you can't miss it.
# - Use ``signals.clip("music")``: two channels at 44.1 kHz have to share the same 32 kbit/s.
# - Choose *blind* in the player, and see how often you are right.
#
# References
# ----------
#
# - Karlheinz Brandenburg, "MP3 and AAC explained", AES 17th International Conference on
#   High-Quality Audio Coding, 1999.
# - Next: :ref:`Encoding audio samples <sphx_glr_auto_examples_encoding_encoding_audio_samples.py>`,
#   the same step with every option.
