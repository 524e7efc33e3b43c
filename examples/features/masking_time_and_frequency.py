# %% [markdown]
"""
Masking time and frequency
==========================

SpecAugment hides stripes of a spectrogram from a network in training, so that it learns to do
without any single one of them. This page draws the stripes, finds what to fill them with, what the
fill has to do with the other items of a batch, and how much of a word a stripe really takes away.

**What you will hear.** A sentence with gaps in time, with gaps in frequency, and with both: what
the network is asked to understand.
"""

# %%

import matplotlib.pyplot as plt
import torch
import torchaudio

import audiolab.io as audio_io
from audiolab import display, features, signals

display.use_style()

rate = 16_000
waveform, _ = audio_io.load(signals.clip_path("speech"), sample_rate=rate, stop_s=3.0)
speech = waveform[0]
sizes = {"n_fft": 1024, "hop_length": 160}
level = features.log_mel_spectrogram(speech, rate, n_mels=80, **sizes)
axis = {"hop_length": 160, "frequencies_hz": features.mel_frequencies(rate, n_mels=80)}

# %% [markdown]
# Stripes
# -------
#
# **What is masked?** A stripe of :math:`w` frames, drawn evenly from 0 to some largest :math:`W`,
# at a place drawn evenly from those where it fits; and the same over frequency. Two lines:

# %%


def stripe(size, widest, generator):
    width = torch.randint(widest + 1, (1,), generator=generator)
    start = torch.randint(size - int(width) + 1, (1,), generator=generator)
    return (torch.arange(size) >= start) & (torch.arange(size) < start + width)


generator = torch.Generator().manual_seed(3)
in_time = stripe(301, 40, generator) | stripe(301, 40, generator)
in_frequency = stripe(80, 16, generator) | stripe(80, 16, generator)
masked = in_time[None, :] | in_frequency[:, None]
for name, mask in {"frames": in_time, "bands": in_frequency, "cells": masked}.items():
    print(f"hidden: {mask.float().mean():.0%} of the {name}")

# sphinx_gallery_start_ignore
assert level.shape == (80, 301)
assert 0.15 < masked.float().mean() < 0.35
# sphinx_gallery_end_ignore

# %% [markdown]
# Draws come from a generator of one's own, so that data loading can be repeated. (torchaudio's
# ``TimeMasking``, ``FrequencyMasking`` and ``SpecAugment`` draw from the global seed.)
#
# What to fill them with
# ----------------------
#
# **Is zero nothing?** In power it is. In decibels it is a level like any other, 0 dB, and in speech
# a loud one: louder than nearly all cells.

# %%

louder = (level < 0).float().mean()
print(f"0 dB is above {louder:.0%} of the cells; their mean is {level.mean():.1f} dB")

fills = {"0 dB": 0.0, "the floor": level.min(), "the item's mean": level.mean()}
_, panels = plt.subplots(4, 1, figsize=(7.6, 8.5), sharex=True, layout="constrained")
display.plot_feature(level, rate, title="Log-mel, as it was", ax=panels[0], **axis)
for panel, (name, fill) in zip(panels[1:], fills.items(), strict=True):
    filled = torch.where(masked, fill, level)
    limits = (float(level.min()), float(level.max()))
    title = f"Masked with {name}: the mean moves by {filled.mean() - level.mean():+.1f} dB"
    display.plot_feature(filled, rate, title=title, ax=panel, limits=limits, **axis)

# sphinx_gallery_start_ignore
moves = [float((torch.where(masked, f, level)).mean() - level.mean()) for f in fills.values()]
assert louder > 0.9
assert moves[0] > 5
assert moves[1] < -4
assert abs(moves[2]) < 1
# sphinx_gallery_end_ignore

# %% [markdown]
# Filled with zeros, a stripe is a loud noise. Filled with the floor it is silence, which is also
# information: no pause in speech has such edges. The mean says least, and moves the statistics of a
# normalised feature least. After a normalisation to mean 0, zero *is* the mean: normalise first,
# then mask.
#
# Whose mean?
# -----------
#
# **Does one item change another?** ``torchaudio.transforms.SpecAugment`` fills with the mean, of
# the whole batch. The same sentence, once beside its like and once beside a loud neighbour:

# %%

augment = torchaudio.transforms.SpecAugment(
    n_time_masks=2, time_mask_param=40, n_freq_masks=2, freq_mask_param=16
)
values = {}
for name, neighbour in {"its like": level, "a neighbour 40 dB louder": level + 40}.items():
    torch.manual_seed(0)
    item = augment(torch.stack([level, neighbour]))[0]
    values[name] = item[item != level][0].item()
    print(f"beside {name}: masked with {values[name]:.1f} dB")

# sphinx_gallery_start_ignore
like, loud = values.values()
assert abs(loud - like - 20) < 0.1
# sphinx_gallery_end_ignore

# %% [markdown]
# Half of the neighbour's 40 dB leak in. It is no disaster in training; it is one when a test
# compares a batch with its items, and a puzzle when results depend on how data was sorted. One mean
# for each item costs nothing: ``level.mean((-2, -1), keepdim=True)``.
#
# What is taken away
# ------------------
#
# **Could you do it?** The same stripes in a spectrogram that can be heard. Bands become the bins
# between their edges, and what is masked is silent:

# %%

spectrum = features.spectrogram(speech, power=None, **sizes)
bins_mel = features.hz_to_mel(torch.linspace(0, rate / 2, 513))
band = (bins_mel / bins_mel[-1] * 81 - 0.5).clamp(0, 79).long()
tracks = {"as it was": speech}
for name, hidden in {
    "gaps in time": in_time[None, :],
    "gaps in frequency": in_frequency[band][:, None],
    "both": in_time[None, :] | in_frequency[band][:, None],
}.items():
    kept = spectrum * ~hidden
    tracks[name] = features.inverse_spectrogram(kept, length=len(speech), **sizes)
    lost = 1 - tracks[name].square().sum() / speech.square().sum()
    print(f"{name}: {lost:.0%} of the energy is gone")

# sphinx_gallery_start_ignore
for track in tracks.values():
    assert len(track) == len(speech)
# sphinx_gallery_end_ignore
display.player(tracks, rate)

# %% [markdown]
# A gap in frequency dulls the voice and spares the words; a gap in time takes a syllable and leaves
# it to the context. Where you can still follow, a network can be asked to. Stripes as wide as a
# whole word teach it to guess.

# %%

gone = [tracks["as it was"], tracks["both"]]
display.plot_comparison(
    gone, rate, ["As it was", "Both"], kind="spectrogram", frequency_scale="mel"
)

# %% [markdown]
# Pitfalls
# --------
#
# - *Masks at test time.* They belong into training only. In a module, ask ``self.training``.
# - *One mask for all.* ``torchaudio.functional.mask_along_axis`` gives a whole batch one stripe,
#   ``mask_along_axis_iid`` one to each item, and to each channel of stereo another one: what is
#   hidden on the left can be read on the right.
# - *Short items.* :math:`W` frames of a word that has 50 are most of the word. Bound the width by a
#   share of the length.
# - *Padding.* Stripes in the padding of a batch hide nothing. Draw places within each item's
#   length.
# - *Masks before the mean.* Statistics for normalisation are taken of features without masks.
#
# Try this
# --------
#
# - Set the largest width to 100 frames and listen again: what would a network learn from that?
# - Put masks into the training of the page on
#   :ref:`six words <sphx_glr_auto_examples_features_six_words_and_a_classifier.py>`, with 30 words.
# - Use ``signals.clip("music")``: why is a gap in frequency so much harder to hear?
#
# References
# ----------
#
# - \D. S. Park et al., *SpecAugment: A Simple Data Augmentation Method for Automatic Speech
#   Recognition*, Interspeech 2019, `doi:10.21437/Interspeech.2019-2680
#   <https://doi.org/10.21437/Interspeech.2019-2680>`__.
# - \D. S. Park et al., *SpecAugment on Large Scale Datasets*, ICASSP 2020,
#   `doi:10.1109/ICASSP40776.2020.9053205 <https://doi.org/10.1109/ICASSP40776.2020.9053205>`__.
