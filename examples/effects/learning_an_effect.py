# %% [markdown]
"""
Learning an effect
==================

Someone has set an equaliser and a compressor, and only the sound is left. This page turns the knobs
by gradient descent until the log-spectra agree, and compares the knobs with the true ones.

**What you will hear.** Music before and after an unknown equaliser, and after the one that was
learnt; then the same for speech and a compressor.
"""

# %%

import matplotlib.pyplot as plt
import torch

import audiolab.io as audio_io
from audiolab import display, effects, features, metrics, signals

display.use_style()
rate = 16_000
options = {"sample_rate": rate, "num_channels": 1}
music = audio_io.load(signals.clip_path("music"), stop_s=3.0, **options)[0][0]
speech = audio_io.load(signals.clip_path("speech"), stop_s=2.0, **options)[0][0]

# %% [markdown]
# An unknown equaliser
# --------------------
#
# **What is known?** The music, and what came out. Inside are four bands with three knobs each. They
# are kept in a dictionary here so that their truth can be looked up at the end, and for nothing
# else.

# %%


def equalize(waveform, knobs):
    for hertz, gain_db, q in zip(knobs["center_hz"], knobs["gain_db"], knobs["q"], strict=True):
        waveform = effects.equalizer(waveform, rate, center_hz=hertz, gain_db=gain_db, q=q)
    return waveform


true_bands = {
    "center_hz": torch.tensor([150.0, 700.0, 2200.0, 5000.0]),
    "gain_db": torch.tensor([6.0, -9.0, 4.0, -6.0]),
    "q": torch.tensor([0.8, 1.5, 1.0, 2.0]),
}
target = equalize(music, true_bands)

# %% [markdown]
# **What should be small?** The squared distance of the logarithmic spectrograms,
#
# .. math:: L = \operatorname{mean}_{t,k} \left( 10 \log_{10} \frac{|X[t,k]|^2 + \epsilon}
#                                           {|Y[t,k]|^2 + \epsilon} \right)^2,
#
# in decibels squared. It hears levels, as an ear does, and no phase. Every function of
# :mod:`audiolab.effects` hands gradients to its continuous parameters, so a knob is a tensor that
# requires one. Frequencies and Q are learnt as logarithms: they stay positive, and a step is a
# ratio.

# %%


def level_db(waveform, n_fft):
    power = features.spectrogram(waveform, n_fft=n_fft, hop_length=n_fft // 2)
    return 10 * (power + 1e-9).log10()


log_hz = torch.tensor([200.0, 600.0, 2000.0, 5500.0]).log().requires_grad_()
gain_db = torch.zeros(4, requires_grad=True)
log_q = torch.zeros(4, requires_grad=True)


def bands():
    return {"center_hz": log_hz.exp(), "gain_db": gain_db, "q": log_q.exp()}


# %% [markdown]
# The start is a guess at the centres, no gain, and a Q of 1: an equaliser that does nothing.

# %%

steps, wanted = 200, level_db(target, 1024)
groups = [{"params": [log_hz, log_q], "lr": 0.04}, {"params": [gain_db], "lr": 0.4}]
adam = torch.optim.Adam(groups)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
losses, gains = [], []
for _ in range(steps):
    loss = (level_db(equalize(music, bands()), 1024) - wanted).square().mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
    schedule.step()
    losses.append(loss.item())
    gains.append(gain_db.detach().clone())

# %%

figure, panels = plt.subplots(2, 1, figsize=(7.6, 4.6), sharex=True, layout="constrained")
panels[0].semilogy(torch.tensor(losses).sqrt())
panels[0].set(title="Distance of the log-spectra while learning", ylabel="Distance (dB)")
for band, gain in enumerate(torch.stack(gains).T):
    panels[1].plot(gain, color=f"C{band}", label=f"band {band + 1}")
    panels[1].axhline(true_bands["gain_db"][band], color=f"C{band}", linestyle=":")
panels[1].set(title="Gains: learnt (lines) and true (dots)", xlabel="Step", ylabel="Gain (dB)")
panels[1].legend(ncols=4, loc="center right")

# %%

learnt = {name: values.detach() for name, values in bands().items()}
header = ("band", *(f"{name}, {kind}" for name in learnt for kind in ("true", "learnt")))
rows = [
    (str(band + 1), *(f"{knobs[name][band]:.2f}" for name in learnt for knobs in pair))
    for pair in [(true_bands, learnt)]
    for band in range(4)
]
display.Table(f"Twelve knobs after {steps} steps", header, tuple(rows))

# sphinx_gallery_start_ignore
assert losses[-1] ** 0.5 < 0.05 < 2 < losses[0] ** 0.5
assert (learnt["gain_db"] - true_bands["gain_db"]).abs().max() < 0.1
assert (learnt["center_hz"] / true_bands["center_hz"] - 1).abs().max() < 0.01
assert (learnt["q"] / true_bands["q"] - 1).abs().max() < 0.02
# sphinx_gallery_end_ignore

# %% [markdown]
# All twelve are found, to within a tenth of a decibel, and one or two percent of the rest.
# Nothing told the optimiser which band belongs where: it slid the bell at 200 Hz down to 150 Hz by
# the slope of the loss. The response of the whole:

# %%

click = torch.zeros(4096, dtype=torch.float64)
click[0] = 1.0
curves = {"true": equalize(click, true_bands), "learnt": equalize(click, learnt)}
display.plot_frequency_response(curves, rate, title="The equaliser", range_db=25.0)

# %%

after = equalize(music, learnt)
for name, sound in {"before": music, "learnt": after}.items():
    distance = metrics.log_spectral_distance_db(target, sound)
    print(f"{name}: log-spectral distance to the target {distance:.2f} dB")
# sphinx_gallery_start_ignore
assert metrics.log_spectral_distance_db(target, after) < 0.1
assert metrics.log_spectral_distance_db(target, music) > 2
# sphinx_gallery_end_ignore
display.player({"before": music, "target": target, "learnt": after}, rate)

# %% [markdown]
# Only the sound counted, and the sound is the same. The knobs could be found because each of them
# leaves a trace of its own in the spectrum. That is not always so.
#
# An unknown compressor
# ---------------------
#
# **Can a nonlinear effect be learnt?** A compressor turns down what is above a threshold
# :math:`T`, by a ratio :math:`R`, after an attack and until a release, and turns up all by a
# make-up gain. Each is continuous, and the gradient goes through the follower's recursion.

# %%

true = {
    "threshold_db": torch.tensor(-30.0),
    "ratio": torch.tensor(5.0),
    "attack_s": torch.tensor(0.01),
    "release_s": torch.tensor(0.15),
    "makeup_db": torch.tensor(6.0),
}
target = effects.compressor(speech, rate, **true)
display.plot_comparison([speech, target], rate, ["Speech", "Speech, compressed"])

# %% [markdown]
# Here knobs can stand in for one another: a higher threshold with a higher ratio turns loud speech
# down as far, and only what lies between the thresholds tells. So start in four places at once. A
# parameter may be a tensor with a value for each item, so four compressors are a batch:

# %%

logs = ("ratio", "attack_s", "release_s")
knobs = {
    "threshold_db": torch.tensor([-20.0, -20.0, -40.0, -40.0]),
    "ratio": torch.full((4,), 2.0).log(),
    "attack_s": torch.tensor([0.003, 0.03, 0.003, 0.03]).log(),
    "release_s": torch.full((4,), 0.05).log(),
    "makeup_db": torch.zeros(4),
}
for knob in knobs.values():
    knob.requires_grad_()


def settings():
    return {name: knob.exp() if name in logs else knob for name, knob in knobs.items()}


# %%

steps, wanted = 200, level_db(target, 256)
groups = [{"params": [knobs[name] for name in logs], "lr": 0.2}]
groups += [{"params": [knobs["threshold_db"], knobs["makeup_db"]], "lr": 1.0}]
adam = torch.optim.Adam(groups)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
losses, batch = [], speech.expand(4, -1)
for _ in range(steps):
    levels = level_db(effects.compressor(batch, rate, **settings()), 256)
    each = (levels - wanted).square().mean((-2, -1))
    adam.zero_grad()
    each.sum().backward()
    adam.step()
    schedule.step()
    losses.append(each.detach())

# %% [markdown]
# The sum over the batch is no average of the four: each has its own parameters, so each gets the
# gradient of its own loss alone.

# %%

distances_db = torch.stack(losses).sqrt().T
best = int(distances_db[:, -1].argmin())
figure, panel = plt.subplots(figsize=(7.6, 3.2), layout="constrained")
starts = ["-20 dB, 3 ms", "-20 dB, 30 ms", "-40 dB, 3 ms", "-40 dB, 30 ms"]
for name, distance_db in zip(starts, distances_db, strict=True):
    panel.semilogy(distance_db, label=f"start: {name}")
panel.set(title="Four starts: distance of the log-spectra", xlabel="Step", ylabel="Distance (dB)")
panel.legend()

# %%

found = {name: values.detach() for name, values in settings().items()}
rows = tuple(
    (name, f"{true[name]:.4g}", *(f"{value:.4g}" for value in values))
    for name, values in found.items()
)
last = ("distance (dB)", "0", *(f"{value:.3f}" for value in distances_db[:, -1]))
display.Table("Five knobs, from four starts", ("", "true", *starts), (*rows, last))

# sphinx_gallery_start_ignore
assert best in (0, 1)
assert distances_db[best, -1] < 0.02
assert distances_db[:, -1].max() < 0.5 < 2 < distances_db[:, 0].min()
assert (found["threshold_db"][best] - true["threshold_db"]).abs() < 0.1
assert (found["makeup_db"][best] - true["makeup_db"]).abs() < 0.1
for name in logs:
    assert (found[name][best] / true[name] - 1).abs() < 0.02, name
assert (found["attack_s"] / true["attack_s"] - 1).abs().max() < 0.1
assert (found["release_s"] / true["release_s"] - 1).abs().max() < 0.05
assert (found["threshold_db"][2:] < -31).all()
assert (found["ratio"][2:] < 4).all()
# sphinx_gallery_end_ignore

# %% [markdown]
# Of the starts above the true threshold one finds everything, and the other nearly so. Those below
# it find the times, to a few percent, and come to rest on a slope so gentle that it is nearly a
# floor: two decibels too low with too small a ratio, and a fifth of a decibel from the target.
# Nobody would hear that. A small loss says that the *sound* was found, and about the knobs only as
# much as the sound does.
#
# The curve of the compressor says it in one picture. Without times and knee, a level of :math:`L`
# becomes :math:`L - (1 - 1/R) \max(L - T, 0) + G`:

# %%

into_db = torch.linspace(-60, 0, 200)
figure, panel = plt.subplots(figsize=(5.0, 4.2), layout="constrained")
for name, threshold_db, ratio, makeup_db in [
    ("true", *(true[knob] for knob in ("threshold_db", "ratio", "makeup_db"))),
    *zip(starts, found["threshold_db"], found["ratio"], found["makeup_db"], strict=True),
]:
    above_db = (into_db - threshold_db).clamp(min=0)
    out_db = into_db - (1 - 1 / ratio) * above_db + makeup_db
    panel.plot(into_db, out_db, "k:" if name == "true" else "-", label=name)
panel.set(title="What was learnt about levels", xlabel="Level in (dB)", ylabel="Level out (dB)")
panel.legend()

# %%

winner = {name: values[best] for name, values in found.items()}
after = effects.compressor(speech, rate, **winner)
for name, sound in {"before": speech, "learnt": after}.items():
    distance = metrics.log_spectral_distance_db(target, sound)
    print(f"{name}: log-spectral distance to the target {distance:.2f} dB")
# sphinx_gallery_start_ignore
assert metrics.log_spectral_distance_db(target, after) < 0.05
# sphinx_gallery_end_ignore
display.player({"before": speech, "target": target, "learnt": after}, rate)

# %% [markdown]
# Pitfalls
# --------
#
# - *Learning hertz.* A step that is right at 5 kHz is wild at 150 Hz. Logarithms of frequencies,
#   ratios and times make all steps alike, and forbid zero and below, where an effect would raise.
# - *Too large a step.* Bells meet on one peak and part slowly. With twice these learning rates the
#   equaliser has not settled when its steps are over.
# - *A loss on the waveform.* An equaliser turns the phase, so a sample-wise loss has a valley for
#   every period. Log-spectra are wider.
# - *Silence.* Without the :math:`\epsilon`, the logarithm of a digital silence decides everything.
# - *Effects that decide.* A gate that is shut has no gradient to its samples; ``trim`` and
#   ``silence`` have none to their times. Which effects are differentiable in what, their docstrings
#   say.
#
# Try this
# --------
#
# - Give the equaliser three bands to find four. Which one does it leave out?
# - Replace the loss by ``(after - target).square().mean()`` and start again.
# - Hide the compressor *and* the equaliser: learn both at once, in this order and in the other.
#
# References
# ----------
#
# - \J. Engel, L. Hantrakul, C. Gu, A. Roberts, *DDSP: Differentiable Digital Signal Processing*,
#   ICLR 2020, `doi:10.48550/arXiv.2001.04643 <https://doi.org/10.48550/arXiv.2001.04643>`__.
# - \C.-Y. Yu, C. Mitcheltree, A. Carson, S. Bilbao, J. D. Reiss, G. Fazekas, *Differentiable
#   All-pole Filters for Time-varying Audio Systems*, DAFx 2024, `doi:10.48550/arXiv.2404.07970
#   <https://doi.org/10.48550/arXiv.2404.07970>`__.
# - \D. Giannoulis, M. Massberg, J. D. Reiss, *Digital Dynamic Range Compressor Design: A Tutorial
#   and Analysis*, Journal of the Audio Engineering Society 60(6), 2012.
