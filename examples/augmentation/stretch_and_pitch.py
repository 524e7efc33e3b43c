# %% [markdown]
"""
Stretch and pitch
=================

Three ways to make a sound slower without making it lower: cut and join, the phase vocoder of the
textbooks, and one that keeps partials, attacks and channels together. Each is heard on a voice, on
music and on a drum, and measured on sounds of which it is known how they should come out.

**What you will hear.** A drum hit twice, a drum that fades in, chords that go under water, and a
voice that becomes another person's, or stays itself, four semitones up.
"""

# %%

import matplotlib.pyplot as plt
import torch

from audiolab import augment, display, signals
from audiolab.features import inverse_spectrogram, phase_vocoder, spectrogram
from audiolab.resample import resample

display.use_style()

# %% [markdown]
# Three ways
# ----------
#
# **What can be kept?** A sound of twice the length needs something for the time in between. WSOLA
# takes pieces of the waveform, and joins them where one looks like the continuation of the other.
# A phase vocoder takes spectra: frame :math:`k` is written at :math:`kH` and read at
# :math:`r k H`, and each bin's phase is turned so that it goes on from the frame before. The
# textbook turns every bin for itself. `audiolab.augment.time_stretch` turns all bins around a
# peak together, by what turns the spectrum *H samples earlier in the input* into the frame that was
# written last:
#
# .. math:: Y_k = z_k X_k, \qquad z_k = \frac{\langle Y_{k-1}, X'_k \rangle}
#     {|\langle Y_{k-1}, X'_k \rangle|}
#
# No frequency is estimated, so none can be estimated wrongly.

# %%

rate = 16_000


def textbook(x, tempo):
    spectra = spectrogram(x, power=None, n_fft=1024, hop_length=256)
    slower = phase_vocoder(spectra, tempo, hop_length=256)
    length = augment.stretched_length(x.shape[-1], tempo)
    return inverse_spectrogram(slower, n_fft=1024, hop_length=256, length=length)


ways = {
    "cut and join": lambda x, tempo: augment.time_stretch(x, rate, tempo),
    "textbook": textbook,
    "locked": lambda x, tempo: augment.time_stretch(x, rate, tempo, engine="phase_vocoder"),
}

# %% [markdown]
# A voice
# -------
#
# **Who may speak slowly?** At 0.75 of its tempo, a voice is still the same voice by all three. The
# textbook's sounds as from a bathroom: its partials no longer peak together, as the pulses of a
# voice do.

# %%

speech = resample(signals.clip("speech")[0][:, :60_000], 24_000, rate)
slow = {name: way(speech, 0.75) for name, way in ways.items()}
display.player(slow, rate)

# %% [markdown]
# Two tones
# ---------
#
# **What is left when the tones are taken away?** Two steady tones come out as two steady tones of
# the same frequencies, at whatever amplitudes and phases. So fit those two sinusoids by least
# squares: what remains is the stretcher's own.

# %%

two = signals.tone(440.0, 2.0, rate) + signals.tone(2000.0, 2.0, rate)


def rest_db(y):
    y = y[rate // 2 : 3 * rate // 2].double()
    turns = 2 * torch.pi * torch.arange(rate, dtype=torch.float64) / rate
    waves = torch.stack([f(turns * hz) for hz in (440, 2000) for f in (torch.sin, torch.cos)], 1)
    rest = y - waves @ torch.linalg.lstsq(waves, y[:, None]).solution[:, 0]
    return float(20 * torch.log10(rest.std() / y.std()))


longer = {name: way(two[None], 0.8)[0] for name, way in ways.items()}
rests = {name: rest_db(y) for name, y in longer.items()}
print("\n".join(f"{name:13} {level:7.1f} dB" for name, level in rests.items()))

# sphinx_gallery_start_ignore
assert rests["locked"] < -100
assert -60 < rests["textbook"] < -25
assert rests["cut and join"] > -25
# sphinx_gallery_end_ignore

# %%

panel = display.plot_comparison(
    [y[rate // 2 : 3 * rate // 2] for y in longer.values()],
    rate,
    list(longer),
    kind="spectrum",
    title="Two tones, stretched to 1.25 of their length: around the first of them",
    range_db=130.0,
)
panel.set_xlim(240, 640)
plt.show()

# %% [markdown]
# WSOLA can join one tone perfectly, or the other: in between lies a hum at the rate of its pieces.
# It was made for voices, in which all partials are multiples of one pitch. The textbook's tones
# have skirts, as the bins of one peak drift apart. Locked, both are clean to the window's last
# side lobe.
#
# A drum
# ------
#
# **Where does an attack go?** A window of 64 ms knows that there was an attack, and only the phases
# say where in it. Turn them, and the attack is everywhere in the window. The locked vocoder finds
# onsets first, turns nothing that begins there, and lets time pass at its normal speed around them.

# %%

hit = signals.white_noise(0.25, rate, generator=3) * torch.logspace(0, -3, rate // 4)
beats = torch.zeros(1, 2 * rate)
for place in (4000, 12_000, 20_000, 26_000):
    beats[0, place : place + len(hit)] += hit
drums = {name: way(beats, 0.75) for name, way in ways.items()}

figure, panels = plt.subplots(3, 1, sharex=True, sharey=True, figsize=(8, 5), layout="constrained")
around = slice(round(12_000 / 0.75) - 960, round(12_000 / 0.75) + 1600)
time_ms = (torch.arange(around.start, around.stop) - 12_000 / 0.75) / rate * 1000
for panel, (name, drum) in zip(panels, drums.items(), strict=True):
    panel.plot(time_ms, drum[0, around], linewidth=0.8)
    panel.set(title=name.capitalize(), ylabel="Amplitude (FS)")
panels[-1].set_xlabel("Time from where the rate puts the second hit (ms)")
plt.show()

# %% [markdown]
# How much comes too early? The energy of the 50 ms before the four hits, over all of it:

# %%

starts = [round(place / 0.75) for place in (4000, 12_000, 20_000, 26_000)]
early = {}
for name, drum in drums.items():
    energy = drum[0].square()
    before = sum(float(energy[start - 800 : start - 16].sum()) for start in starts)
    early[name] = 100 * before / float(energy.sum())
    print(f"{name:13} {early[name]:6.2f} %")

# sphinx_gallery_start_ignore
assert early["locked"] < 0.1
assert early["textbook"] > 5
# sphinx_gallery_end_ignore

# %%

display.player(drums, rate)

# %% [markdown]
# Music
# -----
#
# **And all of it at once?** Chords and their plucked beginnings, in stereo. The locked vocoder
# turns left and right by the same phases, so that what lay between them stays there.

# %%

music = resample(signals.clip("music")[0][:, 44_100 : 3 * 44_100], 44_100, rate)
chords = {name: way(music, 0.75) for name, way in ways.items()}
display.player(chords, rate)

# %% [markdown]
# Pitch
# -----
#
# **What makes a voice a person's?** A change of pitch is a change of tempo, and of the speed of
# reading that takes it back: :math:`2^{s/12}` times as fast for :math:`s` semitones. That moves
# the resonances of the throat too, and makes the speaker smaller. ``preserve_formants`` smooths
# each log spectrum over the tips of its harmonics, and gives every bin the envelope that belongs
# where it is going to be.

# %%

voices = {
    "as recorded": speech,
    "4 semitones up": augment.pitch_shift(speech, rate, 4.0, engine="phase_vocoder"),
    "with its formants": augment.pitch_shift(
        speech, rate, 4.0, engine="phase_vocoder", preserve_formants=True
    ),
}
display.player(voices, rate)

# %% [markdown]
# The same on a vowel of which the formants are known: 50 partials under three resonances.

# %%

partials = 120.0 * torch.arange(1, 51)[:, None]
peaks = torch.tensor([[600.0, 120.0, 1.0], [1400.0, 150.0, 0.6], [2800.0, 250.0, 0.3]])


def envelope(hz):
    return sum(gain / (1 + ((hz - centre) / width) ** 2) for centre, width, gain in peaks.tolist())


time = torch.arange(2 * rate) / rate
vowel = 0.1 * (envelope(partials) * torch.sin(2 * torch.pi * partials * time + partials)).sum(0)

# %%

off_db, curves = {}, {}
for kept in (False, True):
    y = augment.pitch_shift(vowel, rate, 4.0, engine="phase_vocoder", preserve_formants=kept)
    levels = torch.fft.rfft(y[rate // 2 : 3 * rate // 2] * torch.hann_window(rate)).abs()
    places = partials[:25, 0] * 2 ** (4 / 12)
    curves[kept] = torch.stack(
        [levels[round(hz) - 2 : round(hz) + 3].max() for hz in places.tolist()]
    )
    difference = 20 * torch.log10(curves[kept] / envelope(places))
    off_db[kept] = float((difference - difference.mean()).square().mean().sqrt())
print(f"off the vowel's envelope: {off_db[False]:.1f} dB, with its formants {off_db[True]:.1f} dB")

# sphinx_gallery_start_ignore
assert off_db[False] > 6
assert off_db[True] < 1.5
# sphinx_gallery_end_ignore

# %%

figure, panel = plt.subplots(figsize=(8, 3.2), layout="constrained")
hz = torch.arange(100.0, 3800.0, 10.0)
panel.plot(hz, 20 * torch.log10(envelope(hz)), color="0.6", label="the vowel's envelope")
for kept, name in ((False, "4 semitones up"), (True, "with its formants")):
    level_db = 20 * torch.log10(curves[kept] / (0.1 * rate / 4))
    panel.plot(places, level_db, "o", markersize=4, label=name)
panel.set(title="A vowel's partials, shifted", xlabel="Frequency (Hz)", ylabel="Level (dB)")
panel.legend()
plt.show()

# %% [markdown]
# In a batch
# ----------
#
# **Each item its own?** Rates and semitones may be a tensor. An item's samples are the same to the
# bit alone and in any batch, and times of labels are divided by its rate.

# %%

batch = torch.stack([speech, speech.flip(-1), speech])
tempos = torch.tensor([0.8, 1.0, 1.25])
out = augment.time_stretch(batch, rate, tempos)
alone = augment.time_stretch(batch[2:], rate, 1.25)
print(
    f"shape {tuple(out.shape)}, valid {augment.stretched_length(batch.shape[-1], tempos).tolist()}"
)
print(f"the third alone, to the bit: {torch.equal(alone[0], out[2, :, : alone.shape[-1]])}")
print(f"a word at 1.2 s: {[f'{t:.2f}' for t in augment.stretched_time_s(1.2, tempos).tolist()]} s")

# sphinx_gallery_start_ignore
assert torch.equal(alone[0], out[2, :, : alone.shape[-1]])
# sphinx_gallery_end_ignore

# %% [markdown]
# Pitfalls
# --------
#
# - *WSOLA on mixtures.* Two voices at once have no common period; choose the vocoder.
# - *The vocoder on a dry voice.* It is the slower one, and reverberates a little. For training on
#   speech, WSOLA is as good, and several times as fast.
# - *Labels.* A tempo moves them, a pitch does not; cut and join moves a sample by up to half the
#   search range more, 8 ms.
# - *The top of the band.* Upwards, what would exceed half the sample rate is lost. Downwards, the
#   top stays empty, and a network can see that.
# - *Gradients* go through cuts and transforms; where to cut, and by how much to turn, they take for
#   constant.
#
# Try this
# --------
#
# - Stretch the drum by 0.4. At which tempo does the tail of a hit begin to sound like metal?
# - Shift the voice by twelve semitones, with formants and without.
# - Choose ``use="speech"`` for the music, with windows of 40 ms: which partials begin to beat?
#
# References
# ----------
#
# - \W. Verhelst, M. Roelands, *An Overlap-Add Technique Based on Waveform Similarity (WSOLA) for
#   High Quality Time-Scale Modification of Speech*, ICASSP 1993,
#   `doi:10.1109/ICASSP.1993.319366 <https://doi.org/10.1109/ICASSP.1993.319366>`__.
# - \J. Laroche, M. Dolson, *Improved Phase Vocoder Time-Scale Modification of Audio*, IEEE
#   Transactions on Speech and Audio Processing 7(3), 1999,
#   `doi:10.1109/89.759041 <https://doi.org/10.1109/89.759041>`__.
# - \A. Röbel, *A New Approach to Transient Processing in the Phase Vocoder*, DAFx 2003.
# - \A. Röbel, X. Rodet, *Efficient Spectral Envelope Estimation and its Application to Pitch
#   Shifting and Envelope Preservation*, DAFx 2005.
