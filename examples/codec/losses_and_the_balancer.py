# %% [markdown]
"""
Losses, and the balancer
========================

A codec becomes what its losses reward. This page damages a voice in six ways and asks six losses
what they notice, looks at the gradients that two of them send back, and shows what the gradient
balancer of the EnCodec paper does about losses that shout.

**What you will hear.** A voice: delayed, filtered, hissing, with its phases lost, twice as soft,
and of 8 bits. Some sound alike to you and not to a loss, and the other way round.
"""

# %%

import matplotlib.pyplot as plt
import torch

from audiolab import augment, display, effects, features, signals
from audiolab.codec.training import (
    Balancer,
    MultiScaleSTFTDiscriminator,
    SpectralLosses,
    feature_loss,
    time_l1,
)

display.use_style()

rate = 24_000
voice = signals.clip("speech_female")[0][None, :, : 3 * rate]  # (batch, channels, time)

# %% [markdown]
# Six damages
# -----------
#
# **What can be wrong with a waveform?** A delay of a millisecond is heard by nobody. A robot's
# voice has the magnitudes of the original, and phases that `griffin_lim` made up.

# %%

power = features.spectrogram(voice[0], n_fft=1024, hop_length=256)
robot = features.griffin_lim(power, n_fft=1024, hop_length=256, length=voice.shape[-1])
hiss = signals.white_noise(3.0, rate, generator=0)[None, None]
damaged = {
    "delayed by 1 ms": voice.roll(24, -1),
    "low-pass 3.4 kHz": effects.lowpass(voice, rate, cutoff_hz=3400.0),
    "white noise, 20 dB": augment.add_noise(voice, hiss, 20.0),
    "phases lost": robot[None],
    "twice as soft": voice / 2,
    "8 bits": augment.reduce_bit_depth(voice, 8),
}
display.player({"original": voice[0], **{name: x[0] for name, x in damaged.items()}}, rate)

# %% [markdown]
# What each loss notices
# ----------------------
#
# **Which loss minds which damage?** Each loss is measured in units of what it gives for silence, so
# that the columns can be compared: 1 is as bad as nothing at all.

# %%

spectral = SpectralLosses(rate)


def measure(estimate):
    return {"time": time_l1(voice, estimate), **spectral(voice, estimate)}


silence = measure(torch.zeros_like(voice))
table = {
    name: {loss: float(value / silence[loss]) for loss, value in measure(x).items()}
    for name, x in damaged.items()
}
losses = list(silence)
grid = torch.tensor([[table[name][loss] for loss in losses] for name in damaged])

# %%

_, panel = plt.subplots(figsize=(9, 3.8), layout="constrained")
panel.imshow(grid.clamp(max=1.5).numpy(), aspect="auto", cmap="magma_r", vmin=0, vmax=1.5)
for row, column in torch.cartesian_prod(torch.arange(len(damaged)), torch.arange(len(losses))):
    value = grid[row, column].item()
    color = "white" if value > 0.75 else "black"
    panel.text(column, row, f"{value:.2f}", ha="center", va="center", color=color)
panel.set_xticks(range(len(losses)), [name.replace("_", " ") for name in losses])
panel.set_yticks(range(len(damaged)), list(damaged))
panel.set_title("Losses of six damages, as shares of the loss of silence")
panel.tick_params(length=0)

# sphinx_gallery_start_ignore
lost, late = table["phases lost"], table["delayed by 1 ms"]
magnitudes = ("mel", "log_mel", "log_stft", "convergence")
assert max(each[loss] for each in (lost, late) for loss in magnitudes) < 0.15
assert min(each[loss] for each in (lost, late) for loss in ("time", "complex_stft")) > 1
assert table["white noise, 20 dB"]["time"] < 0.15
assert table["white noise, 20 dB"]["log_stft"] > 0.7
# sphinx_gallery_end_ignore

# %% [markdown]
# The robot, and the delay, are nearly perfect to every loss on magnitudes, and worse than silence
# to those that see the waveform. A codec that is trained on magnitudes alone becomes such a robot,
# with an excellent mel distance. The other way round, the mean difference of samples hardly minds a
# hiss of 20 dB, which fills every pause. A recipe has both kinds, and lets the waveform come first.
#
# Gradients have sizes of their own
# ---------------------------------
#
# **What does a weight weigh?** Two losses may differ by a factor of hundred in their gradients, and
# the factor changes as training goes on. Here are the gradients of three losses towards the samples
# of a noisy voice:

# %%

output = damaged["white noise, 20 dB"].clone().requires_grad_()
found = {"time": time_l1(voice, output), **spectral(voice, output)}
chosen = ["time", "log_mel", "complex_stft"]
pulls = {name: torch.autograd.grad(found[name], output, retain_graph=True)[0] for name in chosen}
for name, pull in pulls.items():
    print(f"{name:13} loss {found[name].item():6.3f}, norm of its gradient {pull.norm():.2e}")

# %%

_, panels = plt.subplots(len(chosen), 1, figsize=(9, 5), layout="constrained", sharex=True)
window = slice(int(1.0 * rate), int(1.03 * rate))
time_ms = torch.arange(window.start, window.stop) / rate * 1000
for panel, (name, pull) in zip(panels, pulls.items(), strict=True):
    panel.plot(time_ms, pull[0, 0, window], linewidth=0.9)
    panel.set(title=f"Gradient of {name.replace('_', ' ')}", ylabel="Per sample")
panels[-1].set_xlabel("Time (ms)")

# %% [markdown]
# The balancer
# ------------
#
# **Can a weight mean a share?** Instead of adding losses, the balancer adds their gradients, each
# divided by a moving average of its norm:
#
# .. math:: G = R \sum_i \frac{w_i}{\sum_j w_j} \frac{g_i}{\langle \| g_i \| \rangle} .
#
# A loss that is made a hundred times larger then pulls no harder. Below, the share of one gradient
# in the sum, without and with the balancer, for three sizes of its loss:

# %%


pull_time, pull_mel = pulls["time"], pulls["log_mel"]
directions = torch.stack([pull_time.flatten(), pull_mel.flatten()], dim=1)
directions = directions / directions.norm(dim=0)
for factor in [0.01, 1, 100]:
    by_size = factor * pull_mel.norm() / (factor * pull_mel.norm() + pull_time.norm())
    scaled = {"time": found["time"], "log_mel": factor * found["log_mel"]}
    balanced = Balancer({"time": 1.0, "log_mel": 3.0}).gradient(scaled, output).flatten()
    part = torch.linalg.lstsq(directions, balanced[:, None]).solution[:, 0]
    by_weight = part[1] / part.sum()
    print(f"log mel x {factor:6g}: {by_size:6.1%} of the plain sum, {by_weight:6.1%} balanced")

# sphinx_gallery_start_ignore
assert abs(by_weight - 0.75) < 1e-3
assert by_size > 0.99
# sphinx_gallery_end_ignore

# %% [markdown]
# Weights of 1 and 3 are shares of a quarter and three quarters, whatever the losses' units.
#
# A loss that learns
# ------------------
#
# **What else can say that something is wrong?** A discriminator looks at complex spectra of several
# resolutions and learns to tell originals from decoded sound; the codec learns to pass. Besides its
# verdict, the activations of its layers serve as a distance, the feature loss. Even before it has
# learnt anything, five random networks see all of the damages:

# %%

torch.manual_seed(0)
judge = MultiScaleSTFTDiscriminator(num_filters=8)
with torch.no_grad():
    real = judge(voice)
    for name, x in damaged.items():
        print(f"{name:20} feature loss {feature_loss(real, judge(x)).item():6.3f}")

# %% [markdown]
# Pitfalls
# --------
#
# - *The best mel distance wins nothing.* It is nearly the loss that was trained. Judge by measures
#   that were not, such as PESQ and STOI, and by ear.
# - *A phase loss that is too early.* Complex losses pull towards zero where phases are random: a
#   model that starts from noise learns to be silent. Start from a model that passes a waveform.
# - *Balancing noise.* A loss that has been solved has a tiny gradient, which the balancer makes
#   large again. Give it a small weight, or leave it out.
#
# Try this
# --------
#
# - Add ``voice.flip(-1)`` to the damages: which losses see that time runs backwards?
# - Delay by a tenth of a sample with ``effects.delay``: from where on does the complex loss mind?
# - Train with another recipe: ``audiolab codec train my.yaml``, with ``losses: {time: 0}``.
#
# References
# ----------
#
# - \A. Défossez, J. Copet, G. Synnaeve, Y. Adi, *High Fidelity Neural Audio Compression*, 2022,
#   section 3.4, `doi:10.48550/arXiv.2210.13438 <https://doi.org/10.48550/arXiv.2210.13438>`__.
# - \R. Yamamoto, E. Song, J.-M. Kim, *Parallel WaveGAN*, ICASSP 2020,
#   `doi:10.1109/ICASSP40776.2020.9053795 <https://doi.org/10.1109/ICASSP40776.2020.9053795>`__:
#   spectral convergence and log magnitudes at several resolutions.
