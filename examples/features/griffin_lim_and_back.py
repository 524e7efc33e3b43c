# %% [markdown]
"""
Griffin-Lim: from a spectrogram back to sound
=============================================

A spectrogram keeps magnitudes and throws the phases away. Griffin and Lim's iteration finds phases
that fit; this page plots how fast, for the classic recurrence, for momentum and for a better first
guess, and lets you hear what each iteration is worth.

**What you will hear.** Music and speech rebuilt from magnitudes alone: with random phases, after 4,
32 and 200 iterations, and from a start that needs hardly any.
"""

# %%

import time

import matplotlib.pyplot as plt
import torch
import torchaudio

import audiolab.io as audio_io
from audiolab import display, features, signals

display.use_style()

rate = 22_050
sizes = {"n_fft": 1024, "hop_length": 256}
sounds = {}
for name in ["speech", "music"]:
    path = signals.clip_path(name)
    loaded, _ = audio_io.load(path, sample_rate=rate, num_channels=1, stop_s=3.0)
    sounds[name] = loaded[0]
powers = {name: features.spectrogram(x, **sizes) for name, x in sounds.items()}

# %% [markdown]
# What the phases are worth
# -------------------------
#
# **Does anybody hear phases?** Not as such; but frames overlap, here fourfold, and where the phases
# of neighbours do not fit, they cancel. Magnitudes of the music with random phases, with zeros, and
# with its own:

# %%

music, power = sounds["music"], powers["music"]
own = torch.angle(features.spectrogram(music, power=None, **sizes))
back = {"length": len(music), **sizes}
guesses = {"random": "random", "zero": "zero", "its own": own}
heard = {
    f"phases: {name}": features.griffin_lim(
        power, n_iter=0, initial_phase=phase, generator=0, **back
    )
    for name, phase in guesses.items()
}
error = (heard["phases: its own"] - music).abs().max()
print(f"with its own phases: at most {error:.1e} from the music")

# sphinx_gallery_start_ignore
assert float(error) < 1e-5
# sphinx_gallery_end_ignore
display.player(heard, rate)

# %% [markdown]
# Random phases blur every onset over a frame. Zero phases start all sinusoids anew in each frame, a
# buzz at the rate of the hop.
#
# Two projections
# ---------------
#
# **How are phases found?** Most matrices of complex numbers are the spectrogram of no signal at
# all. Griffin-Lim goes to and fro between the magnitudes :math:`A` that were given,
# :math:`P_A(c) = A\, c / |c|`, and the matrices that some signal has,
# :math:`P_C(c) = \mathrm{STFT}(\mathrm{ISTFT}(c))`:
#
# .. math::
#
#    t_n &= (1 - \gamma)\, d_{n-1} + \gamma\, P_C(P_A(c_{n-1})) \\
#    c_n &= t_n + \alpha (t_n - t_{n-1}) \\
#    d_n &= t_n + \beta (t_n - t_{n-1})
#
# The classic has :math:`\alpha = \beta = 0, \gamma = 1`. *Fast* Griffin-Lim takes a momentum of
# :math:`\alpha = 0.99`, which torchaudio and librosa do by default; *accelerated* uses all three.
# How far the signal's magnitudes still are from those asked for is the *spectral convergence*,
#
# .. math:: 20 \log_{10} \frac{\lVert\, |X| - A \,\rVert}{\lVert A \rVert} .

# %%

ways = [
    ("classic", "random"),
    ("fast", "random"),
    ("accelerated", "random"),
    ("classic", "peaks"),
    ("accelerated", "peaks"),
]
traces = {}
for name, sound in sounds.items():
    options = {"length": len(sound), "generator": 0, "n_iter": 100}
    options["return_convergence"] = True
    for method, start in ways:
        _, traces[name, method, start] = features.griffin_lim(
            powers[name], method=method, initial_phase=start, **options, **sizes
        )

# %%

_, panels = plt.subplots(1, 2, figsize=(9.5, 4.2), sharey=True, layout="constrained")
for panel, name in zip(panels, sounds, strict=True):
    for method, start in ways:
        panel.plot(traces[name, method, start], label=f"{method}, {start}")
    panel.set(title=f"{name.capitalize()}: convergence", xlabel="Iteration")
    panel.set_xscale("symlog", linthresh=1, base=2)
    panel.set_xticks([0, 1, 2, 4, 8, 16, 32, 64], [0, 1, 2, 4, 8, 16, 32, 64])
panels[0].set_ylabel("Spectral convergence (dB)")
panels[1].legend()

print("iteration                     0      4     16     32    100")
for key, trace in traces.items():
    values = " ".join(f"{trace[n]:6.1f}" for n in [0, 4, 16, 32, 100])
    print(f"{' '.join(key):25}{values}")

# sphinx_gallery_start_ignore
for name in sounds:
    at = {way: traces[name, *way] for way in ways}
    assert -6 < at["fast", "random"][32] - at["classic", "random"][32] < -4.5
    assert at["accelerated", "random"][32] < at["fast", "random"][32]
    assert at["classic", "peaks"][0] < at["classic", "random"][0] - 8
    assert at["classic", "peaks"][1] < at["classic", "random"][4]
assert traces["speech", "classic", "peaks"][0] < -20
assert traces["speech", "classic", "peaks"][0] < traces["speech", "classic", "random"][32]
late = traces["music", "accelerated", "random"][100] - traces["music", "accelerated", "peaks"][100]
assert -3 < late < -1
beyond = features.Acceleration(1.1)
for name, sound in sounds.items():
    options["length"] = len(sound)
    _, wild = features.griffin_lim(
        powers[name], method=beyond, initial_phase="random", **options, **sizes
    )
    assert wild[100] > traces[name, "fast", "random"][100] + 3
# sphinx_gallery_end_ignore

# %% [markdown]
# Momentum is worth 5 dB at 32 iterations, and the third variant another decibel or two. The start
# is worth more: for speech, *peaks* begins where 32 classic iterations from random phases end.
# Patience evens it out: in the music, after 100 iterations, random phases with momentum are ahead
# by 2 dB.
#
# A better start
# --------------
#
# **Where can phases come from, if not from chance?** From the magnitudes. A peak at frequency
# :math:`f` is a sinusoid, and between two frames it turns by :math:`2 \pi f H / f_s` (hop
# :math:`H`). So the phase of each peak is its phase one hop earlier, advanced by that much, and all
# bins of the peak share it. One pass over the frames, no iteration: ``initial_phase="peaks"``,
# the default here.

# %%

speech, power = sounds["speech"], powers["speech"]
back = {"length": len(speech), **sizes}
tracks = {"as it was": speech}
for name, start, method, count in [
    ("random, none", "random", "classic", 0),
    ("random, 4 classic", "random", "classic", 4),
    ("random, 32 fast", "random", "fast", 32),
    ("peaks, none", "peaks", "classic", 0),
    ("peaks, 32 accelerated", "peaks", "accelerated", 32),
]:
    how = {"n_iter": count, "method": method, "initial_phase": start, "generator": 0}
    tracks[name] = features.griffin_lim(power, **how, **back)
display.player(tracks, rate)

# %% [markdown]
# And music, where chords and drums share frames and peaks explain less:

# %%

power = powers["music"]
back = {"length": len(music), **sizes}
versions = {"as it was": music}
for count in [4, 32, 200]:
    again = features.griffin_lim(power, n_iter=count, **back)
    versions[f"{count} iterations"] = again
display.player(versions, rate)

# %% [markdown]
# Time
# ----
#
# **How long does it take?** ``torchaudio.transforms.GriffinLim`` with its 32 iterations sets the
# mark; here is how many iterations, and how much time, it takes to get as far.

# %%

theirs = torchaudio.transforms.GriffinLim(**sizes, n_iter=32)
for name, sound in sounds.items():
    began = time.perf_counter()
    rebuilt = theirs(powers[name])
    torchaudio_ms = 1000 * (time.perf_counter() - began)
    magnitude = powers[name].sqrt()
    again = features.spectrogram(rebuilt, power=1.0, **sizes)
    error = (again - magnitude[:, : again.shape[1]]).norm()
    reached_db = 20 * torch.log10(error / magnitude.norm())
    count = int((traces[name, "accelerated", "peaks"] < reached_db).nonzero()[0])
    began = time.perf_counter()
    features.griffin_lim(powers[name], n_iter=count, length=len(sound), **sizes)
    ms = 1000 * (time.perf_counter() - began)
    print(f"{name}: {reached_db:.1f} dB in {torchaudio_ms:.0f} ms; ", end="")
    print(f"ours {count} steps, {ms:.0f} ms")

# sphinx_gallery_start_ignore
counts = [
    int((traces[name, "accelerated", "peaks"] < level).nonzero()[0])
    for name, level in {"speech": -23.0, "music": -19.0}.items()
]
assert counts[0] <= 2
assert counts[1] <= 8
# sphinx_gallery_end_ignore

# %% [markdown]
# The times are of the machine that built this page; the counts are not.
#
# Pitfalls
# --------
#
# - *Power or magnitude.* torchaudio's and this function take power (``power=2.0``),
#   ``librosa.griffinlim`` takes magnitudes. The wrong one is a sound with its contrast doubled or
#   halved, not an error.
# - *Length.* Without ``length`` the last frame is padded from another signal than the one analysed,
#   which limits the convergence to about -25 dB.
# - *Momentum of 1 and more.* Beyond the proof's bounds 0.99 works in practice. 1.1 does not
#   diverge, but turns back early: after 100 iterations both sounds are more than 3 dB behind 0.99.
# - *Decibels of convergence are not decibels of quality.* A frame's onset smeared by a millisecond
#   costs the number nothing and the ear a drum.
# - *Large hops.* At half a window (the 512 of 1024 of a known tutorial) each sample is in two
#   frames instead of four, and less is there to tell the phases.
#
# Try this
# --------
#
# - Pass ``features.Acceleration(alpha=1.1)`` as ``method`` and plot its trace.
# - Set ``hop_length`` to 512 in ``sizes``, then to 128. Watch the traces, then listen.
# - Rebuild from mel bands: :func:`audiolab.features.inverse_mel` goes in front.
#
# References
# ----------
#
# - \D. Griffin, J. Lim, *Signal Estimation from Modified Short-Time Fourier Transform*, IEEE
#   Transactions on Acoustics, Speech, and Signal Processing 32(2), 1984,
#   `doi:10.1109/TASSP.1984.1164317 <https://doi.org/10.1109/TASSP.1984.1164317>`__.
# - \N. Perraudin, P. Balazs, P. L. Søndergaard, *A Fast Griffin-Lim Algorithm*, WASPAA 2013,
#   `doi:10.1109/WASPAA.2013.6701851 <https://doi.org/10.1109/WASPAA.2013.6701851>`__.
# - \R. Nenov, D.-K. Nguyen, P. Balazs, R. I. Boţ, *Accelerated Griffin-Lim Algorithm: A Fast and
#   Provably Converging Numerical Method for Phase Retrieval*, 2023,
#   `doi:10.48550/arXiv.2306.12504 <https://doi.org/10.48550/arXiv.2306.12504>`__.
# - \G. T. Beauregard, M. Harish, L. Wyse, *Single Pass Spectrogram Inversion*, DSP 2015,
#   `doi:10.1109/ICDSP.2015.7251907 <https://doi.org/10.1109/ICDSP.2015.7251907>`__.
