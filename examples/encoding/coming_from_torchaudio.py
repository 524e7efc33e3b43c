# %% [markdown]
"""
Coming from torchaudio.load, save and info
==========================================

torchaudio 2.9 gave up reading and writing files: ``info`` and the backends are gone, and ``load``
and ``save`` are thin wrappers over torchcodec that ignore half of their arguments. Here each old
call stands beside what to write now, both executed and their results compared.

**What you will hear.** What becomes of ``int16`` samples that old code hands to today's
``torchaudio.save``: a distortion that no error announces.
"""

# %%

import io
import tempfile
import warnings
from pathlib import Path

import torch
import torchaudio
from torchcodec.decoders import AudioDecoder

import audiolab.io as audio_io
from audiolab import display, signals

display.use_style()
scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name)

speech, rate = audio_io.load(
    signals.clip_path("speech"), sample_rate=24_000, num_channels=1, stop_s=6.0
)

# %% [markdown]
# What is left
# ------------
#
# **Which names are still there?** Ask the module:

# %%

print("torchaudio", torchaudio.__version__)
gone = [
    "info",
    "list_audio_backends",
    "set_audio_backend",
    "sox_effects",
    "io",
    "backend",
    "kaldi_io",
]
for name in ["load", "save", *gone]:
    print(f"torchaudio.{name:19}", "there" if hasattr(torchaudio, name) else "gone")

# sphinx_gallery_start_ignore
assert hasattr(torchaudio, "load")
assert hasattr(torchaudio, "save")
assert not any(hasattr(torchaudio, name) for name in gone)
assert not hasattr(torchaudio.functional, "apply_codec")
# sphinx_gallery_end_ignore

# %% [markdown]
# In short, with the details below:
#
# - ``torchaudio.load(path)`` becomes ``audiolab.io.load(path)``: the same pair, the same samples.
# - ``frame_offset``, ``num_frames`` (samples) become ``start_s``, ``stop_s`` (seconds).
# - ``normalize=False`` is ignored today: the result is always ``float32``, full scale at 1.
# - ``channels_first=False`` becomes ``.T`` on the result.
# - ``torchaudio.save(path, x, rate)`` becomes ``audiolab.io.save(path, x, rate)``, which does not
#   overwrite unless asked.
# - ``encoding="PCM_S", bits_per_sample=24`` is ignored today; ``encoding="pcm_s24"`` is not.
# - ``compression=`` is a bit rate in bits per second today: ``bit_rate=``.
# - ``torchaudio.info`` becomes ``audiolab.io.info``.
# - ``backend=``, ``set_audio_backend`` and ``sox_io`` become nothing: FFmpeg reads what they read.
# - ``torchaudio.io.StreamReader`` and ``StreamWriter`` become ``audiolab.io.blocks`` and
#   ``BlockWriter``.
# - ``torchaudio.functional.apply_codec`` becomes ``audiolab.io.decode(audiolab.io.encode(…))``.

# %% [markdown]
# load
# ----
#
# **Is it the same?** torchaudio, torchcodec and audiolab side by side, on a 16-bit file:

# %%

audio_io.save(folder / "speech.wav", speech, rate)

old, old_rate = torchaudio.load(folder / "speech.wav")
codec = AudioDecoder(folder / "speech.wav").get_all_samples()
new, new_rate = audio_io.load(folder / "speech.wav")

print(old.shape, old.dtype, old_rate == codec.sample_rate == new_rate)
print(torch.equal(old, new), torch.equal(codec.data, new))

# sphinx_gallery_start_ignore
assert torch.equal(old, new)
assert torch.equal(codec.data, new)
assert old_rate == codec.sample_rate == new_rate == rate
# sphinx_gallery_end_ignore

# %% [markdown]
# Ranges
# ------
#
# **Where did frame_offset go?** Samples became seconds: divide by the rate. (A *frame* was one
# sample of every channel.)

# %%

offset, count = 12_000, 24_000
old, _ = torchaudio.load(folder / "speech.wav", frame_offset=offset, num_frames=count)
new, _ = audio_io.load(folder / "speech.wav", start_s=offset / rate, stop_s=(offset + count) / rate)
print(old.shape, torch.equal(old, new))

# sphinx_gallery_start_ignore
assert old.shape == (1, count)
assert torch.equal(old, new)
# sphinx_gallery_end_ignore

# %% [markdown]
# Today's torchaudio decodes the whole file and cuts afterwards. audiolab reads the range only,
# from WAV and FLAC; a stream that counts its bytes tells:

# %%


class Counting(io.BytesIO):
    count = 0

    def read(self, size=-1):
        data = super().read(size)
        self.count += len(data)
        return data


minutes = audio_io.encode(speech.repeat(1, 60), rate, format="wav")
old_stream, new_stream = Counting(minutes), Counting(minutes)
torchaudio.load(old_stream, frame_offset=offset, num_frames=count)
audio_io.load(new_stream, start_s=offset / rate, stop_s=(offset + count) / rate)
print(f"of {len(minutes)} bytes: torchaudio {old_stream.count}, audiolab {new_stream.count}")

# sphinx_gallery_start_ignore
assert old_stream.count > len(minutes) / 2 > 5 * new_stream.count
# sphinx_gallery_end_ignore

# %% [markdown]
# Arguments that do nothing
# -------------------------
#
# **What does the old call ignore?** It says so, in warnings that many programs silence:

# %%

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    not_integers, _ = torchaudio.load(folder / "speech.wav", normalize=False, backend="sox")
    torchaudio.save(folder / "24bit.wav", speech, rate, encoding="PCM_S", bits_per_sample=24)
for warning in caught:
    print("-", warning.message)
print(f"normalize=False gave {not_integers.dtype}")
print(f"bits_per_sample=24 gave {audio_io.info(folder / '24bit.wav').bit_depth} bits")

# sphinx_gallery_start_ignore
assert not_integers.dtype == torch.float32
assert audio_io.info(folder / "24bit.wav").bit_depth == 16
assert len(caught) == 4
# sphinx_gallery_end_ignore

# %% [markdown]
# What they were for, written for today:

# %%

audio_io.save(folder / "24bit.wav", speech, rate, encoding="pcm_s24", overwrite=True)
print(f"pcm_s24 gave {audio_io.info(folder / '24bit.wav').bit_depth} bits")

waveform, _ = audio_io.load(folder / "speech.wav")
integers = (waveform * 2**15).to(torch.int16)
print(integers.dtype, "with a peak of", int(integers.abs().max()))
print("channels last:", waveform.T.shape)

# sphinx_gallery_start_ignore
assert audio_io.info(folder / "24bit.wav").bit_depth == 24
assert torch.equal(integers.float() / 2**15, waveform)
# sphinx_gallery_end_ignore

# %% [markdown]
# save
# ----
#
# **Are the files the same?** For a 16-bit WAV, yes, to the sample:

# %%

torchaudio.save(folder / "old.wav", speech, rate)
audio_io.save(folder / "new.wav", speech, rate)
print(torch.equal(audio_io.load(folder / "old.wav")[0], audio_io.load(folder / "new.wav")[0]))

# sphinx_gallery_start_ignore
assert torch.equal(audio_io.load(folder / "old.wav")[0], audio_io.load(folder / "new.wav")[0])
# sphinx_gallery_end_ignore

# %% [markdown]
# **And integers?** Until 2.8 an ``int16`` tensor was saved as it was. Today it is turned into
# floats without being scaled, so that every sample but 0 lands at or beyond full scale, and is
# clipped:

# %%

torchaudio.save(folder / "integers.wav", integers, rate)
clipped, _ = audio_io.load(folder / "integers.wav")
at_full_scale = (clipped.abs() > 0.999).float().mean()
print(f"{at_full_scale:.1%} of the samples are at full scale")

try:
    audio_io.save(folder / "new_integers.wav", integers, rate)
except TypeError as error:
    print(type(error).__name__, "-", error)

# sphinx_gallery_start_ignore
assert at_full_scale > 0.8
assert not (folder / "new_integers.wav").exists()
# sphinx_gallery_end_ignore

# %% [markdown]
# Scale first: ``integers.float() / 32768``. What was saved is close to the signs of the samples
# alone, at full scale. The player turns it down to the power of the speech:

# %%

turned_down = clipped * speech.norm() / clipped.norm()
display.player({"meant": speech, "saved as int16, turned down": turned_down}, rate)

# %% [markdown]
# Compressed files
# ----------------
#
# **What does compression=64 mean now?** For MP3 it was kilobits a second. Today it is handed on as
# *bits* a second; 64 of them LAME takes for no wish at all, and uses its default for this sample
# rate.

# %%

torchaudio.save(folder / "old_64.mp3", speech, rate, compression=64)
torchaudio.save(folder / "old_64000.mp3", speech, rate, compression=64_000)
audio_io.save(folder / "new_64000.mp3", speech, rate, bit_rate=64_000)
for name in ["old_64.mp3", "old_64000.mp3", "new_64000.mp3"]:
    about = audio_io.info(folder / name)
    kbps = 8 * about.size_bytes / about.duration_s / 1000
    print(f"{name:14} {about.size_bytes:6} bytes, {kbps:5.1f} kbit/s")

# sphinx_gallery_start_ignore
size = (folder / "old_64.mp3").stat().st_size
assert size == len(audio_io.encode(speech, rate, format="mp3"))
assert size < 0.6 * about.size_bytes
assert abs(8 * about.size_bytes / about.duration_s - 64_000) < 2000
# sphinx_gallery_end_ignore

# %% [markdown]
# File-like objects
# -----------------
#
# **And a BytesIO?** ``torchaudio.load`` still reads one. ``torchaudio.save`` does not write one
# any more: the format comes from the file's extension, and there is none.

# %%

stream = io.BytesIO((folder / "speech.wav").read_bytes())
print(torch.equal(torchaudio.load(stream)[0], waveform))

try:
    torchaudio.save(io.BytesIO(), speech, rate)
except RuntimeError as error:
    print("Error:", str(error).split(", ")[-1])

data = audio_io.encode(speech, rate, format="wav")
print(type(data).__name__, len(data), torch.equal(audio_io.decode(data)[0], waveform))

# sphinx_gallery_start_ignore
assert torch.equal(audio_io.decode(data)[0], waveform)
# sphinx_gallery_end_ignore

# %% [markdown]
# info
# ----
#
# **Where is AudioMetaData?** ``num_frames`` is ``num_samples`` now, ``bits_per_sample`` is
# ``bit_depth``, and the duration, the bit rate, the size and the tags are there as well:

# %%

about = audio_io.info(folder / "speech.wav")
old_names = {
    "sample_rate": about.sample_rate,
    "num_frames": about.num_samples,
    "num_channels": about.num_channels,
    "bits_per_sample": about.bit_depth,
    "encoding": about.encoding,
}
print(old_names)

# sphinx_gallery_start_ignore
assert about.num_samples == speech.shape[-1]
assert about.bit_depth == 16
# sphinx_gallery_end_ignore

# %% [markdown]
# Streams and codecs
# ------------------
#
# **What replaces StreamReader and apply_codec?** A loop over blocks, and a round trip:

# %%

total = sum(block.shape[-1] for block in audio_io.blocks(folder / "speech.wav", 0.5))
print(total == about.num_samples)

telephone = audio_io.encode(speech, rate, format="opus", bit_rate=12_000)
coded, _ = audio_io.decode(telephone, sample_rate=rate)
print(f"{len(telephone)} bytes instead of {about.size_bytes}")

# sphinx_gallery_start_ignore
assert total == about.num_samples
assert len(telephone) < about.size_bytes / 20
scratch.cleanup()
# sphinx_gallery_end_ignore
display.player({"original": speech, "Opus, 12 kbit/s": coded}, rate)

# %% [markdown]
# Pitfalls
# --------
#
# - ``torchaudio.save`` clips values beyond 1 without a word. ``audiolab.io.save`` warns, or does
#   what ``on_clip`` says.
# - ``torchaudio.save`` replaces what is there. ``audiolab.io.save`` wants ``overwrite=True``.
# - Warnings are how today's torchaudio tells you that it ignores an argument. A training script
#   that silences warnings silences that.
# - ``import torchaudio`` works without torchcodec; the first ``load`` fails. ``audiolab doctor``
#   says why.
#
# Try this
# --------
#
# - Your own file: put its path in place of ``signals.clip_path("speech")``.
# - Search your code for ``torchaudio.info(``, ``backend=``, ``bits_per_sample=`` and
#   ``compression=``: each match is a section of this page.
#
# References
# ----------
#
# - torchaudio, `Update on TorchAudio's future <https://github.com/pytorch/audio/issues/3902>`__.
# - torchcodec, `AudioDecoder
#   <https://meta-pytorch.org/torchcodec/stable/generated/torchcodec.decoders.AudioDecoder.html>`__.
# - \J. Hwang et al., *TorchAudio 2.1: Advancing Speech Recognition, Self-Supervised Learning, and
#   Audio Processing Components for PyTorch*, 2023, `doi:10.48550/arXiv.2310.17864
#   <https://doi.org/10.48550/arXiv.2310.17864>`__.
