# %% [markdown]
"""
Train your own codec
====================

This page trains a neural codec while it is built: a small one, on two voices, a song and some
noises, for less than a minute of one processor core. It is bad, and it shows everything that a good
one needs: a configuration, losses that fall, codebooks that stay alive, and a checkpoint to go on
from.

**What you will hear.** Voice and music before training, after it, and by the model that the package
brings, which trained for seventy minutes.
"""

# %%

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from audiolab import codec, display, metrics, resample, signals
from audiolab.codec.training import Trainer, TrainingConfig, WaveformSource

display.use_style()
torch.set_num_threads(1)

rate = 24_000
folder = Path(tempfile.mkdtemp())

# %% [markdown]
# What a run is made of
# ---------------------
#
# **What has to be said?** A model and a length, and whatever should differ from the defaults. A
# configuration is plain data: the same lines in a YAML file make the command
# ``audiolab codec train my.yaml --data songs/ --out run`` do the same to a folder of audio. This
# model has the backbone of the bundled one, an MDCT with small networks around it, whose linear
# parts pass a band of the waveform before anything is learnt.

# %%

config = TrainingConfig.from_dict({
    "model": {
        "preset": "audiolab_24khz", "name": "my_codec", "target_bandwidths": [1.2, 4.8],
        "codebook_size": 256,
        "mdct": {"width": 64, "hidden": 128, "encoder_blocks": 1, "decoder_blocks": 2},
    },
    "steps": 240, "batch_size": 4, "segment_s": 0.6, "log_every": 10,
    "quantizer": {"codebooks": [2, 4, 8]},
    "average": {"start": 0.8},
    "checkpoints": {"validation_batches": 1, "samples": 0},
})  # fmt: skip
print(f"{config.model.num_codebooks} codebooks of {config.model.codebook_size}")

# %% [markdown]
# Something to learn from
# -----------------------
#
# **How much audio is needed?** Hours, of everything that it shall code. ``python -m
# audiolab.codec.training.data`` renders as much as one likes. Here it is half a minute, and the
# last seconds of each clip are kept back to judge by.

# %%

clips = {}
for name in ["speech_female", "speech_male", "music"]:
    x, its_rate = signals.clip(name)
    clips[name] = resample.resample(x.mean(0, keepdim=True), its_rate, rate)
kept = {name: x[:, -int(2.5 * rate) :] for name, x in clips.items()}
known = [x[:, : -int(2.5 * rate)] for x in clips.values()]
known.append(0.1 * signals.pink_noise(3.0, rate, generator=0)[None])
known.append(0.2 * signals.harmonic_tone(220.0, 3.0, rate)[None])
source = WaveformSource(known, config.num_samples, seed=0)

# %% [markdown]
# Training
# --------
#
# **What happens in a step?** A batch goes through encoder, quantiser and decoder, the losses
# compare what comes out, AdamW moves the weights, and the codebooks follow the vectors that chose
# them. The trainer tells what it does by events.

# %%

events = []
before = codec.EncodecModel.from_config(config.model, generator=config.seed)
trainer = Trainer(config, source, folder / "run", on_event=events.append)
trainer.run()
after = codec.EncodecModel.from_pretrained(folder / "run" / "model")
print(*sorted(path.name for path in (folder / "run").iterdir()))

# %%

curve = [event for event in events if event.kind == "progress"]
_, panels = plt.subplots(1, 3, figsize=(12, 3), layout="constrained")
for panel, name in zip(panels, ["time", "log_mel", "commitment"], strict=True):
    panel.plot([each.step for each in curve], [each.values[name] for each in curve])
    panel.set(title=name.replace("_", " "), xlabel="Step", ylabel="Loss")
    panel.set_ylim(bottom=0)

# sphinx_gallery_start_ignore
assert curve[-1].values["log_mel"] < 0.8 * curve[0].values["log_mel"]
assert curve[-1].values["time"] < curve[0].values["time"]
# sphinx_gallery_end_ignore

# %% [markdown]
# The waveform comes first: the spectral losses are held back in the beginning. While a share of the
# items goes around the quantiser, in the first quarter, the decoder learns what a clean latent is.
#
# Before and after
# ----------------
#
# **Was it worth a minute?** The kept seconds, which nobody learnt from. Before training there are
# no codebooks, so that the latent is passed as it is, without quantisation:

# %%

bundled = codec.EncodecModel.from_pretrained("audiolab_24khz")


def roundtrip(model, x, bandwidth):
    model.set_target_bandwidth(bandwidth)
    return model.decode(model.encode(x[None], effort=8))[0, :, : x.shape[-1]]


heard = {}
for name in ["speech_female", "music"]:
    x = kept[name]
    with torch.no_grad():
        untrained = before.synthesize(before.latent(x[None]))[0, :, : x.shape[-1]]
    heard[name] = {"original": x, "before training": untrained}
    heard[name]["after, 4.8 kbps"] = roundtrip(after, x, 4.8)
    heard[name]["bundled model, 6 kbps"] = roundtrip(bundled, x, 6.0)

# %%

for name, tracks in heard.items():
    for title, y in list(tracks.items())[1:]:
        distance = metrics.mel_distance_db(tracks["original"], y, rate).item()
        ratio = metrics.si_sdr_db(tracks["original"], y).item()
        print(f"{name:14} {title:22} mel distance {distance:4.1f} dB, SI-SDR {ratio:5.1f} dB")
display.player(heard["speech_female"], rate)

# %% [markdown]
# And music:

# %%

# sphinx_gallery_start_ignore
for tracks in heard.values():
    distances = [
        metrics.mel_distance_db(tracks["original"], y, rate).item() for y in tracks.values()
    ]
    assert distances[3] < distances[2] < distances[1]
# sphinx_gallery_end_ignore
display.player(heard["music"], rate)

# %% [markdown]
# Are the codebooks alive?
# ------------------------
#
# **What does a collapse look like?** All frames choose the same few entries, and the losses stop
# falling. Entries that are hardly chosen any more are replaced by vectors of the batch, and the
# trainer warns when too few are left, when the latent shrinks to nothing, or when the output falls
# silent. A warning from the first steps may pass: codebooks start from one batch.

# %%

after.set_target_bandwidth(4.8)
codes = torch.cat([after.encode(x[None])[0][0][0] for x in known], dim=1)
used = [len(row.unique()) for row in codes]
print(f"entries used of {config.model.codebook_size}, stage by stage: {used}")
for event in events:
    if event.kind == "warning":
        print(f"warned at step {event.step}: {event.text}")

# sphinx_gallery_start_ignore
assert min(used) > 64
assert all(event.step < 120 for event in events if event.kind == "warning")
# sphinx_gallery_end_ignore

# %% [markdown]
# Pitfalls
# --------
#
# - *A SEANet from default weights.* Each layer shrinks the signal by a third, the latent collapses,
#   and nothing is learnt in any reasonable time; ``initialization: unit_variance`` mends that.
# - *Averages of weights without their codebooks.* Averaged weights and codebooks of the last step
#   do not fit. The trainer averages both, and late.
# - *Two threads that fight.* On a shared machine one thread a process is faster; the command's
#   default is one.
#
# Try this
# --------
#
# - Set ``"steps": 2400``: where do the curves bend?
# - ``audiolab codec train audiolab_24khz --data songs/ --out run --minutes 10`` trains the bundled
#   model's kind on your audio; ``--resume`` goes on after Ctrl-C.
# - Add ``"adversary": {}`` and watch the steps per second.
#
# References
# ----------
#
# - \A. Défossez, J. Copet, G. Synnaeve, Y. Adi, *High Fidelity Neural Audio Compression*, 2022,
#   `doi:10.48550/arXiv.2210.13438 <https://doi.org/10.48550/arXiv.2210.13438>`__.
# - \Z. Liu et al., *A ConvNet for the 2020s*, CVPR 2022, `doi:10.1109/CVPR52688.2022.01167
#   <https://doi.org/10.1109/CVPR52688.2022.01167>`__: the blocks of the networks.
