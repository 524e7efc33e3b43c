# %% [markdown]
"""
Random recipes: draw, freeze, replay
====================================

Training wants another version of every recording in every epoch, and whoever debugs a training
wants exactly the version of item 1741 in epoch 3 back. This page writes a recipe, draws from it,
reads what was drawn, plays it again from plain text, and shows that an item's sound depends on
nothing but its own seed.

**What you will hear.** A voice, and four of its infinitely many neighbours; the same draw with one
number changed by hand; and a noisy voice beside its clean twin.
"""

# %%

import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from audiolab import augment, display, metrics, signals
from audiolab.augment import Choice, LogUniform, Uniform

display.use_style()
speech, rate = signals.clip("speech_female")
speech = speech[:, : 3 * rate]

# %% [markdown]
# A recipe
# --------
#
# **What may change, and how far?** Where a function takes a number, its transform takes a
# distribution. :class:`~audiolab.augment.LogUniform` is for what the ear hears in ratios, such as
# frequencies. Compositions nest: here every item goes through a room three times out of four, gets
# noise always, and then *either* a telephone line *or* a lossy coder, or neither.

# %%

recipe = augment.Compose(
    [
        augment.PitchShift(semitones=Uniform(-3, 3), p=0.5),
        augment.RoomSimulation(absorption=Uniform(0.15, 0.6), p=0.75),
        augment.AddColoredNoise(snr_db=Uniform(5, 25), exponent=Choice([0, 1, 2])),
        augment.OneOf(
            [augment.Telephone(), augment.LossyCodec(codec="opus", bit_rate=8000)], p=0.5
        ),
        augment.HighPass(cutoff_hz=LogUniform(40, 300), sections=1),
        augment.NormalizePeak(level_db=-3.0),
    ]
)

# %% [markdown]
# Draw
# ----
#
# **What will happen?** Drawing and applying are two steps. A draw is a dictionary an item, of what
# JSON has and nothing else, so that it can be printed, logged and compared.

# %%

params = recipe.draw_items([1, 2, 3, 4])
print(json.dumps(params[0], indent=1)[:730], "...")

# %% [markdown]
# Apply
# -----
#
# **What does it sound like?** One call does a batch. Each transform runs once for all the items
# that drew it, each item with its own numbers.

# %%

batch = speech.expand(4, 1, -1)
result = recipe.apply(batch, rate, params)
for seed, each in enumerate(params, start=1):
    print(f"seed {seed}:", *[step["transform"] for step in each["steps"] if step["applied"]])
titles = ["as it was", "seed 1", "seed 2", "seed 3", "seed 4"]
display.player(dict(zip(titles, [speech, *result.waveform], strict=True)), rate)

# %% [markdown]
# Freeze and replay
# -----------------
#
# **Can I have seed 2 again, on another machine, next year?** The text is enough. It can also be
# edited: here the noise of the same draw is set to 0 dB, and all else stays.

# %%

text = json.dumps(params[1])
again = recipe.apply(speech, rate, [json.loads(text)])
print("the same samples:", torch.equal(again.waveform, result.waveform[1]))

edited = json.loads(text)
edited["steps"][2]["snr_db"] = 0.0
noisier = recipe.apply(speech, rate, [edited])

# sphinx_gallery_start_ignore
assert torch.equal(again.waveform, result.waveform[1])
assert params[1]["steps"][2]["transform"] == "add_colored_noise"
# sphinx_gallery_end_ignore

display.player({"seed 2": again.waveform, "seed 2, but 0 dB": noisier.waveform}, rate)

# %% [markdown]
# An item's seed, and nothing else
# --------------------------------
#
# **Does it matter who sits beside me?** Libraries that draw from one global generator give an item
# other parameters in a batch of 4 than in a batch of 2, and others again when a worker is added.
# Here :func:`~audiolab.augment.item_seed` makes a seed of run, item and epoch, and every number is
# a hash of that seed and of the parameter's place in the recipe:
#
# .. math:: u = 2^{-53} \, h(\text{seed}, \text{name}), \qquad \theta = F^{-1}(u),
#
# where :math:`h` is 53 bits of BLAKE2b and :math:`F^{-1}` the quantile function of the parameter's
# distribution. So there is no order of drawing that something could disturb.

# %%

seeds = [augment.item_seed(0, item, epoch=3) for item in range(6)]
voices = torch.stack([speech.roll(1000 * item, -1) for item in range(6)])
together = recipe(voices, rate, seeds=seeds).waveform
alone = recipe(voices[4], rate, seeds=seeds[4]).waveform
backwards = recipe(voices.flip(0), rate, seeds=seeds[::-1]).waveform
print("alone:    ", torch.equal(alone, together[4]))
print("reversed: ", torch.equal(backwards.flip(0), together))

# sphinx_gallery_start_ignore
assert torch.equal(alone, together[4])
assert torch.equal(backwards.flip(0), together)
# sphinx_gallery_end_ignore

# %% [markdown]
# To the last bit, on the CPU, whatever the order, the padding, the worker or the number of threads.
#
# What distributions draw
# -----------------------
#
# **Are the draws what was asked for?** Two thousand items, and what they drew for three
# parameters: flat, flat on a logarithmic axis, and bell-shaped between two ends.

# %%

shapes = {
    "snr_db: Uniform(5, 20)": augment.AddColoredNoise(snr_db=Uniform(5, 20)),
    "cutoff_hz: LogUniform(100, 6400)": augment.LowPass(cutoff_hz=LogUniform(100, 6400)),
    "gain_db: Normal(0, 3)": augment.Gain(gain_db=augment.Normal(0, 3)),
}
_, axes = plt.subplots(1, 3, figsize=(9, 2.6), layout="constrained")
for ax, (title, transform) in zip(axes, shapes.items(), strict=True):
    drawn = [each[title.split(":")[0]] for each in transform.draw(2000, generator=0)]
    ax.hist(torch.tensor(drawn).log2() if "Log" in title else drawn, bins=24)
    ax.set(title=title, xlabel="log2 of Hz" if "Log" in title else "dB", ylabel="items")

# %% [markdown]
# A file that people write
# ------------------------
#
# **How do I share it?** As a few lines of YAML. A wrong one is answered with the field's name; and
# ``audiolab augment recipe.yaml voices/ --out augmented --copies 5`` runs it over files.

# %%

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "recipe.yaml")
    augment.save_recipe(path, recipe)
    print(path.read_text()[:560], "...")
    same = augment.load_recipe(path)
print("draws the same:", same.draw_items([1, 2, 3, 4]) == params)
try:
    augment.recipe_from_data({"recipe": 1, "transforms": [{"transform": "gain", "gain_db": 999}]})
except ValueError as error:
    print(error)

# sphinx_gallery_start_ignore
assert same.draw_items([1, 2, 3, 4]) == params
# sphinx_gallery_end_ignore

# %% [markdown]
# Labels and masks travel
# -----------------------
#
# **Where is the word now?** Transforms that move samples say where every stretch of the old time
# axis went. Labels with times and masks a sample follow; what was cut off loses its label.

# %%

moving = augment.Compose(
    [augment.Speed(factor=Uniform(0.8, 1.25)), augment.Shift(), augment.Reverse(p=0.3)]
)
spoken = [(0.25, 0.8, "first"), (1.3, 1.9, "second")]
targets = augment.Targets(labels=[spoken] * 3)
moved = moving(speech.expand(3, 1, -1), rate, seeds=[11, 12, 13], targets=targets)
_, axes = plt.subplots(4, 1, figsize=(9, 6), layout="constrained", sharex=True)
rows = [(speech, spoken), *zip(moved.waveform, moved.targets.labels, strict=True)]
for ax, (waveform, labels), title in zip(axes, rows, ["before", "a", "b", "c"], strict=True):
    display.plot_waveform(waveform, rate, ax=ax, title=title)
    for start_s, stop_s, label in labels:
        ax.axvspan(start_s, stop_s, alpha=0.3, color="C1" if label == "first" else "C2")

# %% [markdown]
# The clean twin
# --------------
#
# **What should an enhancer put out?** The same voice in the same place at the same level, without
# what was added. ``return_clean=True`` keeps it: level, time and pitch change with the noisy one;
# noise, rooms, filters and lines do not.

# %%

noisy = augment.Compose(
    [augment.Shift(), augment.AddColoredNoise(snr_db=6.0, exponent=1.0), augment.NormalizePeak()]
)
pair = noisy(speech, rate, seeds=5, return_clean=True)
ratio = metrics.snr_db(pair.clean, pair.waveform).item()
print(f"asked for 6 dB, measured {ratio:.3f} dB")

# sphinx_gallery_start_ignore
assert abs(ratio - 6.0) < 1e-3
# sphinx_gallery_end_ignore

display.player({"what comes in": pair.waveform, "what should come out": pair.clean}, rate)

# %% [markdown]
# Pitfalls
# --------
#
# - *One seed for all epochs.* Without ``epoch=`` every epoch trains on the same versions.
# - *An index that moves.* If the data set is filtered or shuffled on disk, the index of a file
#   changes, and with it its versions. A path within the data set is a better name for an item.
# - ``mode="per_batch"`` *is an exception.* All items share the first one's draw, so that an item's
#   result depends on who is first.
# - *Threads in workers.* A ``DataLoader``'s workers should run torch with one thread, which is what
#   they do by default; results are the same either way.
# - *Another length.* After ``Speed``, ``RandomCrop`` and their like, read ``result.lengths``: what
#   lies beyond is padding.
#
# Try this
# --------
#
# - Set ``p=0.0`` for the room in ``recipe``, draw again, and compare: which other numbers changed?
# - Give ``moving`` a mask: ``Targets(masks=...)`` with a value for each sample.
# - Write the recipe by hand, with a mistake in it, and read the error.
#
# References
# ----------
#
# - \M.-J. Saarinen and J.-P. Aumasson, *The BLAKE2 Cryptographic Hash and Message Authentication
#   Code*, RFC 7693, 2015, `doi:10.17487/RFC7693 <https://doi.org/10.17487/RFC7693>`__.
# - \T. Ko et al., *A study on data augmentation of reverberant speech for robust speech
#   recognition*, ICASSP 2017,
#   `doi:10.1109/ICASSP.2017.7953152 <https://doi.org/10.1109/ICASSP.2017.7953152>`__.
