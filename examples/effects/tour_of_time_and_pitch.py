# %% [markdown]
"""
A tour of the effects: time, pitch and rate
===========================================

A sound has a length and a pitch, and a recording has a sample rate; eight effects change one of the
three, or two of them together. Here all are applied to the same sentence.

**What you will hear.** Speech that is faster, higher, or both; and what samples left out or put in
do to music.
"""

# %%

import torch

import audiolab.io as audio_io
from audiolab import display, effects, signals
from audiolab.effects import EffectsChain

display.use_style()
rate = 24_000
options = {"sample_rate": rate, "num_channels": 1}
speech, _ = audio_io.load(signals.clip_path("speech"), stop_s=2.5, **options)
music, _ = audio_io.load(signals.clip_path("music"), stop_s=3.0, **options)
notes = signals.harmonic_tone(660.0, 2.0, rate)[None]

# %% [markdown]
# A player wants its tracks equally long, so what became shorter is padded with silence.

# %%


def run(sound, *chains):
    results = {words: EffectsChain(words, sample_rate=rate)(sound) for words in chains}
    return {"as it was": sound} | results


def equally_long(tracks):
    longest = max(track.shape[-1] for track in tracks.values())
    return {
        name: torch.nn.functional.pad(track, (0, longest - track.shape[-1]))
        for name, track in tracks.items()
    }


# %% [markdown]
# Faster, higher, or both
# -----------------------
#
# **Which is which?** ``speed`` plays the tape faster: shorter and higher. ``tempo`` leaves out
# pieces that are alike: shorter only. ``pitch`` does the one and undoes the other: higher only, by
# cents. ``stretch`` is an older ``tempo`` that does not look for alike places, and whose factor is
# that of the length. ``bend`` slides the pitch while the sound goes on.

# %%

chains = [
    f"speed 1.25 rate {rate}",
    "tempo -s 1.25",
    f"pitch 386 rate {rate}",
    "stretch 0.8",
    "bend 0.4,700,0.8",
]
tracks = run(speech, *chains)
for name, track in tracks.items():
    print(f"{name:24} {track.shape[-1] / rate:.3f} s")
# sphinx_gallery_start_ignore
for chain in (chains[0], chains[1], chains[3]):
    assert abs(tracks[chain].shape[-1] / rate - 2.0) < 0.05, chain
for chain in (chains[2], chains[4]):
    assert abs(tracks[chain].shape[-1] / rate - 2.5) < 0.05, chain
# sphinx_gallery_end_ignore
display.player(equally_long(tracks), rate)

# %% [markdown]
# A tone of 660 Hz with its harmonics shows pitch and length at once. 386 cents are a factor of
# 1.25.

# %%

results = [track[0] for track in run(notes, *chains).values()]
names = ["660 Hz", *(words.split()[0] for words in chains)]
display.plot_comparison(results, rate, names, kind="spectrogram", range_db=60.0, n_fft=1024)

# %% [markdown]
# ``speed`` and ``pitch`` move the lines and ``bend`` slides them; ``speed``, ``tempo`` and
# ``stretch`` end early. What ``stretch`` adds around its lines are the seams.
#
# The sample rate
# ---------------
#
# **What if nothing should change?** ``rate`` converts, and keeps length and pitch. ``upsample`` and
# ``downsample`` are its raw halves: zeros put in, samples left out, and no filter. Their results
# have another rate, so they are brought back here to be heard together.

# %%

back = f"rate {rate}"
converted = ["rate 8000", "downsample 3", "rate -q 8000", "rate 8000 upsample 3 vol 3"]
tracks = run(music, *(words if "upsample" in words else f"{words} {back}" for words in converted))
heard = music.shape[-1] - 100
display.player({name: track[:, :heard] for name, track in tracks.items()}, rate)

# %%

sweep = signals.log_sweep(100.0, 11_900.0, 2.0, rate)[None]
results = [track[0] for track in run(sweep, *list(tracks)[1:]).values()]
names = ["sweep", *converted]
display.plot_comparison(results, rate, names, kind="spectrogram", range_db=80.0)

# %% [markdown]
# ``downsample`` folds what is above 4 kHz down, as aliases; ``upsample`` mirrors what is below up,
# as images. ``rate`` does neither, except with ``-q``: that is a curve through the samples, without
# a filter.
#
# As functions
# ------------
#
# **Where did the rate go?** A function returns a tensor, and its name says what the samples are
# now. ``speed`` and ``pitch`` return samples for the rate that came in.

# %%

faster = effects.speed(speech, factor=1.25)
shorter = effects.tempo(speech, rate, factor=1.25, use="speech")
higher = effects.pitch(speech, rate, cents=386.0)
for name, result in {"speed": faster, "tempo": shorter, "pitch": higher}.items():
    print(f"{name}: {result.shape[-1] / rate:.3f} s")

# %% [markdown]
# Pitfalls
# --------
#
# - *Factors.* 1.25 is faster for ``speed`` and ``tempo``, and slower for ``stretch``.
# - *tempo without an option.* Its segments suit music at moderate factors; ``-s`` is for speech,
#   ``-m`` for music, ``-l`` for factors near 1.
# - *speed and pitch in a chain.* They only declare another rate; without ``rate`` behind them the
#   next effect works at that.
# - *Voices.* ``pitch`` moves formants along: higher speakers become smaller ones.
#
# Try this
# --------
#
# - Slow the speech to 0.6 with ``tempo``, ``tempo -s`` and ``stretch``.
# - Bend twice: ``bend 0.2,300,0.3 0.3,-600,0.5``.
# - Find the factor at which ``tempo`` begins to stutter on ``signals.clip("music")``.
#
# References
# ----------
#
# - \W. Verhelst, M. Roelands, *An Overlap-Add Technique Based on Waveform Similarity (WSOLA) for
#   High Quality Time-Scale Modification of Speech*, ICASSP 1993,
#   `doi:10.1109/ICASSP.1993.319366 <https://doi.org/10.1109/ICASSP.1993.319366>`__.
# - \J. Laroche, M. Dolson, *Improved Phase Vocoder Time-Scale Modification of Audio*, IEEE
#   Transactions on Speech and Audio Processing 7(3), 1999, `doi:10.1109/89.759041
#   <https://doi.org/10.1109/89.759041>`__.
