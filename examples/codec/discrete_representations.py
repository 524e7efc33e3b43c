# %% [markdown]
"""
Sound as a table of numbers
===========================

What a neural codec sends is a small table: sixteen whole numbers for each of 75 frames a second.
This page looks at the table of the bundled codec: which entries are used, what each stage adds,
what becomes of a voice whose stages are exchanged with those of another, and what lies between two
sounds.

**What you will hear.** A voice by its first one, two, four and more stages; two voices with each
other's stages; and the middle between a voice and music, of the samples and of the codes.
"""

# %%

import matplotlib.pyplot as plt
import torch

from audiolab import codec, display, metrics, resample, signals

display.use_style()

rate = 24_000
model = codec.EncodecModel.from_pretrained("audiolab_24khz")
model.set_target_bandwidth(12.0)

woman = signals.clip("speech_female")[0][None, :, : 4 * rate]
man = signals.clip("speech_male")[0][None, :, : 4 * rate]
song, song_rate = signals.clip("music")
song = resample.resample(song.mean(0, keepdim=True), song_rate, rate)[None, :, : 4 * rate]

# %% [markdown]
# The table
# ---------
#
# **What does a voice look like?** One row a codebook, one column a frame; the colour is the number.
# It is a label and no quantity: 17 and 18 have no more in common than 17 and 900. What can be seen
# is time. In a pause the later rows stand still: little is left over for them, and each has an
# entry near zero that says so. Music has no pause, and its table no quiet place.

# %%


def encode(waveform):
    [(codes, _)] = model.encode(waveform)
    return codes


def decode(codes):
    return model.decode([(codes, None)])


codes = {"a woman": encode(woman), "a man": encode(man), "music": encode(song)}
_, panels = plt.subplots(3, 1, figsize=(10, 6), layout="constrained", sharex=True)
for panel, (name, table) in zip(panels, codes.items(), strict=True):
    extent = (0, table.shape[-1] / model.frame_rate, 16.5, 0.5)
    panel.imshow(
        table[0].numpy(), aspect="auto", cmap="twilight", extent=extent, interpolation="nearest"
    )
    panel.set(title=f"{name}: {table.shape[1]} x {table.shape[2]} codes", ylabel="Codebook")
panels[-1].set_xlabel("Time (s)")

# %% [markdown]
# Which entries are used
# ----------------------
#
# **Are 1,024 entries too many?** A codebook whose entries all come equally often is worth its 10
# bits. Over a few seconds not all can turn up, so the fair comparison is with as many draws of a
# die of 1,024 faces. What is missing to the die is what an entropy coder saves.

# %%

everything = torch.cat([table[0] for table in codes.values()], dim=1)
count = everything.shape[1]
die = torch.randint(1024, (16, count), generator=torch.Generator().manual_seed(0))


def entropy_bits(row):
    shares = torch.bincount(row, minlength=1024) / len(row)
    return float(torch.special.entr(shares).sum() / torch.log(torch.tensor(2.0)))


used = [len(row.unique()) for row in everything]
fair = len(die[0].unique())
bits = [entropy_bits(row) for row in everything]
print(f"{count} frames; a die shows {fair} faces and {entropy_bits(die[0]):.2f} bits")
print("codebook        " + "".join(f"{n:6d}" for n in (1, 2, 4, 8, 16)))
print("entries used    " + "".join(f"{used[n - 1]:6d}" for n in (1, 2, 4, 8, 16)))
print("entropy (bits)  " + "".join(f"{bits[n - 1]:6.2f}" for n in (1, 2, 4, 8, 16)))

# %%

_, panel = plt.subplots(figsize=(7.6, 3), layout="constrained")
panel.bar(range(1, 17), bits, label="the codec's codes")
panel.axhline(entropy_bits(die[0]), color="0.4", linestyle=":", label="a fair die, as many draws")
panel.set(title="What a code is worth", xlabel="Codebook", ylabel="Entropy (bits)", ylim=(0, 10.5))
panel.set_xticks(range(1, 17))
panel.legend(loc="lower right")

# sphinx_gallery_start_ignore
assert fair > max(used)
assert min(used) > 100
order = woman[0, 0].unfold(0, 320, 320).square().mean(1).argsort()
later = codes["a woman"][0, 8:]
kinds = [sum(len(row.unique()) for row in later[:, places]) for places in (order[:40], order[-40:])]
assert kinds[0] < 0.6 * kinds[1]
# sphinx_gallery_end_ignore

# %% [markdown]
# What each stage adds
# --------------------
#
# **When does it become a voice?** Decoding a few leading rows is allowed, which is how one model
# has four bit rates. Each stage describes the error that those before it left, so that each adds
# less than the one before.

# %%

stages = {}
for number in [1, 2, 4, 8, 16]:
    stages[f"{number} of 16"] = heard = decode(codes["a woman"][:, :number])
    distance = metrics.mel_distance_db(woman, heard, rate).item()
    print(
        f"{number:2d} stages, {number * 0.75:5.2f} kbps: SI-SDR "
        f"{metrics.si_sdr_db(woman, heard).item():5.1f} dB, mel distance {distance:4.1f} dB"
    )
# sphinx_gallery_start_ignore
ratios = [metrics.si_sdr_db(woman, x).item() for x in stages.values()]
assert ratios == sorted(ratios)
# sphinx_gallery_end_ignore
display.player({"original": woman[0], **{name: x[0] for name, x in stages.items()}}, rate)

# %% [markdown]
# Exchanged stages
# ----------------
#
# **Is the voice in the first rows, the word in the last?** No stage has such an office. The first
# two rows of the woman with the rest of the man give her words, roughened by his leftovers; the
# other way round, his. The first rows hold most of the energy, and the rest is only right for what
# it was left over from: added to another it is noise, and leaving it out is better.

# %%

cut = 2
mixed = {
    "the woman": decode(codes["a woman"])[0],
    "her first two, his rest": decode(
        torch.cat([codes["a woman"][:, :cut], codes["a man"][:, cut:]], dim=1)
    )[0],
    "his first two, her rest": decode(
        torch.cat([codes["a man"][:, :cut], codes["a woman"][:, cut:]], dim=1)
    )[0],
    "her first two alone": decode(codes["a woman"][:, :cut])[0],
}
for name, x in mixed.items():
    print(f"{name:24} SI-SDR to the woman {metrics.si_sdr_db(woman[0], x).item():6.1f} dB")
# sphinx_gallery_start_ignore
to_her = {name: metrics.si_sdr_db(woman[0], x).item() for name, x in mixed.items()}
assert to_her["her first two alone"] > to_her["her first two, his rest"]
assert to_her["her first two, his rest"] > to_her["his first two, her rest"] + 5
# sphinx_gallery_end_ignore
display.player(mixed, rate)

# %% [markdown]
# Between two sounds
# ------------------
#
# **What is half a voice and half a song?** Of samples, the mean is both at once, each 6 dB softer.
# Of codes there is no mean at all. Of the latents that the codes stand for there is one; but the
# latent is compressed, a signed square root of the spectrum to begin with, so that the mean of two
# latents is not the latent of the mean. Where one is loud and the other silent, a quarter of the
# amplitude is left instead of half:

# %%

latents = [model.quantizer.decode(codes[name]) for name in ("a woman", "music")]
halfway = {
    "mean of the samples": (decode(codes["a woman"]) + decode(codes["music"]))[0] / 2,
    "mean of the latents": model.synthesize((latents[0] + latents[1]) / 2)[0].detach(),
}
for name, x in halfway.items():
    print(f"{name:20} level {metrics.rms_db(x).mean().item():6.1f} dB")
display.player(halfway, rate)

# %% [markdown]
# Pitfalls
# --------
#
# - *Codes are labels.* A network that predicts them needs an embedding for each, not their value,
#   and a loss that does not know 17 to be near 18.
# - *An entropy from few frames.* Where frames are not many times the entries, the measured entropy
#   is too low: the die above shows by how much.
# - *Equal codes, equal sound?* Many tables decode to nearly the same sound. Two encoders, or two
#   efforts of one, may differ in half the codes and in nothing that can be heard.
#
# Try this
# --------
#
# - Shuffle the frames of the last eight rows: how much does it take to hear it?
# - Reverse the table in time. Why is the voice not simply played backwards?
# - Encode the same clip one sample later and count the codes that stay.
#
# References
# ----------
#
# - \A. van den Oord, O. Vinyals, K. Kavukcuoglu, *Neural Discrete Representation Learning*, NeurIPS
#   2017, `doi:10.48550/arXiv.1711.00937 <https://doi.org/10.48550/arXiv.1711.00937>`__.
# - \N. Zeghidour, A. Luebs, A. Omran, J. Skoglund, M. Tagliasacchi, *SoundStream: An End-to-End
#   Neural Audio Codec*, IEEE/ACM TASLP 30, 2022, `doi:10.1109/TASLP.2021.3129994
#   <https://doi.org/10.1109/TASLP.2021.3129994>`__.
