# %% [markdown]
"""
Time and pitch
==============

To make a recording longer without making it lower, one either cuts it into pieces and joins them
where they fit, or takes its spectrum apart and lets the phases run on. This page shows the seams of
the one and the blur of the other, and measures both.

**What you will hear.** A sentence and a click track, stretched in three ways; music at half the
tempo; and a voice three semitones up.
"""

# %%

import math

import librosa
import matplotlib.pyplot as plt
import torch
import torchaudio.functional as taf
import torchaudio.transforms as tat

import audiolab.io as audio_io
from audiolab import display, effects, features, signals

display.use_style()
rate = 24_000
speech, _ = audio_io.load(signals.clip_path("speech"), stop_s=3.0)

# %% [markdown]
# Cut and join: WSOLA
# -------------------
#
# **How can a piece be played at another time without a seam?** SoX's ``tempo`` writes pieces of
# 82 ms one after the other, each read from near ``factor`` times its place. *Near*: of all places
# up to 7 ms away it takes the one that continues the last piece best,
#
# .. math:: \hat s_k = \arg\min_{s \approx f k H} \sum_{n=0}^{L-1}
#           \left(x[s_{k-1} + H + n] - x[s + n]\right)^2,
#
# and cross-fades over L = 12 ms. H is the length of a piece without its fade.

# %%

segment, hop, overlap = 1968, 1680, 288  # 82, 70 and 12 ms
slow = effects.tempo(speech, rate, factor=0.8)
print(f"{speech.shape[-1] / rate:.2f} s become {slow.shape[-1] / rate:.2f} s")

# %% [markdown]
# Apart from the fades, the output is a *copy*. So where each piece was cut can be read off it:
# search the input, near the place, for the very same samples.

# %%


def source_of(piece, place, reach=400):
    near = max(0, place - reach)
    windows = speech[0, near : place + reach + len(piece)].unfold(-1, len(piece), 1)
    worst = (windows - piece).abs().amax(-1)
    return near + int(worst.argmin()), float(worst.min())


pieces = slow[0].unfold(-1, segment - overlap, hop)[:-1, overlap : segment - overlap]
uniform = [round(0.8 * k * hop) for k in range(len(pieces))]
found = [source_of(piece, place + overlap) for piece, place in zip(pieces, uniform, strict=True)]
starts = [place - overlap for place, _ in found]
moved_ms = [1000 * (start - place) / rate for start, place in zip(starts, uniform, strict=True)]
print(f"{len(found)} pieces, largest difference {max(error for _, error in found):g}")
print("moved by (ms):", *(f"{ms:.1f}" for ms in moved_ms[8:20]))

# sphinx_gallery_start_ignore
assert max(error for _, error in found) == 0
assert max(map(abs, moved_ms)) < 7.4
# sphinx_gallery_end_ignore

# %%

show = range(11, 16)
window = slice(starts[show[0]] - 400, starts[show[-1]] + segment + 400)
time_s = torch.arange(slow.shape[-1]) / rate
limit = float(speech[0, window].abs().max())

# %%

figure, (top, bottom) = plt.subplots(2, 1, figsize=(7.6, 4.6), sharey=True, layout="constrained")
top.plot(time_s[window], speech[0, window], color="0.6", linewidth=0.8)
for number, k in enumerate(show):
    line = {"color": f"C{number}", "linestyle": "-"}
    read_s, level = torch.tensor([0, segment]).add(starts[k]) / rate, 1.25 + 0.15 * (number % 2)
    top.plot(read_s, [-level * limit] * 2, **line, linewidth=4)
    part = slice(k * hop, (k + 1) * hop + 1)
    bottom.plot(time_s[part], slow[0, part], **line, linewidth=0.8)
    bottom.axvspan(k * hop / rate, (k * hop + overlap) / rate, color="0.5", alpha=0.2)
top.set(title="What is read: five pieces of 82 ms from the input", ylabel="Amplitude (FS)")
bottom.set(title="What is written: the same five, cross-fades shaded", ylabel="Amplitude (FS)")
bottom.set(xlabel="Time (s)")

# %% [markdown]
# The bars overlap, because at a tempo of 0.8 a fifth of the output is read twice. Across each
# shaded seam the periods of the voice continue: that is what the search was for.
#
# Let the phases run: the phase vocoder
# -------------------------------------
#
# **What else could be stretched?** A short-time spectrum. Frames are read more slowly, their
# magnitudes interpolated, and each bin's phase goes on by as much per frame as it did in the input,
#
# .. math:: \phi_{m+1}[k] = \phi_m[k] + \arg X_{t+1}[k] - \arg X_t[k],
#
# so that every tone keeps its frequency. :func:`audiolab.features.phase_vocoder` does this;
# torchaudio's ``TimeStretch`` is the same formula with its phases summed in float32.

# %%


def vocoder(x, factor, n_fft=1024):
    spectrum = features.spectrogram(x, power=None, n_fft=n_fft)
    spectrum = features.phase_vocoder(spectrum, factor, hop_length=n_fft // 4)
    length = round(x.shape[-1] / factor)
    return features.inverse_spectrogram(spectrum, n_fft=n_fft, length=length)


def theirs(x, factor, n_fft=1024):
    spectrum = features.spectrogram(x, power=None, n_fft=n_fft)
    spectrum = tat.TimeStretch(n_fft // 4, n_fft // 2 + 1)(spectrum, factor)
    length = round(x.shape[-1] / factor)
    return features.inverse_spectrogram(spectrum, n_fft=n_fft, length=length)


def wsola(x, factor, use="general"):
    return effects.tempo(x, rate, factor=factor, use=use)


# %%

display.player({"the sentence": speech}, rate)

# %%

tracks = {
    "WSOLA": slow,
    "WSOLA, for speech": wsola(speech, 0.8, "speech"),
    "phase vocoder": vocoder(speech, 0.8),
    "torchaudio's": theirs(speech, 0.8),
}
display.player(tracks, rate, caption="At a tempo of 0.8. The vocoders sound farther away.")

# %% [markdown]
# Nothing ties the phases of neighbouring bins to one another any more. Where they belonged
# together, as in each pulse of a voice, the pulse spreads over the window: *phasiness*, as in a
# small room.
#
# Transients
# ----------
#
# **What becomes of a click?** Eight claps, each a burst of noise that decays within 4 ms, at 0.6 of
# their tempo.

# %%

claps_s = [0.1 + 0.25 * k for k in range(8)]
burst = signals.white_noise(0.05, rate, generator=0) * torch.exp(
    -torch.arange(1200) / (0.004 * rate)
)
claps = torch.zeros(1, 2 * rate + 1200)
for at_s in claps_s:
    claps[0, int(at_s * rate) : int(at_s * rate) + 1200] += burst
stretched = {"WSOLA": wsola(claps, 0.6), "phase vocoder": vocoder(claps, 0.6)}
stretched["torchaudio's"] = theirs(claps, 0.6)
display.player(stretched, rate)

# %%

parts = [x[0, int(1.25 * rate) : int(1.65 * rate)] for x in stretched.values()]
titles = [f"A clap: {name}" for name in stretched]
display.plot_comparison(parts, rate, titles)

# %%

display.plot_comparison(parts, rate, titles, kind="spectrogram", n_fft=128, range_db=60)

# %% [markdown]
# The vocoders have smeared the clap over their windows. WSOLA copies it whole, but where the input
# is read twice, the clap may be in both copies: it is heard twice. Two numbers: how much lower the
# peak of a clap has become, in the median, and how many claps there are.

# %%


def lost_db(x, factor):
    places = [int(at_s / factor * rate) for at_s in claps_s]
    peaks = [x[0, max(0, place - 1500) : place + 1500].abs().max() for place in places]
    return float(20 * torch.log10(torch.stack(peaks).median() / claps.abs().max()))


def count_claps(x):
    level = torch.nn.functional.max_pool1d(x.abs(), 240, 240)[0]
    loud = level > 0.4 * level.max()
    return int((loud[1:] & ~loud[:-1]).sum())


# %%

for name, x in stretched.items():
    print(f"{name:15} {lost_db(x, 0.6):5.1f} dB, {count_claps(x):2} claps of {count_claps(claps)}")

# sphinx_gallery_start_ignore
assert count_claps(claps) == count_claps(stretched["phase vocoder"]) == 8
assert count_claps(stretched["WSOLA"]) > 8
assert lost_db(stretched["WSOLA"], 0.6) > -0.5
assert lost_db(stretched["phase vocoder"], 0.6) < -8
# sphinx_gallery_end_ignore

# %% [markdown]
# Chords
# ------
#
# **What is WSOLA bad at?** Sounds without one period. No place continues three tones whose periods
# never meet, and each seam is a jump in the phase of some. Here is what remains outside 5 Hz around
# the three tones, after each method and for several windows of the vocoder.

# %%

chord_hz = (220.0, 277.18, 329.63)
chord = sum(signals.tone(hz, 3.0, rate, amplitude=0.2) for hz in chord_hz)[None]


def residue_db(x):
    middle = x[0, rate : 3 * rate].double()
    power = torch.fft.rfft(middle * torch.hann_window(len(middle)).double()).abs().square()
    at_hz = torch.arange(len(power)) * rate / len(middle)
    near = sum((at_hz - hz).abs() < 5 for hz in chord_hz).bool()
    return float(10 * torch.log10(power[~near].sum() / power.sum()))


# %%

figure, panel = plt.subplots(figsize=(7.6, 3.6), layout="constrained")
for use in ("general", "music", "speech", "linear"):
    x_db, y_db = lost_db(wsola(claps, 0.6, use), 0.6), residue_db(wsola(chord, 0.8, use))
    panel.plot(x_db, y_db, "s", label=f"WSOLA, {use}")
sizes = (256, 512, 1024, 2048, 4096)
x_db = [lost_db(vocoder(claps, 0.6, size), 0.6) for size in sizes]
y_db = [residue_db(vocoder(chord, 0.8, size)) for size in sizes]
panel.plot(x_db, y_db, "o-", color="k", label="phase vocoder, by window")
for size, *place in zip(sizes, x_db, y_db, strict=True):
    panel.annotate(f"  {size}", place)
panel.set(title="Weaker claps against a rougher chord", xlabel="Peak of a clap (dB)")
panel.set(ylabel="Beside the chord (dB)")
panel.legend()

# sphinx_gallery_start_ignore
assert max(x_db) < -5
assert max(x_db[1:]) < -7.5
assert y_db[3] < -40
assert residue_db(wsola(chord, 0.8)) > -20
# sphinx_gallery_end_ignore

# %% [markdown]
# Down and to the right is better. Longer windows pay for the chord with the clap, until there is
# little left to lose: from 512 samples on it is 8 dB weaker, and only spreads further. WSOLA lies
# where no window does: the clap is whole, and the chord rough.

# %%

music, _ = audio_io.load(
    signals.clip_path("music"), sample_rate=rate, num_channels=1, start_s=1.0, stop_s=3.5
)
tracks = {
    "WSOLA": wsola(music, 0.5),
    "WSOLA, for music": wsola(music, 0.5, "music"),
    "phase vocoder, 2048": vocoder(music, 0.5, 2048),
}
display.player(tracks, rate, caption="Music at half its tempo: warbling against blur.")

# %% [markdown]
# Pitch
# -----
#
# **How does time become pitch?** Stretch by a ratio, then play faster by the same ratio. SoX's
# ``pitch`` does so with WSOLA, torchaudio's ``pitch_shift`` with a phase vocoder.

# %%

ratio = 2 ** (3 / 12)


def by_vocoder(x):
    return effects.speed(vocoder(x, 1 / ratio), factor=ratio)[..., : x.shape[-1]]


shifters = {
    "effects.pitch": lambda x: effects.pitch(x, rate, cents=300.0),
    "phase vocoder": by_vocoder,
    "torchaudio's": lambda x: taf.pitch_shift(x, rate, 3),
}


def peak_hz(x):
    spectrum = torch.fft.rfft(x.double() * torch.hann_window(len(x)).double()).abs().log()
    k = int(spectrum.argmax())
    left, top, right = spectrum[k - 1 : k + 2]
    return float(k + 0.5 * (left - right) / (left - 2 * top + right)) * rate / len(x)


# %%

tones_hz = (110.0, 440.0, 1000.0, 3520.0)
rows = []
for name, shift in shifters.items():
    off = []
    for hz in tones_hz:
        after = shift(signals.tone(hz, 2.0, rate)[None])[0, rate // 2 : 3 * rate // 2]
        off.append(1200 * math.log2(peak_hz(after) / hz) - 300)
    rows.append((name, *(f"{cents:+.2f}" for cents in off)))
header = ("cents off", *(f"{hz:g} Hz" for hz in tones_hz))
# sphinx_gallery_start_ignore
assert max(abs(float(cell)) for row in rows for cell in row[1:]) < 0.4
# sphinx_gallery_end_ignore

display.Table("Tones, three semitones up", header, tuple(rows))

# %% [markdown]
# Not half a cent is missing. And a voice, whose pitch is estimated in each frame before and after:

# %%


def voice_hz(x):
    return torch.from_numpy(librosa.yin(x[0].numpy(), fmin=80, fmax=500, sr=rate))


before = voice_hz(speech)
loud = features.spectrogram(speech, n_fft=2048, hop_length=512).sum(-2)[0]
loud = loud > 2 * loud.median()
shifted = {name: shift(speech)[:, : speech.shape[-1]] for name, shift in shifters.items()}
medians = []
for name, x in shifted.items():
    after = torch.nn.functional.pad(x, (0, speech.shape[-1] - x.shape[-1]))
    cents = 1200 * torch.log2(voice_hz(after) / before)[loud] - 300
    low, medium, high = cents.quantile(torch.tensor([0.25, 0.5, 0.75], dtype=cents.dtype)).tolist()
    medians.append(medium)
    print(f"{name:15} {medium:+5.1f} cents off in the median, half are {low:+5.1f} to {high:+5.1f}")

# sphinx_gallery_start_ignore
assert max(map(abs, medians)) < 10
# sphinx_gallery_end_ignore

# %% [markdown]
# All three hit the note to within ten cents. What differs is the voice around it:

# %%

display.player({"the sentence": speech} | shifted, rate)

# %% [markdown]
# Each moved the resonances of the throat together with the pitch, and so made the speaker smaller.
# Neither method knows what a throat is; that takes a model of the spectrum's envelope.
#
# Pitfalls
# --------
#
# - *The wrong defaults.* ``use="speech"`` takes pieces of 35 ms, and searches over half of one: a
#   search has to cover a period of the lowest voice. For music the pieces are longer.
# - *Far factors.* The slower, the more is read twice, and below 0.5 three times: claps stutter, and
#   vowels buzz.
# - *Stretching channels apart.* Each would be cut at other places. ``tempo`` cuts all channels of
#   an item together; items of a batch on their own.
# - *torchaudio's pitch_shift resamples between whole rates.* At 24 kHz, one semitone down takes it
#   from 22,652 to 24,000 Hz. Where the two have no common divisor, it builds a kernel with a filter
#   for every output sample of a second: gigabytes, and minutes.
# - *Frames that do not fit.* A vocoder needs hops of a quarter of the window or less.
#
# Try this
# --------
#
# - Set ``search_s=0``, and listen to what the search is good for.
# - Stretch the claps by 0.6 in two steps of 0.775. Are there more claps or fewer?
# - Split music with a median filter over its spectrogram into tones and clicks, stretch the one
#   with the vocoder and the other with WSOLA, and add.
#
# References
# ----------
#
# - \W. Verhelst, M. Roelands, *An Overlap-Add Technique Based on Waveform Similarity (WSOLA) for
#   High Quality Time-Scale Modification of Speech*, ICASSP 1993,
#   `doi:10.1109/ICASSP.1993.319366 <https://doi.org/10.1109/ICASSP.1993.319366>`__.
# - \J. L. Flanagan, R. M. Golden, *Phase Vocoder*, Bell System Technical Journal 45(9), 1966,
#   `doi:10.1002/j.1538-7305.1966.tb01706.x
#   <https://doi.org/10.1002/j.1538-7305.1966.tb01706.x>`__.
# - \J. Laroche, M. Dolson, *Improved Phase Vocoder Time-Scale Modification of Audio*, IEEE
#   Transactions on Speech and Audio Processing 7(3), 1999,
#   `doi:10.1109/89.759041 <https://doi.org/10.1109/89.759041>`__.
# - \J. Driedger, M. Mueller, *A Review of Time-Scale Modification of Music Signals*, Applied
#   Sciences 6(2), 2016, `doi:10.3390/app6020057 <https://doi.org/10.3390/app6020057>`__.
