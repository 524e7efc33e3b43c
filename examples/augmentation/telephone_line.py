# %% [markdown]
"""
A telephone line
================

Between a voice and a model there often is a line: half the band, eight bits, lost packets, a coder.
This page builds one piece by piece, draws what each takes away, and repairs lost packets the way a
receiver does.

**What you will hear.** A voice through a handset and a line; 8 bits with and without companding;
one packet in ten lost, with and without concealment; and coders at few bits.
"""

# %%

import matplotlib.pyplot as plt
import torch

from audiolab import augment, display, metrics, signals

display.use_style()
speech, rate = signals.clip("speech_female")
speech = speech[:, : 4 * rate]

# %% [markdown]
# Half the band
# -------------
#
# **What gets through?** Since the first exchanges, 300 to 3400 Hz: enough to follow a voice, and to
# mistake an *f* for an *s*. The line runs at 8 kHz; filters of fourth order keep the rest out. The
# microphone in an old handset shaped the sound even more.

# %%

handset = augment.apply_microphone(speech, rate, "carbon")
lines = {
    "at the mouth": speech,
    "line": augment.telephone(speech, rate),
    "handset and line": augment.telephone(handset, rate),
}
display.plot_comparison(list(lines.values()), rate, list(lines), kind="spectrogram", n_fft=512)

# %%

for name, wave in lines.items():
    print(f"{name:17} bandwidth {float(metrics.bandwidth_hz(wave, rate)):6.0f} Hz")

# sphinx_gallery_start_ignore
assert float(metrics.bandwidth_hz(lines["line"], rate)) < 4100
# sphinx_gallery_end_ignore

# %%

display.player(lines, rate)

# %% [markdown]
# The kinds of microphone are typical shapes, none of them a product's. Each can be tilted, and
# given a resonance of its own, so that no two items hear the same one.

# %%

hertz = torch.logspace(1.6, 4.3, 400)
figure, panel = plt.subplots(figsize=(7.6, 3.2), layout="constrained")
for name in ("dynamic_vocal", "smartphone", "laptop", "carbon"):
    panel.semilogx(hertz, augment.microphone_response(hertz, name), label=name)
panel.set(title="Responses of four kinds of microphone", xlabel="Frequency (Hz)")
panel.set(ylabel="Response (dB)", ylim=(-40, 12))
panel.legend(ncols=2)

# %% [markdown]
# Eight bits
# ----------
#
# **How do eight bits suffice?** Not as equal steps: those are too coarse for quiet speech. G.711
# spaces them by a logarithm, so that the error follows the level. With :math:`\mu = 255`,
#
# .. math:: F(x) = \operatorname{sgn}(x) \frac{\ln(1 + \mu |x|)}{\ln(1 + \mu)},
#
# and :math:`F` is what gets rounded.

# %%

levels_db = torch.arange(-70.0, 1.0, 2.0)
tone = signals.tone(997.0, 0.2, 8000, amplitude=1.0, dtype=torch.float64)
tones = tone * 10 ** (levels_db[:, None].double() / 20)
coded = {
    "A-law": augment.compand_bits(tones, law="a-law"),
    "µ-law": augment.compand_bits(tones, law="mu-law"),
    "8 equal bits": augment.reduce_bit_depth(tones, 8),
}
figure, panel = plt.subplots(figsize=(7.6, 3.0), layout="constrained")
for name, wave in coded.items():
    panel.plot(levels_db, metrics.snr_db(tones, wave), label=name)
panel.set(title="A tone in 8 bits", xlabel="Peak of the tone (dBFS)", ylabel="SNR (dB)")
panel.legend()

# sphinx_gallery_start_ignore
at = int((levels_db == -40).nonzero())
snrs = {name: metrics.snr_db(tones, wave) for name, wave in coded.items()}
assert snrs["µ-law"][at] > snrs["8 equal bits"][at] + 15
assert (snrs["µ-law"][levels_db >= -30] > 34).all()
assert snrs["8 equal bits"][-1] > snrs["µ-law"][-1] + 5
# sphinx_gallery_end_ignore

# %% [markdown]
# Equal steps win for tones near full scale only, and lose a decibel with every decibel below. The
# logarithm holds some 38 dB over the range in which people speak. Hear it on a voice 30 dB down,
# brought back up:

# %%

quiet = 10**-1.5 * speech
display.player(
    {
        "8 equal bits": 10**1.5 * augment.reduce_bit_depth(quiet, 8),
        "8 equal bits, dithered": 10**1.5
        * augment.reduce_bit_depth(quiet, 8, dither="triangular", seeds=0),
        "8 bits by µ-law": 10**1.5 * augment.compand_bits(quiet, law="mu-law"),
    },
    rate,
)

# %% [markdown]
# Lost packets
# ------------
#
# **Which packets are lost?** Rarely one by one: a full queue drops several in a row. Gilbert's
# model has a good and a bad state, and two numbers say how often it changes. The pattern is plain
# data, drawn apart from its use.

# %%

count = augment.num_packets(speech.shape[-1], rate)
patterns = {
    f"bursts of {burst:g} on average": augment.draw_packet_loss(
        count, loss_share=0.1, mean_burst=burst, seeds=[1, 2, 3, 4, 5, 6]
    )
    for burst in (1.0, 4.0)
}
figure, panels = plt.subplots(2, 1, figsize=(7.6, 3.0), sharex=True, layout="constrained")
for panel, (name, lost) in zip(panels, patterns.items(), strict=True):
    panel.imshow(lost.numpy(), aspect="auto", cmap="gray_r", interpolation="nearest")
    panel.set(title=f"10 % lost, {name}", ylabel="Item")
panels[-1].set(xlabel="Packet of 20 ms")

# %% [markdown]
# **What does a receiver play in the gap?** Silence clicks. The packet before, again, is out of step
# with the voice. So a receiver looks for the pitch period just before the gap, repeats *that*, is
# silent after 60 ms, and blends into what arrives next.

# %%

lost = augment.draw_packet_loss(count, loss_share=0.1, mean_burst=1.5, seeds=6)
heard = {
    name: augment.packet_loss(speech, rate, lost, concealment=how)
    for name, how in (("silence", "silence"), ("packet", "repeat"), ("pitch period", "pitch"))
}
for name, wave in heard.items():
    distance_db = float(metrics.log_spectral_distance_db(speech, wave))
    snr_db = float(metrics.snr_db(speech, wave))
    print(f"{name:13} log-spectral distance {distance_db:.2f} dB, SNR {snr_db:4.1f} dB")

# sphinx_gallery_start_ignore
distances = [float(metrics.log_spectral_distance_db(speech, wave)) for wave in heard.values()]
ratios = [float(metrics.snr_db(speech, wave)) for wave in heard.values()]
assert distances[0] > distances[1] > distances[2]
assert ratios[2] > ratios[0] > ratios[1]
# sphinx_gallery_end_ignore

# %% [markdown]
# The spectrum prefers any fill to a hole. The waveform does not: a packet that is out of step is
# worse than nothing, and only the pitch period is better by both.

# %%

packets_db = metrics.rms_db(speech[0].unfold(-1, 480, 480))
before_db = torch.where(lost[1:], packets_db[:-1], -torch.inf)  # the loudest moment that breaks off
start = 480 * (1 + int(before_db.argmax()))
span = slice(start - 600, start + 1500)
time_ms = 1000 * torch.arange(-600, 1500) / rate
figure, panels = plt.subplots(3, 1, figsize=(7.6, 4.4), sharex=True, layout="constrained")
for panel, (name, wave) in zip(panels, heard.items(), strict=True):
    panel.plot(time_ms, speech[0, span], label="sent", alpha=0.4)
    panel.plot(time_ms, wave[0, span], label="played")
    panel.set(title=f"A gap, filled with: {name}", ylabel="Amplitude")
panels[0].legend()
panels[-1].set(xlabel="Time from the lost packet (ms)")

# %%

display.player({"sent": speech, **heard}, rate)

# %% [markdown]
# Silence is what tutorials simulate. A model that is to hear real calls should hear the repaired
# ones too, with their faint buzz.
#
# Coders at few bits
# ------------------
#
# **And mobile phones, meetings, voice messages?** They code. ``codec_round_trip`` encodes with the
# libraries that everybody uses and decodes again; it takes delay and padding away, so that the
# result lies on its original, and labels still fit.

# %%

kinds = {"opus": 8_000, "mp3": 16_000, "vorbis": 32_000}
names = {f"{codec}, {bits // 1000} kbit/s": (codec, bits) for codec, bits in kinds.items()}
codecs = {
    name: augment.codec_round_trip(speech, rate, codec, bit_rate=bits)
    for name, (codec, bits) in names.items()
}
for name, wave in codecs.items():
    delay = int(metrics.delay_samples(speech, wave, max_delay_samples=1000))
    bandwidth = float(metrics.bandwidth_hz(wave, rate))
    print(f"{name:19} bandwidth {bandwidth:6.0f} Hz, delay {delay} samples, {wave.shape[-1]} long")

# sphinx_gallery_start_ignore
assert all(wave.shape == speech.shape for wave in codecs.values())
assert all(
    metrics.delay_samples(speech, x, max_delay_samples=999).abs() < 9 for x in codecs.values()
)
# sphinx_gallery_end_ignore

# %%

display.plot_comparison(list(codecs.values()), rate, list(codecs), kind="spectrogram", n_fft=512)

# %%

display.player(codecs, rate)

# %% [markdown]
# Pitfalls
# --------
#
# - *Resampling to 8 kHz is not a telephone.* It leaves out the low end, the eight bits and the
#   handset.
# - *Zeros for lost packets.* Hardly any receiver plays zeros.
# - *Delay.* An encoder adds up to 50 ms. Without compensation every label is late, and an SNR
#   between original and copy means nothing.
# - *µ-law in training code.* ``log1p`` and ``round`` have no useful gradient; here the gradient
#   passes straight through, which is a choice.
#
# Try this
# --------
#
# - Chain it: ``apply_microphone``, ``telephone``, ``packet_loss``, and ``small_speaker`` last.
# - Lose 30 % in bursts of 5. From when on is a word lost, rather than a syllable?
# - Play music through the line with ``line_rate=16_000, low_hz=50, high_hz=7000``.
#
# References
# ----------
#
# - ITU-T G.711, *Pulse code modulation (PCM) of voice frequencies*, 1988, and its appendix I, 1999.
# - \E. N. Gilbert, *Capacity of a Burst-Noise Channel*, Bell System Technical Journal 39(5), 1960,
#   `doi:10.1002/j.1538-7305.1960.tb03959.x
#   <https://doi.org/10.1002/j.1538-7305.1960.tb03959.x>`__.
# - \J.-M. Valin, \K. Vos and \T. Terriberry, *Definition of the Opus Audio Codec*, RFC 6716, 2012.
