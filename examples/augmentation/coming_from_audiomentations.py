# %% [markdown]
"""
Coming from audiomentations
===========================

Two libraries taught how to augment audio in Python: audiomentations for NumPy arrays, one at a
time, and torch-audiomentations for batches of tensors. This page migrates a typical recipe of each,
runs the result, and leads to a table of all their transforms with what to write here.

**What you will hear.** A voice before and after the migrated recipe, and three items of a batch.
"""

# %%

import tempfile
from pathlib import Path

import torch

from audiolab import augment, display, io, metrics, signals
from audiolab.augment import Uniform

display.use_style()
rate = 16_000
speech, _ = signals.clip("speech_male")
speech = io.decode(io.encode(speech, 24_000, format="wav"), sample_rate=rate, stop_s=3.0)[0]

# %% [markdown]
# The recipe, before
# ------------------
#
# **What did it look like?** Noise from a folder, a room, a gain, an equaliser, and a pitch shift
# for three items in ten. With audiomentations:
#
# .. code-block:: python
#
#    from audiomentations import (
#        AddBackgroundNoise, ApplyImpulseResponse, Compose, Gain, PitchShift, SevenBandParametricEQ,
#    )
#
#    recipe = Compose([
#        AddBackgroundNoise("noises", min_snr_db=5, max_snr_db=20, p=1.0),
#        ApplyImpulseResponse("rooms", p=1.0),
#        Gain(min_gain_db=-12, max_gain_db=6, p=1.0),
#        SevenBandParametricEQ(min_gain_db=-6, max_gain_db=6, p=1.0),
#        PitchShift(min_semitones=-2, max_semitones=2, p=0.3),
#    ])
#    augmented = recipe(samples=samples, sample_rate=16_000)      # one array, global randomness
#
# With torch-audiomentations, as far as it has them:
#
# .. code-block:: python
#
#    from torch_audiomentations import (
#        AddBackgroundNoise, ApplyImpulseResponse, Compose, Gain, PitchShift,
#    )
#
#    recipe = Compose([
#        AddBackgroundNoise("noises", min_snr_in_db=5, max_snr_in_db=20, p=1.0),
#        ApplyImpulseResponse("rooms", p=1.0),
#        Gain(min_gain_in_db=-12, max_gain_in_db=6, p=1.0),
#        PitchShift(-2, 2, p=0.3, sample_rate=16_000),
#    ])
#    augmented = recipe(batch, sample_rate=16_000)["samples"]     # (batch, channels, time)
#
# A folder of noises and one of rooms, for the page to have some:

# %%

folder = tempfile.TemporaryDirectory()
noises, rooms = Path(folder.name, "noises"), Path(folder.name, "rooms")
for place in (noises, rooms):
    place.mkdir()
babble = signals.babble(6.0, rate, generator=1).float()
io.save(noises / "babble.wav", 0.3 * babble.reshape(1, -1) / babble.abs().max(), rate)
hall = augment.RoomSimulation(length_m=9.0, width_m=7.0, absorption=0.2)
click = torch.zeros(1, rate)
click[0, 0] = 0.5
io.save(rooms / "hall.wav", hall(click, rate, seeds=2).waveform, rate, encoding="float32")

# %% [markdown]
# The recipe, after
# -----------------
#
# **What do I write now?** The names are the same as far as they fit. Every pair of ``min_`` and
# ``max_`` is one distribution, ``p`` is 1 unless it is said, and the seed is an argument.

# %%

recipe = augment.Compose(
    [
        augment.AddBackgroundNoise(source=noises, snr_db=Uniform(5, 20)),
        augment.ApplyImpulseResponse(source=rooms),
        augment.Gain(gain_db=Uniform(-12, 6)),
        augment.SevenBandEqualizer(gain_db=Uniform(-6, 6)),
        augment.PitchShift(semitones=Uniform(-2, 2), p=0.3),
    ]
)
result = recipe(speech, rate, seeds=3)
after = augment.normalize_peak(result.waveform, -3.0)
display.player({"before": speech, "after": after}, rate)

# %% [markdown]
# A batch is a batch: one call, and every item as if it were alone.

# %%

batch = speech.expand(3, 1, -1)
result = recipe(batch, rate, seeds=[3, 5, 7])
for each in result.params:
    noise, _, gain, _, pitch = each["steps"]
    shift = f"{pitch['semitones']:+.1f} semitones" if pitch["applied"] else "pitch as it was"
    print(f"noise at {noise['snr_db']:.1f} dB, {gain['gain_db']:+.1f} dB, {shift}")
tracks = augment.normalize_peak(result.waveform, -3.0)

# sphinx_gallery_start_ignore
alone = recipe(speech, rate, seeds=5).waveform
assert torch.equal(alone, result.waveform[1])
assert torch.equal(after, tracks[0])
# sphinx_gallery_end_ignore

display.player({f"item {i}": track for i, track in enumerate(tracks)}, rate)

# %% [markdown]
# In a data set
# -------------
#
# **Where does it go?** Where it was: into ``__getitem__``, or behind the loader on whole batches.
# The seed says which item it is, so that both give the same samples, with any number of workers.
#
# .. code-block:: python
#
#    def __getitem__(self, index):
#        waveform, rate = audiolab.io.load(self.files[index], sample_rate=16_000, num_channels=1)
#        seed = augment.item_seed(self.seed, index, epoch=self.epoch)
#        return self.recipe(waveform, rate, seeds=seed).waveform
#
# Does the SNR hold?
# ------------------
#
# **Is 12 dB 12 dB?** Measured from the outside, as the clean twin lets one do:

# %%

exact = augment.AddBackgroundNoise(source=noises, snr_db=12.0)
pair = exact(speech, rate, seeds=1, return_clean=True)
measured = metrics.snr_db(pair.clean, pair.waveform).item()
print(f"asked for 12 dB, measured {measured:.4f} dB")

# sphinx_gallery_start_ignore
assert abs(measured - 12.0) < 1e-4
# sphinx_gallery_end_ignore

# %% [markdown]
# Theirs and ours
# ---------------
#
# All of both libraries' transforms stand beside ours in
# :doc:`the table of names </guide/augmentation_names>`.

# %%

names = [each for each in dir(augment) if isinstance(getattr(augment, each), type)]
transforms = [each for each in names if issubclass(getattr(augment, each), augment.Transform)]
print(len(transforms), "of them:", *transforms, sep="\n  ")

# sphinx_gallery_start_ignore
folder.cleanup()
# sphinx_gallery_end_ignore

# %% [markdown]
# Pitfalls
# --------
#
# - *p.* There it is 0.5 unless said, here it is 1.
# - *Seeds.* ``random.seed`` and ``torch.manual_seed`` change nothing here: without ``seeds=`` or
#   ``generator=`` every call draws afresh.
# - *Lengths.* ``TimeStretch`` and ``Speed`` change them; ``keep_length=True`` does not.
# - *Clipping.* Nothing is clipped between transforms, nor at the end: close a recipe with
#   ``NormalizePeak(level_db=-1.0, only_louder=True)`` where files are written.
# - *SNR before the room.* In the recipe above the room is added to voice and noise alike. Put it
#   first where the noise stands beside the microphone.
#
# Try this
# --------
#
# - Save the recipe with :func:`audiolab.augment.save_recipe`, and run ``audiolab augment`` with it.
# - Add ``targets=`` with the times of words, and ``Speed`` to the recipe.
# - Run the batch with ``seeds=[7, 5, 3]``: which samples change?
#
# References
# ----------
#
# - \I. Jordal, `audiomentations <https://github.com/iver56/audiomentations>`__, version 0.43, 2025.
# - \I. Jordal, H. Bredin et al., `torch-audiomentations
#   <https://github.com/iver56/torch-audiomentations>`__, version 0.12, 2025.
