# %% [markdown]
"""
Convolution reverb, done right
==============================

A voice can be put into any room of which one has the impulse response. This page measures such a
response with a sweep, through a loudspeaker that distorts; cuts, aligns and scales it; and shows
that the flip and the ``conv1d`` of older tutorials are one convolution, written in three steps.

**What you will hear.** The sweep in the room; the voice dry, wet and in between; and the same voice
with a response that was used as it came.
"""

# %%

import math

import torch

from audiolab import display, metrics, room, signals

display.use_style()
speech, rate = signals.clip("speech_male")
speech = speech[0, : 4 * rate]

# %% [markdown]
# A sweep instead of a bang
# -------------------------
#
# **How is a response recorded?** A balloon that bursts is an impulse, but a weak one, and never the
# same twice. A sweep has the energy of seconds. Here it is played in a room by a loudspeaker whose
# cone does not move quite in proportion, while a fan is running.

# %%

hall = room.shoebox_rir([9.0, 7.0, 3.5], [2.0, 3.0, 1.5], [6.5, 4.5, 1.2], rate, rt60_s=0.6)
band = {"start_hz": 40.0, "stop_hz": 11_500.0, "sweep_s": 3.0}
sweep = signals.log_sweep(40.0, 11_500.0, 3.0, rate)

played = sweep + 0.15 * sweep**2 - 0.1 * sweep**3
recording = room.reverberate(torch.nn.functional.pad(played, (0, 2 * rate)), hall)
fan = signals.pink_noise(len(recording) / rate, rate, rms_db=-44.0, generator=0)
print(f"the sweep is {float(metrics.rms_db(recording) - metrics.rms_db(fan)):.0f} dB above the fan")
recording = recording + fan
display.plot_spectrogram(
    recording, rate, title="A sweep in a room, recorded", frequency_scale="log"
)

# %%

display.player({"the recording": recording[: 4 * rate]}, rate)

# %% [markdown]
# Harmonics run ahead
# -------------------
#
# **What about the distortion?** Divided by the spectrum of the sweep, the recording becomes a
# response. What the loudspeaker adds at n times the frequency is in the recording before the sweep
# gets there, and so falls *before* the direct sound, earlier by
#
# .. math:: \Delta t_n = T \frac{\ln n}{\ln(f_1 / f_0)} .
#
# ``measure_rir`` begins where the sweep began and leaves the harmonics out; ``harmonic_rirs`` has
# them.

# %%

raw = room.measure_rir(recording, rate, duration_s=1.5, **band)
second, third = room.harmonic_rirs(recording, rate, orders=(2, 3), **band)
for order, harmonic in ((2, second), (3, third)):
    early_s = 3.0 * math.log(order) / math.log(11_500 / 40)
    level_db = 10 * math.log10(float(harmonic.square().sum() / raw.square().sum()))
    print(f"order {order}: {early_s:.2f} s before the sound, {level_db:.1f} dB of its energy")

inside = (torch.fft.rfft(h, 4 * rate)[4 * 100 : 4 * 8000] for h in (raw, hall))
error_db = -float(metrics.snr_db(*(torch.view_as_real(s).flatten() for s in reversed([*inside]))))
print(f"measured against true response, 100 to 8000 Hz: {error_db:.1f} dB")

# sphinx_gallery_start_ignore
assert error_db < -25
# sphinx_gallery_end_ignore

# %% [markdown]
# Trim, align, normalise
# ----------------------
#
# **Why not use it as it is?** It has three properties that are not the room's: it begins late, by
# the way from the loudspeaker; it ends in noise; and its level is that of an amplifier. Older pages
# cut a range of seconds that fits one file. Here the direct sound and the decay say where.

# %%

trimmed = room.trim_rir(raw, rate, lead_s=0.0025, decay_db=28.0)
aligned = room.align_rir(trimmed, rate)
ready = room.normalize_rir(aligned, rate, by="energy")
for name, h in {"raw": raw, "trimmed": trimmed, "aligned": aligned, "ready": ready}.items():
    late_ms = 1000 * int(room.direct_sample(h, rate)) / rate
    size = f"{len(h) / rate:.2f} s long, direct sound at {late_ms:5.2f} ms"
    print(f"{name:8} {size}, energy {float(h.square().sum()):.3f}")

decays_db = {"raw": room.energy_decay_db(raw), "ready": room.energy_decay_db(ready)}
display.plot_energy_decay(decays_db, rate, title="Where noise was, the trimmed response ends")

# sphinx_gallery_start_ignore
assert int(room.direct_sample(ready, rate)) == 0
assert abs(float(ready.square().sum()) - 1) < 1e-4
assert len(trimmed) < len(raw)
# sphinx_gallery_end_ignore

# %% [markdown]
# The noise also bends what one measures. Subtracted before the integration (Chu, 1978), it does
# so less. A T30 needs 45 dB of decay, and is not a number where there is less.

# %%

for method in ("T20", "T30"):
    true_s = float(room.reverberation_time_s(hall, rate, method=method))
    measured_s = [
        float(room.reverberation_time_s(raw, rate, method=method, noise=noise))
        for noise in ("keep", "subtract")
    ]
    kept, subtracted = (f"{each:.3f} s" for each in measured_s)
    print(f"{method} {true_s:.3f} s, with the noise {kept}, with it subtracted {subtracted}")

# sphinx_gallery_start_ignore
assert abs(measured_s[1] / true_s - 1) < 0.05
assert math.isnan(measured_s[0])
# sphinx_gallery_end_ignore

# %% [markdown]
# The flip that was never needed
# ------------------------------
#
# **Why do tutorials flip the response?** Because ``conv1d`` is not a convolution but a correlation:
# it multiplies sample by sample in the order in which they lie, while the past should meet the
# response backwards,
#
# .. math:: y[n] = \sum_{k=0}^{K-1} h[k]\, x[n-k].
#
# So they flip h, and pad K - 1 zeros before x so that the past exists. The three steps are one
# convolution, and ``reverberate`` is it, by way of a transform.

# %%

flipped = ready.flip(0)
padded = torch.nn.functional.pad(speech, (len(ready) - 1, 0))
by_steps = torch.nn.functional.conv1d(padded[None, None], flipped[None, None])[0, 0]
wet = room.reverberate(speech, ready)
unflipped = torch.nn.functional.conv1d(padded[None, None], ready[None, None])[0, 0]
print(f"flip, pad and conv1d against reverberate: {-float(metrics.snr_db(by_steps, wet)):.0f} dB")
print(f"and without the flip: {-float(metrics.snr_db(by_steps, unflipped)):+.0f} dB")

# sphinx_gallery_start_ignore
assert float(metrics.snr_db(by_steps, wet)) > 100
assert float(metrics.snr_db(by_steps, unflipped)) < 6
# sphinx_gallery_end_ignore

# %% [markdown]
# The sum has as many products for each sample as the response has taps; the transform hardly minds.
#
# Dry and wet
# -----------
#
# **How much room?** A mix of the two, which needs the alignment: a dry voice and a late wet one
# would be an echo. With a response of energy 1 the loudness stays about the same, and the mix is
# the only thing that changes.

# %%

tracks = {"dry": speech}
for share in (0.3, 1.0):
    tracks[f"{100 * share:.0f} % wet"] = (1 - share) * speech + share * wet
tracks["as it came"] = room.reverberate(speech, raw)
for name, track in tracks.items():
    print(f"{name:10} {float(metrics.rms_db(track)):6.1f} dB RMS")

# %%

display.player(tracks, rate)

# %% [markdown]
# "As it came" is late and at another level: a model that is trained on it learns a delay, and a
# label at 1.00 s points to the wrong sample.
#
# Pitfalls
# --------
#
# * Response and voice must have one sample rate: resample the response first. Nothing can tell from
#   the samples.
# * ``mode="same"`` cuts the tail off at the end of the clip; ``mode="full"`` keeps it.
# * Two channels of one recording are trimmed, aligned and scaled ``together``, or the direction is
#   lost.
# * A clock of the recorder that runs 0.01 % faster smears a sweep of ten seconds by a millisecond.
#
# Try this
# --------
#
# - Your own response: ``audio_io.load("hall.wav")`` in place of the sweep.
# - Make the loudspeaker bad (``0.5 * sweep**2``): the linear response hardly changes.
# - Take ``by="direct"`` and hear how the room adds to a voice that stays where it was.
#
# References
# ----------
#
# * \A. Farina, "Simultaneous measurement of impulse response and distortion with a swept-sine
#   technique", 108th AES Convention, 2000, preprint 5093.
# * W. T. Chu, "Comparison of reverberation measurements using Schroeder's impulse method and
#   decay-curve averaging method", J. Acoust. Soc. Am. 63, 1978,
#   `doi:10.1121/1.381889 <https://doi.org/10.1121/1.381889>`_
# * \F. Wefers, "Partitioned convolution algorithms for real-time auralization", Logos, 2015.
