# %% [markdown]
"""
Coming from torchaudio.sox_effects
==================================

Tutorials of 2022 filtered, slowed and reverberated with ``torchaudio.sox_effects``, which is gone
since torchaudio 2.9. Here the same words do the same again; then each old call stands beside what
to write now, with what differs on purpose.

**What you will hear.** A train's whistle, and the same one dull, slow and in a hall; one effect at
a time, and all of them.
"""

# %%

import tempfile
from pathlib import Path

import torch
import torchaudio

import audiolab.io as audio_io
from audiolab import display, effects, signals
from audiolab.effects import EffectsChain

display.use_style()
print("torchaudio", torchaudio.__version__, "has sox_effects:", hasattr(torchaudio, "sox_effects"))

# sphinx_gallery_start_ignore
assert not hasattr(torchaudio, "sox_effects")
# sphinx_gallery_end_ignore

# %% [markdown]
# The tutorial, working
# ---------------------
#
# **What did it do?** A mono sound at 16 kHz, and a list of SoX's words for each effect:

# %%

rate = 16_000
whistle = signals.whistle(3.0, rate, generator=0)[None]

words = [
    ["lowpass", "-1", "300"],  # one pole: 6 dB an octave above 300 Hz
    ["speed", "0.8"],  # slower, and lower with it
    ["rate", f"{rate}"],  # speed changes the rate; go back to 16 kHz
    ["reverb", "-w"],  # a room, and nothing but the room
]
processed, new_rate = effects.apply_effects_tensor(whistle, rate, words)
print(tuple(whistle.shape), "->", tuple(processed.shape), "at", new_rate, "Hz")

# sphinx_gallery_start_ignore
assert processed.shape == (2, 60_000)
assert new_rate == rate
# sphinx_gallery_end_ignore

# %% [markdown]
# The shape tells two of the effects: 3 seconds at a speed of 0.8 last 3.75, and the reverberation
# of one channel is stereo. Its two sides are rooms of slightly different size.

# %%

titles = ["Original", "Processed: left", "Processed: right"]
sounds = [whistle[0], *processed]
display.plot_comparison(sounds, rate, titles)

# %%

display.plot_comparison(sounds, rate, titles, kind="spectrogram", range_db=90.0)

# %% [markdown]
# Treble is gone: a pole at 300 Hz leaves a tenth of the amplitude at 3 kHz. All frequencies stand
# at 0.8 of where they were. The beginning has melted, since echoes have to build up. The end breaks
# off: the result of ``reverb`` is as long as its input, and a ``pad 0 1`` before it keeps the tail.
#
# Statistics
# ----------
#
# **How does one see that in numbers?** SoX has two effects that change nothing and report.
# ``stat`` is one column for all channels together:

# %%

print(effects.stat(whistle, rate))

# %% [markdown]
# ``stats`` is one column for each channel, with levels in decibels and the loudest and softest
# 50 ms.

# %%

before, after = effects.stats(whistle, rate), effects.stats(processed, rate)
print(after)
print(f"\npeak {before.overall.peak_db:.1f} -> {after.overall.peak_db:.1f} dB")

# %% [markdown]
# One effect at a time
# --------------------
#
# **Which of them did what?** Chains are values: build as many as you like, and run them on the same
# sound. (Mono becomes stereo for the player, and short sounds are padded to the longest.)

# %%

steps = ["lowpass -1 300", f"speed 0.8 rate {rate}", "reverb -w"]
tracks = {"original": whistle}
for step in [*steps, " ".join(steps)]:
    tracks[step] = EffectsChain(step, sample_rate=rate)(whistle)
longest = max(track.shape[-1] for track in tracks.values())
for name, track in tracks.items():
    tracks[name] = effects.pad(
        track.expand(2, -1), rate, after_s=(longest - track.shape[-1]) / rate
    )
display.player(tracks, rate)

# %% [markdown]
# Old and new
# -----------
#
# **What do I write now?** The least change is the name of the package. Then:
#
# .. code-block:: python
#
#    # torchaudio up to 2.8
#    waveform, rate = torchaudio.sox_effects.apply_effects_tensor(waveform, rate, effects)

# %%

waveform, new_rate = effects.apply_effects_tensor(whistle, rate, words)

# %% [markdown]
# A chain keeps the words, as one string or as a list of lists. It is an ``nn.Module``:

# %%

chain = EffectsChain("lowpass -1 300 speed 0.8 rate 16000 reverb -w", sample_rate=rate)
print(chain)
print("the same samples:", torch.equal(chain(whistle), waveform))

# sphinx_gallery_start_ignore
assert torch.equal(chain(whistle), waveform)
# sphinx_gallery_end_ignore

# %% [markdown]
# From a file, the old call decoded with SoX; this one decodes as :func:`audiolab.io.load` does.
#
# .. code-block:: python
#
#    # torchaudio up to 2.8
#    waveform, rate = torchaudio.sox_effects.apply_effects_file("speech.wav", effects)

# %%

scratch = tempfile.TemporaryDirectory()
path = Path(scratch.name, "whistle.wav")
audio_io.save(path, whistle, rate)
waveform, new_rate = effects.apply_effects_file(path, words)
print(tuple(waveform.shape), new_rate)

# %% [markdown]
# From file to file, whatever its length, a block at a time; this is also what the command
# ``audiolab effects in.wav out.wav lowpass -1 300 ...`` runs. As in the program, the result has the
# rate and channels of the source again; ``restore=False`` keeps what the effects made.
#
# .. code-block:: python
#
#    # torchaudio up to 2.8: nothing; the program:  sox in.wav out.wav lowpass -1 300 ...

# %%

target = path.with_name("processed.flac")
effects.process_file(path, target, words)
print(audio_io.info(target))

# sphinx_gallery_start_ignore
assert audio_io.info(target).num_samples == 60_000
scratch.cleanup()
# sphinx_gallery_end_ignore

# %% [markdown]
# Names of effects:
#
# .. code-block:: python
#
#    # torchaudio up to 2.8
#    torchaudio.sox_effects.effect_names()
#    torchaudio.sox_effects.init_sox_effects()  # nothing to initialise today

# %%

print(len(effects.effect_names()), "effects:", *effects.effect_names()[:8], "...")

# %% [markdown]
# And without SoX's words: every effect is a function with names and units, for single tensors and
# for batches.

# %%

by_hand = effects.lowpass(whistle, rate, cutoff_hz=300.0, poles=1)
in_words = EffectsChain("lowpass -1 300", sample_rate=rate)(whistle)
print("function and words differ by", float((by_hand - in_words).abs().max()))

# sphinx_gallery_start_ignore
assert (by_hand - in_words).abs().max() < 1e-6
# sphinx_gallery_end_ignore

# %% [markdown]
# Different on purpose: no hidden clipping
# ----------------------------------------
#
# **What lies between two effects?** In SoX, 32-bit integers that end at full scale. What a first
# effect makes too loud, a second cannot make whole. Here samples are floats throughout; the
# program's behaviour can be asked for.

# %%

loud = effects.gain(signals.tone(220.0, 0.05, rate)[None], normalize=True)
up_and_down = "gain 6 gain -6"
kept = EffectsChain(up_and_down, sample_rate=rate)(loud)
clipped = EffectsChain(up_and_down, sample_rate=rate, clip="sox")(loud)
print(f"peaks: {loud.abs().max():.3f} -> {kept.abs().max():.3f}, as SoX {clipped.abs().max():.3f}")
display.plot_comparison([kept, clipped], rate, [up_and_down, f"{up_and_down}, clip='sox'"])

# sphinx_gallery_start_ignore
assert (kept - loud).abs().max() < 1e-6
assert abs(float(clipped.abs().max()) - 0.501) < 0.001
# sphinx_gallery_end_ignore

# %% [markdown]
# Different on purpose: rates that are not whole
# ----------------------------------------------
#
# **How fast is 16,000 Hz, 3 cents up?** ``speed`` only declares another rate. It seldom is a whole
# number, and a rounded one puts the next ``rate`` off pitch. Chains hand on what is true.

# %%

faster, faster_rate = EffectsChain("speed 3c")(whistle, rate)
print(f"{faster_rate:.4f} Hz, {faster.shape[-1]} samples")
back, back_rate = EffectsChain(f"speed 3c rate {rate}")(whistle, rate)
print(f"{back_rate} Hz, {back.shape[-1]} samples, for {whistle.shape[-1] / 2 ** (3 / 1200):.2f}")

# sphinx_gallery_start_ignore
assert abs(faster_rate - rate * 2 ** (3 / 1200)) < 1e-3
assert abs(back.shape[-1] - whistle.shape[-1] / 2 ** (3 / 1200)) <= 1
# sphinx_gallery_end_ignore

# %% [markdown]
# Different on purpose: noise belongs to an item
# ----------------------------------------------
#
# **Can I repeat it?** SoX draws its noise from one counter. Here each item of a batch has a seed,
# and its result does not depend on its neighbours.

# %%

noisy = EffectsChain("synth whitenoise mix -10", sample_rate=rate)
batch = whistle.expand(4, 1, -1)
together = noisy(batch, seed=torch.tensor([5, 6, 7, 8]))
alone = noisy(whistle, seed=7)
print("item 2 of the batch is the item alone:", torch.equal(together[2], alone))
print("items 2 and 3 are alike:", torch.equal(together[2], together[3]))

# sphinx_gallery_start_ignore
assert torch.equal(together[2], alone)
assert not torch.equal(together[2], together[3])
# sphinx_gallery_end_ignore

# %% [markdown]
# More than before
# ----------------
#
# **What could the old one not do?** Batches, with lengths; gradients; any device; and errors that
# point.

# %%

sounds = torch.randn(3, 1, rate, generator=torch.Generator().manual_seed(0)).requires_grad_()
lengths = torch.tensor([16_000, 12_000, 8_000])
slower, _, new_lengths = EffectsChain("speed 0.8 rate 16000")(sounds, rate, lengths)
slower.square().mean().backward()
print("lengths", lengths.tolist(), "->", new_lengths.tolist())
print("gradient where there was sound:", sounds.grad.abs().sum(-1).flatten() > 0)

try:
    EffectsChain("lowpass -1 300 reverb -w 120")
except effects.EffectSyntaxError as error:
    print(error)

# sphinx_gallery_start_ignore
assert new_lengths.tolist() == [20_000, 15_000, 10_000]
assert (sounds.grad[2, 0, 8_000:] == 0).all()
# sphinx_gallery_end_ignore

# %% [markdown]
# How close all of them are to the program is measured effect by effect, in the tests of audiolab
# and against the ``sox`` binary.
#
# Pitfalls
# --------
#
# - *speed without rate.* The rate that comes back has changed. A chain that knows its
#   ``sample_rate`` and one that does not return different things: a tensor, or tensor and rate.
# - *norm and gain -n.* Without SoX's clipping in between, a chain may be louder than 1 at its end.
#   Add a last ``gain -n -1``, or :func:`audiolab.effects.limiter`.
# - *Words are strings.* ``["speed", 0.8]`` was an error and is one.
# - *reverb of mono.* Two channels come out; ``reverb -w remix 1`` takes one of them.
# - *Tutorials that say so.* A low-pass compresses nothing, and reverberation adds no noise.
#
# Try this
# --------
#
# - Put ``reverb`` before ``speed``: what happens to the room?
# - Write the chain with functions only: :func:`~audiolab.effects.lowpass`,
#   :func:`~audiolab.effects.speed`, :func:`~audiolab.effects.reverb`.
# - Time ``chain`` on a batch of 32, then 32 times on single sounds.
#
# References
# ----------
#
# - The `manual of SoX <https://sourceforge.net/projects/sox/>`__, version 14.4.2: ``man sox``.
# - \Y.-Y. Yang et al., *TorchAudio: Building Blocks for Audio and Speech Processing*, ICASSP 2022,
#   `doi:10.1109/ICASSP43922.2022.9747236 <https://doi.org/10.1109/ICASSP43922.2022.9747236>`__.
