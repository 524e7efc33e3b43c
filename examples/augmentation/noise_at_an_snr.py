# %% [markdown]
"""
Noise at an SNR
===============

"10 dB" is a promise about two levels, and much code breaks it. This page mixes a voice with noise
at three signal-to-noise ratios, measures what came out, takes apart the two mistakes that are
copied from tutorial to tutorial, and asks what *level* should mean when a voice has pauses.

**What you will hear.** A voice among voices at 20, 10 and 3 dB; a wrong mixer next to a right one;
a noise that loops with and without a click; and noise in five colours.
"""

# %%

import math

import matplotlib.pyplot as plt
import torch

from audiolab import augment, display, metrics, signals

display.use_style()
speech, rate = signals.clip("speech_female")
speech = speech[:, : 4 * rate]

# %% [markdown]
# Three levels
# ------------
#
# **What is asked for?** A ratio of two powers, in decibels. The voice :math:`s` stays as it is, and
# the noise :math:`n` gets a gain:
#
# .. math:: y = s + g\,n, \qquad g = \sqrt{\frac{\sum s^2}{\sum n^2}} \; 10^{-\mathrm{SNR}/20}.
#
# The 20 is for amplitudes: power goes with the square, and :math:`10^{-x/10}` is the square of
# :math:`10^{-x/20}`. ``metrics.snr_db`` measures the ratio from the two waveforms alone.

# %%

people = signals.babble(4.0, rate, generator=1)
noisy = {f"{snr_db} dB": augment.add_noise(speech, people, snr_db) for snr_db in (20, 10, 3)}
for name, mixed in noisy.items():
    print(f"asked for {name:>5}, measured {float(metrics.snr_db(speech, mixed)):7.4f} dB")

# sphinx_gallery_start_ignore
for snr_db, mixed in zip((20, 10, 3), noisy.values(), strict=True):
    assert abs(float(metrics.snr_db(speech, mixed)) - snr_db) < 1e-4
# sphinx_gallery_end_ignore

# %%

display.player({"clean": speech, **noisy}, rate)

# %% [markdown]
# The voice is equally loud in all four, which is the point: only what lies under it changes. At
# 3 dB you still follow her; that takes a brain, and is hard for a model.
#
# Two classic mistakes
# --------------------
#
# **What goes wrong in code?** One snippet has been copied into a great many tutorials and
# repositories. It has two errors, and they hide behind each other.
#
# .. warning::
#
#    **Amplitudes with the wrong exponential.** The snippet computes ``snr = exp(snr_db / 10)`` and
#    multiplies a ratio of *norms* with it, which are amplitudes. But a decibel is a power of ten,
#    and for amplitudes there are 20 of them to a factor of ten. What comes out is
#    :math:`20 \log_{10} e^{x/10} = 0.8686\,x`: all ratios are too low, by a constant share.
#
#    **Halving the sum.** It scales the *speech*, adds the noise and divides by two, so that nothing
#    clips. Divided by two is not a guarantee against clipping; and the level of the speech now
#    depends on that of the noise and on the ratio. A model that learns from it hears quiet voices
#    in loud noise only.

# %%


def classic(clean, noise, snr_db):
    ratio = math.exp(snr_db / 10)
    scale = ratio * noise.norm() / clean.norm()
    return (scale * clean + noise) / 2, scale / 2


quiet = 0.1 * people  # as recorded: the snippet takes noise as loud as it is
for snr_db in (20, 10, 3):
    wrong, voice = classic(speech, quiet, snr_db)
    measured = float(metrics.snr_db(voice * speech, wrong))
    level_db = 20 * math.log10(voice)
    print(f"asked for {snr_db:2} dB: got {measured:6.3f} dB, voice moved by {level_db:6.1f} dB")

# sphinx_gallery_start_ignore
assert abs(measured - 0.868589 * snr_db) < 1e-3
assert level_db < -20
# sphinx_gallery_end_ignore

# %%

wrong = classic(speech, quiet, 10)[0]
display.player({"clean": speech, "the snippet, 10 dB": wrong, "10 dB": noisy["10 dB"]}, rate)

# %% [markdown]
# What is a level?
# ----------------
#
# **Should a pause count?** Power is a mean over everything. Append five seconds of silence, and the
# same voice "needs" less noise. Speech technology therefore measures *active* speech (ITU-T P.56),
# that is without pauses; listeners weigh frequencies (A, or loudness with its gates). Each is a
# ``measure``: for each, the ratio asked for is the ratio measured, and the gains differ.

# %%

hum = signals.harmonic_tone(50.0, 1.0, rate)
hiss = augment.colored_noise(rate, rate, exponent=-1.0, seeds=0)
paused = torch.nn.functional.pad(speech, (0, 5 * rate))
print("gain of the noise at 10 dB, in dB    hum    hiss    hum, after 5 s of silence")
gains = {}
for measure in ("power", "active", "a-weighted", "lufs"):
    row = []
    for voice, noise in ((speech, hum), (speech, hiss), (paused, hum)):
        mixture = augment.mix_noise(voice, noise, 10.0, measure=measure, sample_rate=rate)
        row.append(20 * math.log10(mixture.gain))
    gains[measure] = row
    print(f"{measure:31} {row[0]:8.1f} {row[1]:7.1f} {row[2]:8.1f}")

# sphinx_gallery_start_ignore
assert gains["power"][2] < gains["power"][0] - 3
assert abs(gains["active"][2] - gains["active"][0]) < 0.5
assert gains["a-weighted"][0] > gains["power"][0] + 4
assert gains["a-weighted"][1] < gains["power"][1] - 4
assert all(abs(gains[each][2] - gains[each][0]) < 0.5 for each in ("active", "lufs"))
assert all(3 < gains[each][0] - gains[each][2] < 4 for each in ("power", "a-weighted"))
# sphinx_gallery_end_ignore

# %% [markdown]
# Silence takes 3.5 dB from the two plain means, and next to nothing from active speech and
# loudness. And weighted by the ear, a hum may be much stronger than a hiss. Power is the right
# default to compare with papers; "active" is right as soon as recordings are padded.
#
# Noise that is too short
# -----------------------
#
# **What if the noise ends before the voice does?** It is repeated. Put end to end, it clicks once a
# turn, and a model will learn that click. ``fit_noise`` lets the end fade out while the beginning
# fades in, with weights whose *squares* add up to one: unrelated noises add in power.

# %%

short = augment.colored_noise(rate // 2, rate, exponent=2.0, seeds=4)[: rate // 3]
loops = {
    "end to end": augment.fit_noise(short, 3 * rate, crossfade_samples=0),
    "joined over 20 ms": augment.fit_noise(short, 3 * rate, crossfade_samples=rate // 50),
}
figure, panel = plt.subplots(figsize=(7.6, 2.6), layout="constrained")
for (name, loop), turn in zip(loops.items(), (len(short), len(short) - rate // 50), strict=True):
    around = loop[turn - 240 : turn + 720]
    panel.plot(1000 * torch.arange(-240, 720) / rate, around, label=name)
panel.set(title="The first turn of a loop", xlabel="Time from the turn (ms)", ylabel="Amplitude")
panel.legend()

# %%

display.player(loops, rate, caption="Three clicks a second, or none.")

# %% [markdown]
# Colours
# -------
#
# **Which noise?** Hiss, rain and traffic differ in how power falls with frequency. Many sounds
# around us follow :math:`f^{-e}`, so one number, drawn anew for each item, goes a long way:
# :math:`e` = 0 is white, 1 pink, 2 brown; negative ones rise.

# %%

names = {"violet": -2.0, "blue": -1.0, "white": 0.0, "pink": 1.0, "brown": 2.0}
noises = augment.colored_noise((5, rate), rate, exponent=list(names.values()), seeds=range(5))
in_colour = augment.add_noise(speech[:, : 3 * rate].expand(5, -1), noises, 10.0)
display.plot_comparison(list(noises), rate, list(names), kind="spectrum")

# %%

display.player(dict(zip(names, in_colour, strict=True)), rate)

# %% [markdown]
# All five have the same SNR, 10 dB. They are not equally loud, and not equally in the way: brown
# noise hides nothing of a voice, white and pink noise cover its consonants.
#
# One item or a thousand
# ----------------------
#
# **Does the batch matter?** It must not. Ratios, offsets, lengths and seeds are given an item at a
# time, and an item comes out the same to the last bit whether it is alone or among others, with
# one thread or many. So an experiment can be repeated with another batch size.

# %%

clips = torch.stack([speech[0], signals.clip("speech_male")[0][0, : 4 * rate]])
background = augment.colored_noise((2, rate), rate, exponent=[0.5, 1.5], seeds=[7, 8])
batch = augment.add_noise(clips, background, [20.0, 5.0], offset=[0, 900])

again = augment.colored_noise(rate, rate, exponent=1.5, seeds=8)
alone = augment.add_noise(clips[1], again, 5.0, offset=900)
print(f"the second item, alone and in a batch: equal to the bit: {torch.equal(batch[1], alone)}")

# sphinx_gallery_start_ignore
assert torch.equal(batch[1], alone)
# sphinx_gallery_end_ignore

# %% [markdown]
# ``mix_noise`` also returns the two parts and the gain, which is what training for enhancement
# needs: the sum of the parts is the mixture, exactly. `audiolab.augment.NoiseBank` takes noises
# from a folder.
#
# Pitfalls
# --------
#
# - *Decibels of what.* :math:`10 \log_{10}` of powers, :math:`20 \log_{10}` of amplitudes. If you
#   see ``exp`` near a decibel, look twice.
# - *Normalising the mixture.* Dividing by its peak changes the voice by what the noise happens to
#   peak at. Draw a gain for the mixture instead.
# - *Silent stretches.* A recording of a street has gaps. No gain makes silence 10 dB quieter than a
#   voice: ``add_noise`` raises, or keeps such an item clean with ``on_silence="keep"``.
# - *Padding.* Zeros at the end of a batch lower the measured power of a voice: pass ``lengths``.
#
# Try this
# --------
#
# - Mix at -5 dB. Then use ``signals.white_noise`` instead of voices: which is easier to follow?
# - Give the noise two channels and the voice too. One gain serves both; why?
# - Measure the hum with ``metrics.a_weighted_db`` and with ``metrics.rms_db``.
#
# References
# ----------
#
# - ITU-T P.56, *Objective measurement of active speech level*, 2011.
# - ITU-R BS.1770-4, *Algorithms to measure audio programme loudness and true-peak audio level*,
#   2015.
# - \J. Timmer and \M. König, *On generating power law noise*, Astronomy and Astrophysics 300, 1995.
