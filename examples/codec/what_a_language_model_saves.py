# %% [markdown]
"""
What a language model saves
===========================

Ten bits a code is what a number from 0 to 1,023 costs if nothing is known about it. A small
transformer that guesses the next frame of codes, and an arithmetic coder that spends little on
what was expected, write the same codes in fewer bits. This page shows where they are saved.

**What you will hear.** A voice from a packed and from a guessed file: the same codes, so the same
sound to the bit.
"""

# %%

import matplotlib.pyplot as plt
import torch

from audiolab import codec, display, resample, signals
from audiolab.codec import load_language_model

display.use_style()

rate = 24_000
model = codec.EncodecModel.from_pretrained("audiolab_24khz")
lm = load_language_model("audiolab_24khz")
clips = {name: signals.clip(name) for name in ["speech_female", "speech_male", "music"]}
waveforms = {
    name: resample.resample(x.mean(0, keepdim=True), its_rate, rate)
    for name, (x, its_rate) in clips.items()
}

# %% [markdown]
# Fewer bytes, the same sound
# ---------------------------
#
# **What does it take to use it?** ``lm=True``, or ``--lm`` on the command line. The file says which
# model wrote it, and is decoded with the same one: both sides guess, frame by frame, from what was
# decoded so far. The guesses are computed in whole numbers, because a difference in the last bit of
# a floating-point sum, between two machines, would turn all that follows into noise.

# %%

rows = []
for name, x in waveforms.items():
    for bandwidth in model.target_bandwidths:
        plain = codec.compress(x, rate, bandwidth=bandwidth)
        guessed = codec.compress(x, rate, bandwidth=bandwidth, lm=True)
        same = torch.equal(codec.decompress(plain)[0], codec.decompress(guessed)[0])
        rows.append((name, bandwidth, len(plain), len(guessed), same))

# %%

header = ("clip", "kbps", "packed (bytes)", "guessed (bytes)", "saved (%)", "the same sound")
cells = tuple(
    (name, f"{b:g}", f"{p}", f"{g}", f"{100 * (1 - g / p):.0f}", "yes" if same else "no")
    for name, b, p, g, same in rows
)
display.Table("Files of the bundled clips", header, cells)

# sphinx_gallery_start_ignore
assert all(row[4] for row in rows)
assert all(row[3] < row[2] for row in rows)
# sphinx_gallery_end_ignore

# %% [markdown]
# And to the ear, of course:

# %%

voice = waveforms["speech_female"][:, : 4 * rate]
files = {
    "packed": codec.compress(voice, rate, bandwidth=6.0),
    "guessed": codec.compress(voice, rate, bandwidth=6.0, lm=True),
}
heard = {f"{name}, {len(data)} bytes": codec.decompress(data)[0] for name, data in files.items()}
display.player({"original": voice, **heard}, rate)

# %% [markdown]
# Where they are saved
# --------------------
#
# **Which codes can be guessed?** The price of a code is :math:`-\log_2 p`, where :math:`p` is the
# probability that the model gave it. `frequencies` are those probabilities in units of
# :math:`2^{-24}`. Drawn over time they show it at once: a pause is nearly free, the middle of a
# vowel is cheap, its onset costs more than ten bits a code.

# %%


def prices(waveform, bandwidth):
    model.set_target_bandwidth(bandwidth)
    [(codes, _)] = model.encode(waveform[None])
    shares = torch.from_numpy(lm.frequencies(codes[0])).double()
    shares = shares / shares.sum(-1, keepdim=True)
    return -shares.gather(-1, codes[0].T[..., None])[..., 0].log2().T  # (codebook, frame)


# %%

price = {name: prices(x, 6.0) for name, x in waveforms.items()}
_, panels = plt.subplots(2, 1, figsize=(10, 5), layout="constrained", sharex=True)
voice = waveforms["speech_female"]
time_s = torch.arange(price["speech_female"].shape[1]) / model.frame_rate
panels[0].plot(torch.arange(voice.shape[1]) / rate, voice[0], linewidth=0.4)
panels[0].set(title="A voice", ylabel="Amplitude")
panels[1].plot(time_s, price["speech_female"].mean(0), linewidth=0.9)
panels[1].axhline(10, color="0.4", linestyle=":", label="without a model")
panels[1].set(title="Price of a code, mean of 8", ylabel="Bits", xlabel="Time (s)")
panels[1].legend()

# %%

_, panel = plt.subplots(figsize=(7.6, 3), layout="constrained")
for n, (name, bits) in enumerate(price.items()):
    panel.bar([k + 0.27 * (n - 1) for k in range(1, 9)], bits.mean(1).tolist(), 0.25, label=name)
panel.axhline(10, color="0.4", linestyle=":")
panel.set(title="Price by stage", xlabel="Codebook", ylabel="Bits", xticks=range(1, 9))
panel.legend(loc="lower right")
for name, bits in price.items():
    print(f"{name:14} {bits.mean():5.2f} bits a code, the dearest frame {bits.mean(0).max():5.2f}")

# sphinx_gallery_start_ignore
assert all(float(bits.mean()) < 10 for bits in price.values())
quiet = voice[0].unfold(0, 320, 320).square().mean(1)[: price["speech_female"].shape[1]]
cheap = price["speech_female"].mean(0)[: len(quiet)]
quietest = quiet.argsort()
tenth = len(quietest) // 10
assert cheap[quietest[:tenth]].mean() < cheap[quietest[-tenth:]].mean()
# sphinx_gallery_end_ignore

# %% [markdown]
# How much of it is memory?
# -------------------------
#
# **Does the past help, or only the counts?** A table of how often each entry comes, without any
# past, saves something too. Giving the model a past that has nothing to do with the present, the
# frames in random order, leaves it little more than such a table:

# %%

order = {}
for name, x in waveforms.items():
    model.set_target_bandwidth(6.0)
    [(codes, _)] = model.encode(x[None])
    shuffle = torch.randperm(codes.shape[-1], generator=torch.Generator().manual_seed(0))
    ordered = 8 * len(lm.encode(codes[0])) / codes.numel()
    shuffled = 8 * len(lm.encode(codes[0, :, shuffle])) / codes.numel()
    order[name] = shuffled - ordered
    print(f"{name:14} {ordered:5.2f} bits a code in order, {shuffled:5.2f} shuffled")

# sphinx_gallery_start_ignore
assert min(order.values()) > 0
# sphinx_gallery_end_ignore

# %% [markdown]
# Pitfalls
# --------
#
# - *Floating point.* A model in floating point that is run frame by frame on one side and all at
#   once on the other gives probabilities that differ in the last digits; a decoder that is off by
#   one count decodes noise. `ExactLanguageModel` is the same model in whole numbers.
# - *Another model.* Codes of one codec mean nothing to the language model of another. Files carry
#   the digest of theirs.
# - *Streams.* The decoder needs a past: such files can't be entered in the middle.
#
# Try this
# --------
#
# - Encode with ``effort=32``: better codes are harder to guess. How much dearer are they?
# - Concatenate a clip with itself: does a past of 150 frames notice?
# - Train a larger one: ``audiolab codec train-lm --help``.
#
# References
# ----------
#
# - \A. Défossez, J. Copet, G. Synnaeve, Y. Adi, *High Fidelity Neural Audio Compression*, 2022,
#   section 3.3, `doi:10.48550/arXiv.2210.13438 <https://doi.org/10.48550/arXiv.2210.13438>`__.
# - \I. H. Witten, R. M. Neal, J. G. Cleary, *Arithmetic Coding for Data Compression*,
#   Communications of the ACM 30(6), 1987, `doi:10.1145/214762.214771
#   <https://doi.org/10.1145/214762.214771>`__.
