# %% [markdown]
"""
Aliasing by ear
===============

What a new sample rate cannot hold does not vanish by itself: it comes back at another pitch. This
page takes samples away with and without a filter, from a glide, a voice and music, and puts samples
in between again, so that you know the sound of each mistake when you meet it.

**What you will hear.** A glide that turns around, esses that whistle, strings that are no longer in
tune, and a voice with a metallic double.
"""

# %%

import torch

from audiolab import display, metrics, signals
from audiolab.resample import resample

display.use_style()

# %% [markdown]
# A glide that turns around
# -------------------------
#
# **Where does a tone go that is too high?** At the rate :math:`f_s`, tones at :math:`f` and at
# :math:`|f - k f_s|` have the same samples for every whole :math:`k`. So a tone above
# :math:`f_s / 2` comes out at the one of these that lies below: the axis is folded like a strip of
# paper. ``waveform[..., ::3]`` takes every third sample and filters nothing.

# %%

rate, new_rate = 24_000, 8_000
glide = signals.linear_sweep(500, 11_500, 3.0, rate)

every_third = glide[::3]
filtered = resample(glide, rate, new_rate)
names = ["At 24 kHz", "Every third sample", "Filtered, then every third sample"]
display.plot_comparison(
    [glide, every_third, filtered], [rate, new_rate, new_rate], names, kind="spectrogram", n_fft=512
)

# %% [markdown]
# The tone climbs to 4 kHz, comes down to 0 at 8 kHz, and climbs again: the same 3.5 kHz stand for
# 3.5, 4.5 and 11.5 kHz, and nobody who gets the file can tell them apart. Filtered, there is
# silence instead.

# %%

display.player({"every third sample": every_third, "filtered": filtered}, new_rate)

# %% [markdown]
# A voice
# -------
#
# **Does speech have anything up there?** An *s* has most of its energy above 4 kHz. Without a
# filter it ends up in the middle of the vowels' range. Two ways to go without one are common in
# code: a slice, and interpolation; at a whole ratio they are the same.

# %%

speech = signals.clip("speech")[0][:, : 3 * rate]
voices = {
    "every third sample": speech[:, ::3],
    "torchaudio's default": resample(speech, rate, new_rate, method="torchaudio_hann"),
    "audiolab": resample(speech, rate, new_rate),
}
interpolated = resample(speech, rate, new_rate, method="linear")
print(f"interpolated = every third: {torch.equal(interpolated, voices['every third sample'])}")

# sphinx_gallery_start_ignore
assert torch.equal(interpolated, voices["every third sample"])
# sphinx_gallery_end_ignore

# %%

display.plot_comparison(
    list(voices.values()), new_rate, list(voices), kind="spectrogram", n_fft=256
)

# %% [markdown]
# How strong is what was folded in? Twenty times a second, take the energy of the difference from
# the clean version; the table shows the loudest such moment, and what should have been there.

# %%


def energy_db(waveform):
    frames = waveform[0].unfold(-1, new_rate // 20, new_rate // 20)
    return metrics.rms_db(frames)


clean_db = energy_db(voices["audiolab"])
for name in ["every third sample", "torchaudio's default"]:
    folded_db = energy_db(voices[name] - voices["audiolab"])
    at = int(folded_db.argmax())
    wanted = f"where {float(clean_db[at]):.0f} dBFS should be"
    print(f"{name:21} {float(folded_db[at]):6.1f} dBFS at {at / 20:.2f} s, {wanted}")

# sphinx_gallery_start_ignore
worst = int(energy_db(voices["every third sample"] - voices["audiolab"]).argmax())
folded_db = energy_db(voices["every third sample"] - voices["audiolab"])[worst]
assert folded_db > clean_db[worst] + 25
soft_db = energy_db(voices["torchaudio's default"] - voices["audiolab"])
assert soft_db.max() < folded_db - 10
# sphinx_gallery_end_ignore

# %% [markdown]
# One hiss is 30 dB *louder* than the sound that it lands on. Listen for the esses:

# %%

display.player(voices, new_rate)

# %% [markdown]
# torchaudio's default folds only what lies just above 4 kHz, into what lies just below. In speech
# that is hard to hear, which is why nobody notices.
#
# A melody
# --------
#
# **And for music?** Harmonics stand in whole ratios. A folded one does not: it is a note that the
# chord does not have, and moves down when the melody moves up.

# %%

music_rate, low_rate = 48_000, 8_000
bright = {"brightness": 1.0, "decay_s": 1.0}
notes = [1046.5, 1174.7, 1318.5, 1396.9, 1568.0, 1760.0]  # C6 to A6
strings = [signals.pluck(note, 0.5, music_rate, generator=0, **bright) for note in notes]
melody = torch.cat(strings)

# %%

melodies = {
    "every sixth sample": melody[::6],
    "torchaudio's default": resample(melody, music_rate, low_rate, method="torchaudio_hann"),
    "audiolab": resample(melody, music_rate, low_rate),
}
display.plot_comparison(
    list(melodies.values()), low_rate, list(melodies), kind="spectrogram", n_fft=1024
)

# %% [markdown]
# The fifth harmonic of the first note is 5232 Hz and comes out at 2768 Hz; that of the second,
# higher note is 5874 Hz and comes out lower, at 2126 Hz. torchaudio's default keeps such a line,
# too, where a harmonic lies just above 4 kHz.

# %%

for name in ["every sixth sample", "torchaudio's default"]:
    snr_db = float(metrics.snr_db(melodies["audiolab"], melodies[name]))
    print(f"{name:21} SNR {snr_db:4.1f} dB")

# sphinx_gallery_start_ignore
assert [round(low_rate - 5 * note) for note in notes[:2]] == [2768, 2126]
assert snr_db < 20
assert metrics.snr_db(melodies["audiolab"], melodies["every sixth sample"]) < 8
# sphinx_gallery_end_ignore

# %%

display.player(melodies, low_rate)

# %% [markdown]
# Images
# ------
#
# **What is the mistake in the other direction?** To go up from 8 to 24 kHz, two samples have to
# come between each pair. Repeat the old ones, draw straight lines, or filter: the sound below 4 kHz
# is nearly the same. Above it, there should be nothing; what there is, is a mirror.

# %%

narrow = voices["audiolab"]
ups = {
    "each sample three times": narrow.repeat_interleave(3, dim=-1),
    "straight lines": resample(narrow, new_rate, rate, method="linear"),
    "torchaudio's default": resample(narrow, new_rate, rate, method="torchaudio_hann"),
    "audiolab": resample(narrow, new_rate, rate),
}
display.plot_comparison(list(ups.values()), rate, list(ups), kind="spectrogram", n_fft=512)

# %%

hertz = torch.linspace(0, rate / 2, narrow.shape[-1] * 3 // 2 + 1)
for name, wave in ups.items():
    power = torch.fft.rfft(wave[0].double(), n=2 * (len(hertz) - 1)).abs().square()
    share_db = 10 * torch.log10(power[hertz > 4000].sum() / power[hertz <= 4000].sum())
    print(f"{name:24} images at {float(share_db):6.1f} dB")

# sphinx_gallery_start_ignore
assert share_db < -60
repeated = torch.fft.rfft(ups["each sample three times"][0].double()).abs().square()
edge = len(repeated) // 3
assert -24 < 10 * torch.log10(repeated[edge:].sum() / repeated[:edge].sum()) < -20
# sphinx_gallery_end_ignore

# %%

display.player(ups, rate)

# %% [markdown]
# The first version is the sound of old games and of cheap text-to-speech: every vowel has a
# metallic double. It is also brighter, and in a quick comparison "brighter" wins. Nothing in it was
# said.
#
# Pitfalls
# --------
#
# - *Slicing.* ``x[..., ::3]`` is no resampler, and neither is ``torch.nn.functional.interpolate``.
# - *Training on it.* A model that learned from aliased speech expects aliased speech: see
#   :ref:`Choosing for training and for listening
#   <sphx_glr_auto_examples_resampling_training_and_listening.py>`.
# - *Looking for it afterwards.* No filter takes an alias out again: it lies under the sound.
# - *Testing with quiet treble.* Speech without esses hides it. Test with a sweep.
#
# Try this
# --------
#
# - Let the glide run to 11.5 kHz at a rate of 6 kHz. How often does it turn?
# - Put a low-pass of your own before ``[::3]``. How long must it be?
# - Use the male voice: ``signals.clip("speech_male")``. Whose esses suffer more?
#
# References
# ----------
#
# - \H. Nyquist, *Certain Topics in Telegraph Transmission Theory*, Transactions of the AIEE 47(2),
#   1928, `doi:10.1109/T-AIEE.1928.5055024 <https://doi.org/10.1109/T-AIEE.1928.5055024>`__.
# - \A. J. Jerri, *The Shannon Sampling Theorem – Its Various Extensions and Applications: A
#   Tutorial Review*, Proceedings of the IEEE 65(11), 1977, `doi:10.1109/PROC.1977.10771
#   <https://doi.org/10.1109/PROC.1977.10771>`__.
