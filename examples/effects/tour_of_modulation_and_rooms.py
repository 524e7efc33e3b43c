# %% [markdown]
"""
A tour of the effects: modulation, delay and reverb
===================================================

Effects that let a sound meet itself a little later: milliseconds later they colour it, tenths of a
second later they repeat it, and very often they make a room. Each is heard, and drawn as the
pattern that it puts on noise or makes of a click.

**What you will hear.** Music through a chorus, a flanger, a phaser and a tremolo; speech with four
kinds of echo.
"""

# %%

import torch

import audiolab.io as audio_io
from audiolab import display, effects, signals
from audiolab.effects import EffectsChain

display.use_style()
rate = 24_000
options = {"sample_rate": rate, "num_channels": 1}
music, _ = audio_io.load(signals.clip_path("music"), stop_s=3.0, **options)
speech, _ = audio_io.load(signals.clip_path("speech"), stop_s=2.5, **options)
noise = 0.3 * signals.white_noise(4.0, rate, generator=0)[None]


def run(sound, *chains):
    results = {words: EffectsChain(words, sample_rate=rate)(sound) for words in chains}
    return {"as it was": sound} | results


# %% [markdown]
# Modulation
# ----------
#
# **What moves?** In ``chorus`` and ``flanger`` a delay swings slowly, and is mixed with the sound:
# around 50 ms as a second voice that is never quite in tune, below 2 ms as a comb whose teeth
# wander. ``phaser`` feeds such a delay back. ``tremolo`` swings the level.

# %%

chains = [
    "chorus 0.6 0.9 50 0.4 0.25 2 -t",
    "flanger 0 2 0 71 0.5 sine",
    "phaser 0.6 0.66 3 0.6 0.5 -t",
    "tremolo 5 60",
]
same = music.shape[-1]  # a chorus is a little longer than its input
display.player({name: track[:, :same] for name, track in run(music, *chains).items()}, rate)

# %% [markdown]
# White noise has all frequencies at all times, so what an effect takes away shows as dark lines.
# The flanger's teeth close up as its delay grows and part again; the phaser's do the same on a dark
# ground, since feedback sharpens the peaks; the chorus combs too finely to see, and the tremolo
# comes and goes.

# %%

swept = [EffectsChain(words, sample_rate=rate)(noise)[0] for words in chains]
names = [words.split()[0] for words in chains]
display.plot_comparison(swept, rate, names, kind="spectrogram", n_fft=512, range_db=40.0)

# %% [markdown]
# The same as functions, in seconds and hertz; parameters may be tensors, and a flanger be learnt.

# %%

flanged = effects.flanger(music, rate, delay_s=0.0, depth_s=0.002, speed_hz=0.5, width=0.71)
in_words = EffectsChain(chains[1], sample_rate=rate)(music)
print(f"function and words differ by {(flanged - in_words).abs().max():.1e}")

# sphinx_gallery_start_ignore
assert (flanged - in_words).abs().max() < 1e-6
# sphinx_gallery_end_ignore

# %% [markdown]
# Delay and echo
# --------------
#
# **How does one echo differ from another?** ``delay`` only moves a channel. ``echo`` adds delayed
# copies of its input. ``echos`` is meant to be a sequence, each echo of the one before; what the
# program does, and we with it, is to add the same copies with growing weights.
# All but ``delay`` say gains first, then pairs of milliseconds and decay.

# %%

echoes = ["delay 0.2", "echo 0.8 0.8 120 0.5 290 0.3", "echos 0.8 0.8 120 0.5 290 0.3"]
padded = effects.pad(speech, rate, after_s=0.5)
tracks = run(padded, *echoes)
same = padded.shape[-1]
display.player({name: track[:, :same] for name, track in tracks.items()}, rate)

# %% [markdown]
# An impulse at 20 ms shows it: copies 120 and 290 ms later in both, the second one twice as strong
# in ``echos``.

# %%

click = torch.zeros(1, rate // 2)
click[0, rate // 50] = 1.0  # at 20 ms
answers = {words: track[0] for words, track in run(click, *echoes).items()}
display.plot_comparison(list(answers.values()), rate, list(answers))

# sphinx_gallery_start_ignore
for words, times_ms in zip(echoes, ([220], [20, 140, 310], [20, 140, 310]), strict=True):
    arrivals = (answers[words].abs() > 1e-6).nonzero().flatten() * 1000 / rate
    assert arrivals.tolist() == times_ms, words
second = round(0.31 * rate)
assert abs(float(answers[echoes[2]][second] / answers[echoes[1]][second]) - 2) < 1e-4
# sphinx_gallery_end_ignore

# %% [markdown]
# Reverberation
# -------------
#
# **And thousands of echoes?** ``reverb`` is Freeverb: eight delays with feedback side by side, then
# four that only smear. Reverberance is how long it lasts, damping how soon treble dies, room scale
# how long the delays are. The result is as long as the input, hence the padding.

# %%

rooms = ["reverb 20", "reverb 80", "reverb 80 0", "reverb 80 50 20", "reverb -w 80"]
tracks = run(effects.pad(speech, rate, after_s=1.0), *rooms)
stereo = {name: track.expand(2, -1) for name, track in tracks.items()}
display.player(stereo, rate)

# %%

responses = [
    effects.reverb_impulse_response(1.5, rate, reverberance=20.0)[0],
    effects.reverb_impulse_response(1.5, rate, reverberance=80.0)[0],
    effects.reverb_impulse_response(1.5, rate, reverberance=80.0, hf_damping=0.0)[0],
    effects.reverb_impulse_response(1.5, rate, reverberance=80.0, room_scale=20.0)[0],
]
display.plot_comparison(responses, rate, rooms[:4], kind="spectrogram", n_fft=512)

# %% [markdown]
# A click in each room, over frequency. Without damping, treble lasts as long as bass; a small room
# has shorter delays, and dies sooner.
#
# Pitfalls
# --------
#
# - *Cut tails.* ``echo`` and ``echos`` lengthen the sound by their longest delay; ``reverb``,
#   ``chorus`` and ``flanger`` have rules of their own. Check the shape, and pad first.
# - *One LFO for all.* Items of a batch swing together, from the same phase at their first sample.
# - *Mono from a stereo flanger.* Its channels are shifted in phase; the sum of them flanges twice.
# - *Milliseconds and seconds.* SoX's words mix them. The functions take seconds everywhere.
#
# Try this
# --------
#
# - Set ``regen`` of :func:`audiolab.effects.flanger` to 0.8 and to -0.8, and look at the noise.
# - Make a room with ``echos`` alone, from as many delays as you have patience for.
# - Take the impulse response of a room, and of the same room after ``speed 0.5``.
#
# References
# ----------
#
# - \J. Dattorro, *Effect Design, Part 2: Delay-Line Modulation and Chorus*, Journal of the Audio
#   Engineering Society 45(10), 1997.
# - \M. R. Schroeder, *Natural Sounding Artificial Reverberation*, Journal of the Audio Engineering
#   Society 10(3), 1962.
# - \J. O. Smith, *Physical Audio Signal Processing*, `Freeverb
#   <https://ccrma.stanford.edu/~jos/pasp/Freeverb.html>`__, 2010.
