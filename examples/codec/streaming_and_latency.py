# %% [markdown]
"""
A codec on a stream
===================

A call can't wait for the end of the sentence. EnCodec's 24 kHz model is causal, and turns sound
into codes as it arrives; but not at once, and not as soon as is often said. This page measures to
the sample when each frame is determined, shows that chunks of any size give the codes of the whole,
and what small chunks cost.

**What you will hear.** Latency itself: a sentence on the left, and on the right the same one 13, 93
and 250 ms late. (Not the codec's voice: its weights are random here, and time does not depend on
them.)
"""

# %%

import json
import statistics
import time
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from audiolab import display, signals
from audiolab.codec import EncodecModel
from audiolab.codec.layers import Conv, TransposedConv

display.use_style()
torch.set_num_threads(1)

model = EncodecModel.from_preset("encodec_24khz", generator=0).requires_grad_(requires_grad=False)
speech, rate = signals.clip("speech")
waveform = speech[None]

# %% [markdown]
# Random weights that are good enough
# -----------------------------------
#
# **Can an untrained model show anything?** As drawn, it hardly lets a signal through, and codes
# would be decided by rounding. So each layer's weights are first scaled until its output has the
# level 1, and each codebook is scattered around what is left for it. The codes then follow the
# sound, as those of a trained model do. They only don't sound.

# %%


def to_unit_level(layer, _, output):
    layer.conv.weight_g /= output.std()
    layer.conv.bias.zero_()
    return output / output.std()


layers = [part for part in model.modules() if isinstance(part, (Conv, TransposedConv))]
hooks = [part.register_forward_hook(to_unit_level) for part in layers]
model.decoder(model.encoder(waveform[..., : 2 * rate]))
for hook in hooks:
    hook.remove()

# %%

residual, random = model.encoder(waveform)[0].T, torch.Generator().manual_seed(0)
for book in model.quantizer.codebooks[:8]:
    scatter = torch.randn(book.embed.shape, generator=random)
    book.embed.copy_(residual.mean(0) + residual.std(0) * scatter / 3)
    residual = residual - book.embed[book.nearest(residual)]

whole = model.encode(waveform, bandwidth=6.0)[0].codes
print(f"{waveform.shape[-1]} samples, codes {tuple(whole.shape)}")
print("entries in use in each codebook:", [len(codes.unique()) for codes in whole[0]])

# sphinx_gallery_start_ignore
assert min(len(codes.unique()) for codes in whole[0]) > 100
# sphinx_gallery_end_ignore

# %% [markdown]
# When a frame is determined
# --------------------------
#
# **How many samples must be in?** Push one sample after the other, and note when frames come out:

# %%

encoder = model.streaming_encoder(bandwidth=6.0)
came = []  # (samples that are in, frames that came out)
for place in range(4000):
    frames = encoder.push(waveform[..., place : place + 1]).shape[-1]
    if frames:
        came.append((place + 1, frames))
for samples, frames in came:
    print(f"after {samples} samples ({1000 * samples / rate:5.1f} ms): {frames} frame(s)")

# sphinx_gallery_start_ignore
assert came == [(2240, 7), *((samples, 1) for samples in range(2560, 4001, 320))]
assert encoder.latency_samples == 2240
# sphinx_gallery_end_ignore

# %% [markdown]
# Nothing for 93 ms, then seven frames at once, then one for every 320 samples. A frame is 13.3 ms
# long, and 13 ms is the latency that the paper states. But the published model pads its beginning
# by mirrored samples, so that its first frames depend on what comes after them, the first one on
# 2,240 samples. (:ref:`SEANet, layer by layer
# <sphx_glr_auto_examples_codec_seanet_layer_by_layer.py>` shows the mirror.) A stream that does not
# wait gets other codes than the file.

# %%

_, panel = plt.subplots(figsize=(7.6, 3.6), layout="constrained")
for size in (320, 1000, 2400):
    encoder, counts = model.streaming_encoder(bandwidth=6.0), [0]
    for chunk in waveform[..., :9600].split(size, dim=-1):
        counts.append(counts[-1] + encoder.push(chunk).shape[-1])
    at_ms = [1000 * min(place * size, 9600) / rate for place in range(len(counts))]
    panel.step(at_ms, counts, where="post", label=f"chunks of {size} samples")
panel.plot([0, 400], [0, 30], color="#5a5f66", linestyle=":", label="as fast as sound comes in")
panel.axvline(1000 * 2240 / rate, color="#5a5f66", linewidth=0.8, linestyle="-")
panel.set(title="Frames out while sound comes in", xlim=(0, 400), ylim=(0, 31))
panel.set(xlabel="Sound that is in (ms; the line: 2,240 samples)", ylabel="Frames out")
panel.legend()

# %% [markdown]
# The same codes
# --------------
#
# **Is a stream worse than a file?** Cut the sentence into random pieces, of one sample to a third
# of a second, and send each through. ``finish`` gives what the last, incomplete frame makes.

# %%

sizes = torch.randint(1, 8000, (100,), generator=random).cumsum(0)
pieces = waveform.tensor_split(sizes[sizes < waveform.shape[-1]], dim=-1)
encoder, decoder = model.streaming_encoder(bandwidth=6.0), model.streaming_decoder()
codes, heard = [], []
for piece in pieces:
    codes.append(encoder.push(piece))
    heard.append(decoder.push(codes[-1]))
codes.append(encoder.finish())
heard += [decoder.push(codes[-1]), decoder.finish()]

codes, heard = torch.cat(codes, dim=-1), torch.cat(heard, dim=-1)
offline = model.decode([(whole, None)])
print(f"{len(pieces)} pieces, codes equal to the file's: {torch.equal(codes, whole)}")
print(f"sound: at most {(heard - offline).abs().max():.1e} apart, peak {offline.abs().max():.1f}")

# sphinx_gallery_start_ignore
assert torch.equal(codes, whole)
assert heard.shape == offline.shape
assert (heard - offline).abs().max() < 1e-5 * offline.abs().max()
# sphinx_gallery_end_ignore

# %% [markdown]
# From ear to ear
# ---------------
#
# **How late is the other end?** The decoder needs seven frames too before it gives its first
# samples, and gets them all at once. Here 320 samples at a time go through both, on a machine and a
# line that take no time.

# %%

encoder, decoder = model.streaming_encoder(bandwidth=6.0), model.streaming_decoder()
ready = torch.full((4800,), torch.inf)
out = 0
for place in range(0, 4800, 320):
    sound = decoder.push(encoder.push(waveform[..., place : place + 320]))
    ready[out : out + sound.shape[-1]] = place + 320
    out += sound.shape[-1]
late_ms = 1000 * (ready - torch.arange(4800)) / rate

_, panel = plt.subplots(figsize=(7.6, 3.2), layout="constrained")
panel.plot(torch.arange(4800) / rate * 1000, late_ms, linewidth=1.1)
panel.set(title="How late each sample can be heard", ylim=(0, 100), xlim=(0, 200))
panel.set(xlabel="Time of the sample (ms)", ylabel="Delay (ms)")
print(
    f"the first sample: {late_ms[0]:.1f} ms late; from 2,240 on at most {late_ms[2240:].max():.1f}"
)

# sphinx_gallery_start_ignore
assert abs(float(late_ms[0]) - 93.3) < 0.1
assert abs(float(late_ms[2240:].max()) - 13.33) < 0.01
# sphinx_gallery_end_ignore

# %% [markdown]
# The two waits don't add up: what the encoder holds back, it hands over in one go, and the decoder
# then has all that it needs. A loudspeaker that starts with the first sample stays 93 ms behind. If
# it drops the first 80 ms, it is 13 ms behind, plus what it needs against jitter.
#
# What a frame costs
# ------------------
#
# **Does it get slower with time?** Every layer carries the few samples that its window needs from
# one chunk to the next, and the LSTM its state. So a frame costs the same after an hour. Whoever
# encodes all that has come so far, again with each frame, pays more each time:

# %%

encoder, times = model.streaming_encoder(bandwidth=6.0), []
for chunk in waveform.split(320, dim=-1):
    begin = time.perf_counter()
    encoder.push(chunk)
    times.append(1000 * (time.perf_counter() - begin))
steady = [statistics.median(times[place : place + 38]) for place in range(7, len(times) - 38, 38)]

again = []
for place in (1, 2, 3, 4, 5):
    begin = time.perf_counter()
    model.encode(waveform[..., : place * rate], bandwidth=6.0)
    again.append(1000 * (time.perf_counter() - begin))

# %%

_, panel = plt.subplots(figsize=(7.6, 3.2), layout="constrained")
panel.plot(
    [0.09 + 0.5 * place for place in range(len(steady))], steady, "o-", label="one more frame"
)
panel.plot(range(1, 6), again, "s--", label="everything again")
panel.axhline(320 / rate * 1000, color="#5a5f66", linestyle=":", label="real time: 13.3 ms")
panel.set(title="Time for the next frame, one thread", yscale="log", ylim=(0.5, 1000))
panel.set(xlabel="Sound so far (s)", ylabel="Time (ms)")
panel.yaxis.set_major_formatter("{x:g}")
panel.legend()

# %% [markdown]
# (Medians of half a second, on the machine that built this page.)
#
# How small to make the chunks
# ----------------------------
#
# **One frame at a time, or ten?** A call has a price of its own: small matrices, weights that are
# read anew, Python. Ten frames share it, and wait for 133 ms. These are the figures of the
# repository's benchmark, whose result is committed with it, and found if this runs in a clone.

# %%

here = Path.cwd()
root = next(folder for folder in (here, *here.parents) if (folder / "pyproject.toml").is_file())
bench = json.loads((root / "tests" / "benchmarks" / "results" / "codec.json").read_text("utf-8"))
rows = bench["streaming"]

_, panel = plt.subplots(figsize=(7.6, 3.2), layout="constrained")
wait_ms = [1000 * row["frames"] / 75 for row in rows]
panel.plot(wait_ms, [row["real_time_factor"] for row in rows], "o-", label="encoder")
panel.plot(wait_ms, [row["decode_real_time_factor"] for row in rows], "s--", label="decoder")
panel.axhline(1, color="#5a5f66", linestyle=":", label="real time")
panel.set(title="Speed against the size of the chunks, one thread", ylim=(0, None))
panel.set(xlabel="Chunk (ms)", ylabel="Speed (x real time)")
panel.legend()
print(f"{bench['machine']}, torch {bench['versions']['torch']}, {bench['date']}")

# sphinx_gallery_start_ignore
assert [row["frames"] for row in rows] == sorted(row["frames"] for row in rows)
assert all(row["real_time_factor"] > 1 for row in rows)
# sphinx_gallery_end_ignore

# %% [markdown]
# Below 1, a stream falls behind for ever. Everything above is room for the other direction, for
# more calls on the same core, or for a battery.
#
# Listen
# ------
#
# **Does 93 ms matter?** Left the speaker, right what arrives. 13 ms are what sound needs for four
# and a half metres, and only place the voice; at 93 ms there is an echo; at 250 ms people start to
# talk at the same time.

# %%

spoken = speech[0, : 4 * rate]
tracks = {}
for late in (13, 93, 250):
    delay = torch.zeros(late * rate // 1000)
    tracks[f"{late} ms"] = torch.stack([spoken, torch.cat([delay, spoken])[: 4 * rate]])
display.player(tracks, rate)

# %% [markdown]
# Pitfalls
# --------
#
# - *Encoding chunks by themselves.* ``model.encode`` of each chunk starts the LSTM anew and mirrors
#   each chunk's beginning: other codes, and clicks at every joint. Use one encoder for a stream.
# - *The 48 kHz model.* It looks ahead and normalises whole seconds. ``encode_blocks`` goes through
#   any length segment by segment; ``streaming_encoder`` refuses.
# - *No end.* Without ``finish``, a stream shorter than 93 ms gives nothing, and a longer one lacks
#   its last incomplete frame.
# - *Threads.* Single frames are too small to share. A second thread rarely helps.
#
# Try this
# --------
#
# - Send ``signals.clip("speech_male")`` as a second item: ``streaming_encoder(batch=2)``. Whose
#   codes change?
# - Push chunks of 319 samples. How many come out each time?
# - Encode the chunks by themselves, and count the codes that differ from the file's.
#
# References
# ----------
#
# - \A. Défossez, J. Copet, G. Synnaeve, Y. Adi, *High Fidelity Neural Audio Compression*,
#   Transactions on Machine Learning Research, 2023, `doi:10.48550/arXiv.2210.13438
#   <https://doi.org/10.48550/arXiv.2210.13438>`__.
# - ITU-T Recommendation G.114, *One-way Transmission Time*, 2003.
# - \O. Rybakov, N. Kononenko, N. Subrahmanya, M. Visontai, S. Laurenzo, *Streaming Keyword Spotting
#   on Mobile Devices*, Interspeech 2020, `doi:10.21437/Interspeech.2020-1003
#   <https://doi.org/10.21437/Interspeech.2020-1003>`__.
