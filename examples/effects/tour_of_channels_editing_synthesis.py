# %% [markdown]
"""
A tour of the effects: channels, editing and synthesis
======================================================

What is left of SoX: effects that route channels, cut and join, remove silence and noise, and make
sound from nothing. They are short to explain, and each is drawn.

**What you will hear.** Music with its channels rearranged; a sentence cut, turned round and
cleaned; and the waves of ``synth``.
"""

# %%

import torch

import audiolab.io as audio_io
from audiolab import display, effects, signals
from audiolab.effects import EffectsChain

display.use_style()
rate = 24_000
stereo, _ = audio_io.load(signals.clip_path("music"), sample_rate=rate, stop_s=2.0)
speech, _ = audio_io.load(signals.clip_path("speech"), sample_rate=rate, num_channels=1, stop_s=3.0)


def run(sound, *chains):
    results = {words: EffectsChain(words, sample_rate=rate)(sound) for words in chains}
    return {"as it was": sound} | results


# %% [markdown]
# Channels
# --------
#
# ``swap`` exchanges left and right, ``remix`` builds any mixture, ``channels`` changes their
# number, ``oops`` takes the difference, which removes what is in the middle; ``divide`` divides the
# others by the first channel.

# %%

chains = ["swap", "remix 1 1", "remix 1,2i 0", "channels 1 channels 2", "oops"]
tracks = run(stereo, *chains)
display.player(tracks, rate)

# %%

display.plot_comparison(list(tracks.values()), rate, list(tracks))

# sphinx_gallery_start_ignore
assert torch.equal(tracks["swap"], stereo.flip(0))
assert torch.equal(tracks["oops"][0], tracks["oops"][1])
# sphinx_gallery_end_ignore

# %% [markdown]
# ``divide`` is for measuring: what was recorded, by what was played.

# %%

played = 0.2 + 0.1 * signals.tone(5.0, 1.0, rate)
quotient = effects.divide(torch.stack([played, 0.5 * played]))[1]
print(f"quotient between {quotient.min():.3f} and {quotient.max():.3f}")

# sphinx_gallery_start_ignore
assert (quotient - 0.5).abs().max() < 1e-6
# sphinx_gallery_end_ignore

# %% [markdown]
# Editing
# -------
#
# ``trim`` keeps a part, ``pad`` adds silence, ``repeat`` and ``reverse`` say what they do, ``fade``
# takes the ends to zero, and ``splice`` joins two takes by a short crossfade where they are most
# alike.

# %%

chains = ["trim 0.5 1.2", "pad 0.5 0.3", "trim 0 0.8 repeat 2", "reverse", "fade h 1 0 1"]
tracks = run(speech, *chains)
display.plot_comparison([track[0] for track in tracks.values()], rate, list(tracks))

# %%

longest = max(track.shape[-1] for track in tracks.values())
even = {
    name: effects.pad(track, rate, after_s=(longest - track.shape[-1]) / rate)
    for name, track in tracks.items()
}
display.player(even, rate)

# %% [markdown]
# Silence and noise
# -----------------
#
# ``silence`` shortens pauses by level, ``vad`` cuts what comes before speech. Two functions clean:
# ``noise_profile`` listens to noise alone, ``reduce_noise`` lowers what is not above it.

# %%

hiss = 0.01 * signals.white_noise(3.0, rate, generator=1)[None]
noisy = speech + hiss
cleaned = effects.reduce_noise(noisy, effects.noise_profile(hiss), amount=0.3)
display.player({"clean": speech, "noisy": noisy, "reduce_noise": cleaned}, rate)

# %%

silent = run(effects.pad(speech, rate, before_s=0.8), "silence 1 0.05 1% -1 0.1 1%", "vad")
display.plot_comparison([track[0] for track in silent.values()], rate, list(silent))

# %% [markdown]
# Synthesis
# ---------
#
# ``synth`` makes waves and noises; two frequencies make a sweep. The chain runs on silence, as
# ``sox -n`` does.

# %%

kinds = ["sine 300:2000", "square 220", "triangle 220", "sawtooth 220", "exp 220", "pluck 220"]
kinds += ["whitenoise", "pinknoise", "brownnoise", "tpdfnoise"]
waves = {
    kind: EffectsChain(f"synth 2 {kind} gain -12", sample_rate=rate, seed=0).generate()[0]
    for kind in kinds
}
display.player({kind: waves[kind] for kind in kinds[:6]}, rate)

# %%

sounds = [wave[0, : 2 * rate] for wave in waves.values()]
display.plot_comparison(sounds, rate, kinds, kind="spectrogram", n_fft=512, range_db=70.0)

# %% [markdown]
# Last of all, ``dither``: noise of about one last bit, so that rounding does not follow the sound.
# Here at 6 bits, where one hears it.

# %%

soft = 0.1 * speech
coarse = (soft * 32).round() / 32
dithered = effects.dither(soft, precision=6, generator=0)
display.player({"soft": soft, "rounded to 6 bits": coarse, "dithered to 6 bits": dithered}, rate)

# %% [markdown]
# Pitfalls
# --------
#
# - *Lengths.* Items of a batch that end with different lengths, as after ``silence``, need
#   ``lengths`` on the way in.
# - *splice needs excess.* Both takes must overlap by more than the crossfade.
# - *A noise profile with speech in it.* Then the speech is noise.
# - *Dither in training.* It belongs where samples become integers, and nowhere before.
#
# Try this
# --------
#
# - Set ``amount`` of ``reduce_noise`` to 0.8: where do the whistling leftovers come from?
# - Make a chord: ``synth 2 pluck 220 pluck 277 pluck 330 remix -``.
# - Compare ``dither`` with ``shaping="shibata"`` at 44.1 kHz.
#
# References
# ----------
#
# - \S. P. Lipshitz, R. A. Wannamaker, J. Vanderkooy, *Quantization and Dither: A Theoretical
#   Survey*, Journal of the Audio Engineering Society 40(5), 1992.
# - \K. Karplus, A. Strong, *Digital Synthesis of Plucked-String and Drum Timbres*, Computer Music
#   Journal 7(2), 1983, `doi:10.2307/3680062 <https://doi.org/10.2307/3680062>`__.
