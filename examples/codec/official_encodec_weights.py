# %% [markdown]
"""
The official EnCodec weights
============================

The package computes the codes of Meta's EnCodec, from the weights that its authors published, under
the call of their package or of Transformers. The weights are theirs and do not come along: where
they lie in this machine's cache, this page plays them; where not, it says so, and shows the calls
on a model of the same shape that has learnt nothing.

**What you will hear.** With the weights, a voice at 1.5, 6 and 24 kbps. Without them, nothing: an
untrained codec makes noise, and noise is no example.
"""

# %%

import matplotlib.pyplot as plt
import torch

from audiolab import codec, display, metrics, signals
from audiolab.codec.checkpoint import cached_path

display.use_style()

rate = 24_000
voice, _ = signals.clip("speech_female")
voice = voice[None, :, : 3 * rate]  # (batch, channels, time)

# %% [markdown]
# Are they here?
# --------------
#
# **Where are weights looked for?** Under the original name, in torch's cache, where the ``encodec``
# package puts them too; under ``facebook/encodec_24khz``, in the cache of the Hugging Face hub; or
# in a folder or file of yours. ``EncodecModel.from_pretrained("encodec_24khz")`` downloads them if
# they are missing and checks their hash; this page downloads nothing.

# %%

found = cached_path("encodec_24khz").is_file()
if found:
    model = codec.EncodecModel.from_pretrained("encodec_24khz", download=False)
    print("The published 24 kHz weights are in the cache: what follows is computed with them.")
else:
    model = codec.EncodecModel.from_preset("encodec_24khz", generator=0)
    books = torch.Generator().manual_seed(0)
    for book in model.quantizer.codebooks:
        book.embed.normal_(std=0.1, generator=books)
    print("The published 24 kHz weights are not in this machine's cache. What follows is computed")
    print(
        "with random ones: shapes, calls and file sizes are those of the real model, sound is not."
    )

# %% [markdown]
# The original call
# -----------------
#
# **How did the paper's package do it?** A bandwidth is chosen, `encode` returns segments of codes
# and scales, and `decode` takes them back. The 24 kHz model has one segment and no scale.

# %%

model.set_target_bandwidth(6.0)
segments = model.encode(voice)
for codes, scale in segments:
    print(f"codes {tuple(codes.shape)}: (batch, codebooks, frames); scale {scale}")
decoded = model.decode(segments)
print(f"{voice.shape[-1]} samples in, {decoded.shape[-1]} out")

# sphinx_gallery_start_ignore
assert segments[0][0].shape == (1, 8, 225)
# sphinx_gallery_end_ignore

# %% [markdown]
# The call of Transformers
# ------------------------
#
# **And from Hugging Face?** `as_transformers` is the same model under their names: codes have a
# dimension for chunks in front, batches have padding masks, and the bandwidth is an argument. The
# codes are the same:

# %%

twin = model.as_transformers()
inputs = twin.prepare([voice[0], voice[0, :, : 2 * rate]])
encoded = twin.encode(inputs.input_values, inputs.padding_mask, bandwidth=6.0)
audio = twin.decode(encoded.audio_codes, encoded.audio_scales, inputs.padding_mask).audio_values
print(f"audio_codes {tuple(encoded.audio_codes.shape)}, audio_values {tuple(audio.shape)}")
same = torch.equal(encoded.audio_codes[0, :1], segments[0][0])
print(f"the first item's codes are those of the original call: {same}")

# sphinx_gallery_start_ignore
assert same
assert encoded.audio_codes.shape == (1, 2, 8, 225)
# sphinx_gallery_end_ignore

# %% [markdown]
# Files for the other side
# ------------------------
#
# **Can others read what I write?** ``.ecdc`` files without a language model are, byte for byte,
# those of ``encodec`` 0.1.1 with the same weights, but for a checksum at the end, which it leaves
# unread. ``model.save_pretrained(folder)`` writes what ``transformers.EncodecModel`` loads.

# %%

sizes = {b: codec.compress(voice[0], rate, model=model, bandwidth=b) for b in (1.5, 6.0, 24.0)}
for bandwidth, data in sizes.items():
    payload = bandwidth * 1000 * voice.shape[-1] / rate / 8
    print(
        f"{bandwidth:4.1f} kbps: {len(data):5d} bytes, {len(data) - payload:.0f} beside the codes"
    )

# sphinx_gallery_start_ignore
assert all(len(d) - b * 1000 * 3 / 8 < 80 for b, d in sizes.items())
# sphinx_gallery_end_ignore

# %% [markdown]
# How it sounds
# -------------
#
# **What do the published weights make of it?** Only they can tell.

# %%

heard = {"original": voice[0]}
if found:
    for bandwidth, data in sizes.items():
        heard[f"{bandwidth:g} kbps"] = codec.decompress(data, model=model)[0]
        ratio = metrics.si_sdr_db(voice[0], heard[f"{bandwidth:g} kbps"]).item()
        print(f"{bandwidth:4.1f} kbps: SI-SDR {ratio:.1f} dB")
else:
    print("No weights, no sound: the only track is the original.")
display.player(heard, rate)

# %%

_, panels = plt.subplots(1, len(heard), figsize=(3.4 * len(heard), 3), layout="constrained")
for panel, (name, x) in zip([panels] if len(heard) == 1 else panels, heard.items(), strict=True):
    display.plot_spectrogram(x, rate, title=f"A voice: {name}", ax=panel, colorbar=False)

# %% [markdown]
# Pitfalls
# --------
#
# - *Licences.* The weights are their authors'; that of this package does not cover them.
# - *Transformers at 48 kHz.* Its padded last chunk and its extra silent chunk change codes at
#   nearly every length. ``as_transformers(compat="transformers")`` repeats that.
# - *Files of ``--lm`` from the original package.* They decode only with the same number of threads
#   on the same kind of machine as they were written on.
#
# Try this
# --------
#
# - Load them, ``codec.EncodecModel.from_pretrained("encodec_24khz")``, and run this page again.
# - Compare with the small model that comes along, ``"audiolab_24khz"``, at 6 kbps.
#
# References
# ----------
#
# - \A. Défossez, J. Copet, G. Synnaeve, Y. Adi, *High Fidelity Neural Audio Compression*, 2022,
#   `doi:10.48550/arXiv.2210.13438 <https://doi.org/10.48550/arXiv.2210.13438>`__.
