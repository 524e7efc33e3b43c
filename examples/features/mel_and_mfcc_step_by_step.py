# %% [markdown]
"""
Mel spectrogram and MFCC, step by step
======================================

librosa and torchaudio compute features of the same names that differ by tens of decibels. This page
takes both apart until they agree to a thousandth of a decibel, one choice after the other, and
turns the whole lot into a single argument, ``convention=``.

**What you will hear.** A sentence rebuilt from its 80 mel bands, and from the 13 cepstral
coefficients that speech recognisers lived on for thirty years: the words stay, the voice goes.
"""

# %%

import librosa
import matplotlib.pyplot as plt
import torch
import torchaudio

import audiolab.io as audio_io
from audiolab import display, features, signals

display.use_style()

rate = 16_000
waveform, _ = audio_io.load(signals.clip_path("speech"), sample_rate=rate, stop_s=3.0)
speech = waveform[0]
sizes = {"n_fft": 1024, "hop_length": 256, "n_mels": 80}
centres_hz = features.mel_frequencies(rate, n_mels=80)
axis = {"hop_length": 256, "frequencies_hz": centres_hz}

# %% [markdown]
# One name, two results
# ---------------------
#
# **Do the two libraries agree?** Same signal, same transform, same hop, same number of bands, and
# for the rest what each does by default:

# %%

theirs = {
    "librosa": librosa.power_to_db(
        librosa.feature.melspectrogram(y=speech.numpy(), sr=rate, **sizes)
    ),
    "torchaudio": torchaudio.transforms.AmplitudeToDB()(
        torchaudio.transforms.MelSpectrogram(rate, **sizes)(speech)
    ),
}
theirs = {name: torch.as_tensor(level) for name, level in theirs.items()}

pair = [theirs["librosa"], theirs["torchaudio"]]
display.plot_feature_comparison(pair, rate, list(theirs), title="Log-mel by default", **axis)

# sphinx_gallery_start_ignore
gap = pair[1] - pair[0]
assert 55 < float(gap.abs().max()) < 65
assert 20.5 < float(gap.square().mean().sqrt()) < 21.5
# sphinx_gallery_end_ignore

# %% [markdown]
# They are 21 dB apart (RMS). The difference has structure: stripes, more of it from bottom to top,
# and another sign in the pauses, where librosa stops and torchaudio goes on down. Each has a cause.
#
# One choice after the other
# --------------------------
#
# **Which choices are these?** :func:`audiolab.features.differences` names them:

# %%

for name, (one, other) in features.differences("librosa", "torchaudio", sample_rate=rate).items():
    print(f"{name:15} librosa {one!s:10} torchaudio {other}")

# %% [markdown]
# Sizes were equal above. Four choices are left, and are changed here one by one, starting from
# librosa's:

# %%

changed, steps = {}, {}
for field, value in {
    "nothing yet": None,
    "pad_mode": "reflect",
    "mel_scale": "htk",
    "mel_norm": None,
    "top_db": None,
}.items():
    changed |= {} if field == "nothing yet" else {field: value}
    level = features.log_mel_spectrogram(speech, rate, convention="librosa", **sizes, **changed)
    steps[field] = level - theirs["torchaudio"]
    worst, rms = steps[field].abs().max(), steps[field].square().mean().sqrt()
    print(f"{field:11} -> {value!s:8} still apart: at most {worst:7.3f} dB, RMS {rms:8.5f} dB")

# sphinx_gallery_start_ignore
worst = {field: float(error.abs().max()) for field, error in steps.items()}
assert worst["nothing yet"] > 55
assert worst["mel_norm"] > 25
assert worst["top_db"] < 0.002
rows = steps["mel_scale"].median(1).values
assert abs(float(rows[0]) + 13) < 1
assert abs(float(rows[-1]) + 23) < 1
edges = (steps["nothing yet"] - steps["pad_mode"]).abs().amax(0)
assert float(edges[2:-2].max()) < 0.01 < 1 < float(edges.max())
# sphinx_gallery_end_ignore

# %%

_, panels = plt.subplots(2, 2, figsize=(9.5, 6), sharex=True, sharey=True, layout="constrained")
titles = {
    "nothing yet": "By default",
    "pad_mode": "Same padding",
    "mel_scale": "Same padding and scale",
    "mel_norm": "Same padding, scale and norm",
}
for panel, (field, title) in zip(panels.flat, titles.items(), strict=True):
    look = {"signed": True, "limits": (-40, 40), "unit": "librosa's minus torchaudio's (dB)"}
    last = panel in panels[:, 1]
    display.plot_feature(steps[field], rate, title=title, ax=panel, colorbar=last, **axis, **look)

# %% [markdown]
# - *Padding* changes the first two and the last two frames only: zeros (librosa) or the signal
#   mirrored (torchaudio) beyond the ends.
# - *The scale* shifts bands, and rows of harmonics move with them: the stripes.
# - *The norm* is what grows from row to row, from 13 dB to 23: height 1 or area 1, see
#   :ref:`the mel scale <sphx_glr_auto_examples_features_mel_scale_and_filter_banks.py>`.
# - *The clamp* is all that is left: librosa's ``power_to_db`` cuts off 80 dB below the loudest
#   cell, torchaudio goes down to the floor of 1e-10.
#
# With the last one changed, 0.001 dB remain: float32.
#
# One argument
# ------------
#
# **Must all of this be remembered?** No. A preset reproduces a library; fields still change by
# keyword.

# %%

for name, level in theirs.items():
    ours = features.log_mel_spectrogram(speech, rate, convention=name, **sizes)
    print(f"{name:10} log-mel: at most {(ours - level).abs().max():.4f} dB from ours")

kaldi = torchaudio.compliance.kaldi.fbank(speech[None] * 32768, sample_frequency=rate, dither=0.0).T
ours = features.log_mel_spectrogram(speech * 32768, rate, convention="kaldi")
print(f"kaldi      log-mel: at most {(ours - kaldi).abs().max():.4f} (natural logarithm) from ours")

whisper = features.log_mel_spectrogram(speech, rate, convention="whisper")
print(f"whisper    {tuple(whisper.shape)}, from {whisper.min():.2f} to {whisper.max():.2f}")

# sphinx_gallery_start_ignore
for name, level in theirs.items():
    ours_now = features.log_mel_spectrogram(speech, rate, convention=name, **sizes)
    assert float((ours_now - level).abs().max()) < 0.002
assert float((ours - kaldi).abs().max()) < 0.001
assert whisper.shape == (80, 300)
assert abs(float(whisper.max() - whisper.min()) - 2.0) < 1e-4
# sphinx_gallery_end_ignore

# %% [markdown]
# Store the preset's name, or the whole :class:`audiolab.features.Convention`, with the weights of a
# model, and the question never comes up again.
#
# From bands to cepstra
# ---------------------
#
# **What does the last C in MFCC do?** Neighbouring bands rise and fall together. A cosine transform
# over the bands :math:`L_m` separates slow change over frequency from fast,
#
# .. math:: c_i = \sqrt{\tfrac{2}{M}} \sum_{m=0}^{M-1} L_m \cos \frac{\pi i (m + 1/2)}{M},
#
# (:math:`c_0` with another factor). The first dozen are the vocal tract; the fast rest is pitch.

# %%

level = theirs["librosa"]
table = features.dct_matrix(80, 80)
cepstra = table @ level
kept = table[:13].T @ cepstra[:13]

pair = [level, kept]
names = ["80 bands", "13 coefficients"]
title = "Log-mel bands, and what 13 cepstral coefficients keep of them"
display.plot_feature_comparison(pair, rate, names, limits=(-60, 20), title=title, **axis)

# sphinx_gallery_start_ignore
assert torch.allclose(table @ table.T, torch.eye(80), atol=1e-5)
assert torch.allclose(table.T @ cepstra, level, atol=1e-3)
# sphinx_gallery_end_ignore

# %% [markdown]
# All 80 coefficients are the log-mel spectrogram, only turned: the matrix is orthonormal. A known
# tutorial draws 256 coefficients of 256 bands and calls it reduced; nothing was. Thirteen smooth
# each frame: formants stay, harmonics go.
#
# The libraries' MFCC inherit the difference of their bands; only the clamp is the same, as
# torchaudio has one of 80 dB here. (The first coefficient, the level, is left out of the picture.)

# %%

mfccs = {
    "librosa": torch.as_tensor(librosa.feature.mfcc(y=speech.numpy(), sr=rate, n_mfcc=13, **sizes)),
    "torchaudio": torchaudio.transforms.MFCC(rate, n_mfcc=13, melkwargs=sizes)(speech),
}
for name, theirs_now in mfccs.items():
    ours = features.mfcc(speech, rate, convention=name, n_coefficients=13, **sizes)
    print(f"{name:10} at most {(ours - theirs_now).abs().max():.5f} from ours")

rest = [each[1:] for each in mfccs.values()]
look = {"hop_length": 256, "rows": "Coefficient, less 1", "unit": "dB", "signed": True}
display.plot_feature_comparison(rest, rate, list(mfccs), limits=(-150, 150), **look)

# sphinx_gallery_start_ignore
for name, theirs_now in mfccs.items():
    ours = features.mfcc(speech, rate, convention=name, n_coefficients=13, **sizes)
    assert float((ours - theirs_now).abs().max()) < 0.001
assert float((rest[1] - rest[0]).abs().max()) > 20
# sphinx_gallery_end_ignore

# %% [markdown]
# What is left of the voice
# -------------------------
#
# **What do models hear?** Both pictures above are turned back into sound: decibels to power, bands
# to bins, bins to a waveform (:func:`audiolab.features.griffin_lim`).

# %%


def rebuild(level_db):
    mel = features.log_expand(level_db)
    power = features.inverse_mel(mel, rate, **sizes)
    return features.griffin_lim(power, n_fft=1024, hop_length=256, length=len(speech))


tracks = {
    "as it was": speech,
    "from 80 mel bands": rebuild(level),
    "from 13 coefficients": rebuild(kept),
}
# sphinx_gallery_start_ignore
periodicity = []
for track in tracks.values():
    frames = track.unfold(0, 1024, 256)
    lags = torch.fft.irfft(torch.fft.rfft(frames, 2048).abs().square())
    loud = lags[:, 0] > 0.05 * lags[:, 0].max()
    periodicity.append(float((lags[:, 60:200].amax(1) / lags[:, 0])[loud].mean()))
assert periodicity[1] > 0.7
assert periodicity[2] < 0.2
# sphinx_gallery_end_ignore
display.player(tracks, rate)

# %% [markdown]
# Eighty bands keep the voice, a little hollow. Thirteen coefficients keep the words and whisper
# them, softer: with the harmonics went the pitch. What a speech recogniser may ignore, a model for
# speakers or music cannot.
#
# Pitfalls
# --------
#
# - *Two code paths.* Training with torchaudio and serving with librosa is the classic. The shapes
#   agree, the numbers do not, and the accuracy sinks without an error.
# - *The clamp of a batch.* torchaudio's ``AmplitudeToDB(top_db=80)`` takes the maximum of a whole
#   three-dimensional input: a loud item erases what is quiet in the others. Here every item has a
#   clamp of its own.
# - *Two logarithms.* ``torchaudio.transforms.MFCC(log_mels=True)`` takes :math:`\ln (x + 10^{-6})`
#   and not decibels. It is another feature, not another unit.
# - *Overwriting the input.* The tutorial mentioned rebuilds ``waveform`` with Griffin-Lim and goes
#   on with what came out: its mel pictures are of the reconstruction, and labelled with a sample
#   rate of 6 kHz that the signal never had.
#
# Try this
# --------
#
# - Keep 20 or 40 coefficients in ``kept``: when does the pitch come back?
# - Print ``features.differences("librosa", "whisper")``.
# - Use ``signals.clip("music")``, and hear which of the tracks suffers most.
#
# References
# ----------
#
# - \S. Davis, P. Mermelstein, *Comparison of Parametric Representations for Monosyllabic Word
#   Recognition in Continuously Spoken Sentences*, IEEE Transactions on Acoustics, Speech, and
#   Signal Processing 28(4), 1980, `doi:10.1109/TASSP.1980.1163420
#   <https://doi.org/10.1109/TASSP.1980.1163420>`__.
# - \B. McFee et al., *librosa: Audio and Music Signal Analysis in Python*, SciPy 2015,
#   `doi:10.25080/Majora-7b98e3ed-003 <https://doi.org/10.25080/Majora-7b98e3ed-003>`__.
# - \Y.-Y. Yang et al., *TorchAudio: Building Blocks for Audio and Speech Processing*, ICASSP 2022,
#   `doi:10.1109/ICASSP43922.2022.9747236 <https://doi.org/10.1109/ICASSP43922.2022.9747236>`__.
# - \A. Radford et al., *Robust Speech Recognition via Large-Scale Weak Supervision*, ICML 2023,
#   `doi:10.48550/arXiv.2212.04356 <https://doi.org/10.48550/arXiv.2212.04356>`__.
