# %% [markdown]
"""
SEANet, layer by layer
======================

EnCodec's encoder turns 24,000 samples a second into 75 vectors of 128 numbers, and its decoder
turns them back. This page walks through both: what each layer puts out, costs and hears, all of it
measured on the model, and where the 93 ms come from that a stream must wait for at its start.

**What you will hear.** A sentence through windows as long as a frame, as what the convolutions see
at once, and as half a second. (No codec: the weights here are random. Shapes, costs and reach
don't depend on them.)
"""

# %%

import copy

import matplotlib.pyplot as plt
import torch

from audiolab import display, signals
from audiolab.codec import EncodecModel
from audiolab.codec.layers import conv_padding, pad_reflect

display.use_style()

model = EncodecModel.from_preset("encodec_24khz", generator=0).requires_grad_(requires_grad=False)
speech, rate = signals.clip("speech")
second = speech[None, :, :rate]

# %% [markdown]
# The way down
# ------------
#
# **What is there?** A convolution of 7 taps makes 32 channels. Then four times: a residual unit,
# and a convolution that takes every 2nd, 4th, 5th and 8th step and doubles the channels. At 75
# steps a second an LSTM follows, and a last convolution. ELUs stand between them.
#
# What a layer *hears* is measured: the gradient of one output in the middle of a signal, back to
# the input, is different from zero exactly where the input matters. (In double precision; the LSTM
# is left out, since through it all of the past matters.)

# %%


def multiplications(layer, steps):
    """Every weight is used once for every step."""
    used = ("weight_v", "weight_ih", "weight_hh")
    return steps * sum(p.numel() for n, p in layer.named_parameters() if any(u in n for u in used))


def span(output, wave):
    (slope,) = torch.autograd.grad(output[0, :, output.shape[-1] // 2].sum(), wave)
    where = slope[0, 0].nonzero()
    return int(where.max() - where.min()) + 1


# %%

wave = torch.randn(1, 1, 9600, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
wave.requires_grad_()
double = copy.deepcopy(model.encoder).double()

rows, x = [], second
for place, layer in enumerate(model.encoder.layers):
    x, name = layer(x), type(layer).__name__
    before = [part for part in double.layers[: place + 1] if type(part).__name__ != "ResidualLSTM"]
    hears = span(torch.nn.Sequential(*before)(wave), wave)
    size = sum(p.numel() for p in layer.parameters())
    rows.append((place, name, *x.shape[1:], size, multiplications(layer, x.shape[-1]), hears))
rows = [row for row in rows if row[1] != "ELU"]

# %%

header = ("layer", "channels", "steps a second", "parameters", "million MAC/s", "hears (samples)")
cells = [
    (
        f"{place} {name}",
        f"{c}",
        f"{steps:,}",
        f"{size:,}",
        f"{macs / 1e6:.1f}",
        "all before" if "LSTM" in name else f"{hears:,}",
    )
    for place, name, c, steps, size, macs, hears in rows
]
total, work = sum(row[4] for row in rows), sum(row[5] for row in rows)
# sphinx_gallery_start_ignore
assert total == 7_425_792
assert 1489e6 < work < 1491e6
assert rows[-1][2:4] == (128, 75)
assert rows[-1][6] == 2718
lstm = next(row for row in rows if row[1] == "ResidualLSTM")
assert 0.56 < lstm[4] / total < 0.58
assert 0.20 < lstm[5] / work < 0.22
assert max(rows, key=lambda row: row[5]) == lstm
# sphinx_gallery_end_ignore
cells.append(("all", "", "", f"{total:,}", f"{work / 1e6:.1f}", ""))
display.Table("The encoder, for one second of sound", header, tuple(cells))

# %% [markdown]
# Read the columns against each other:

# %%

_, panels = plt.subplots(3, 1, figsize=(7.6, 6.2), sharex=True, layout="constrained")
short = {"Conv": "conv", "ResidualUnit": "residual", "ResidualLSTM": "LSTM"}
names = [f"{row[0]}\n{short[row[1]]}" for row in rows]
columns = {
    "Numbers a second that a layer puts out (thousands)": [r[2] * r[3] / 1e3 for r in rows],
    "Parameters (thousands)": [r[4] / 1e3 for r in rows],
    "Multiplications for a second of sound (millions)": [r[5] / 1e6 for r in rows],
}
for panel, (title, values) in zip(panels, columns.items(), strict=True):
    bars = panel.bar(names, values)
    panel.bar_label(bars, fmt="{:,.0f}", fontsize=8)
    panel.set(title=title, ylim=(0, 1.18 * max(values)), yticks=[])
    panel.grid(visible=False)

# %% [markdown]
# Memory is spent at the top: 768,000 numbers a second after the first layer, twenty times what the
# last ones make. Parameters sit at the bottom, 57 % of them in the LSTM. Work is spread out, with
# the LSTM at 21 %, and unlike the rest it can't be done in parallel: step 75 waits for step 74.
#
# How far a frame hears
# ---------------------
#
# **Can it be counted?** A layer of :math:`k` taps reaches :math:`k - 1` of its own steps further
# than the one before, and a step is worth the product :math:`j` of all strides before it:
#
# .. math:: r_{l} = r_{l-1} + (k_l - 1) \, j_{l-1}, \qquad j_l = j_{l-1} s_l.

# %%

taps = (7, 3, 4, 3, 8, 3, 10, 3, 16, 7)
strides = (1, 1, 2, 1, 4, 1, 5, 1, 8, 1)
reach, step, counted = 1, 1, []
for count, stride in zip(taps, strides, strict=True):
    reach += (count - 1) * step
    step *= stride
    counted.append(reach)
measured = [row[6] for row in rows if row[1] != "ResidualLSTM"]
print("counted: ", counted)
print("measured:", measured)
print(f"{reach} samples are {1000 * reach / rate:.0f} ms")

# sphinx_gallery_start_ignore
assert counted == measured
assert reach == 2718
# sphinx_gallery_end_ignore

# %% [markdown]
# 113 ms, a syllable's half. And here is the whole truth about the first frames: every row is a
# frame, every column 320 samples, and the colour says how strongly the one depends on the other.

# %%


def influence(encoder, frame, blocks):
    (slope,) = torch.autograd.grad(encoder(wave)[0, :, frame].sum(), wave)
    return slope[0, 0, : 320 * blocks].abs().unflatten(-1, (blocks, 320)).amax(dim=-1)


convolutions = torch.nn.Sequential(*(part for i, part in enumerate(double.layers) if i != 13))
encoders = {"Convolutions only": convolutions, "With the LSTM": double}
maps = {
    name: torch.stack([influence(encoder, frame, 20) for frame in range(20)])
    for name, encoder in encoders.items()
}

# %%

_, panels = plt.subplots(1, 2, figsize=(9.5, 4.4), sharey=True, layout="constrained")
for panel, (title, seen) in zip(panels, maps.items(), strict=True):
    level_db = (20 * (seen / seen.max()).clamp(min=1e-9).log10()).where(seen > 0, torch.nan)
    picture = panel.imshow(level_db.numpy(), vmin=-100, vmax=0)
    panel.set(title=title, xlabel="Samples, in blocks of 320", xticks=range(0, 20, 2))
    panel.grid(visible=False)
panels[0].set(ylabel="Frame", yticks=range(0, 20, 2))
panels[0].figure.colorbar(picture, ax=panels, label="Influence (dB, white: none)")

# sphinx_gallery_start_ignore
for seen in maps.values():
    lasts = [int(row.nonzero().max()) for row in seen]
    assert lasts[0] == lasts[6] == 6
    assert max(lasts[:7]) == 6
    assert lasts[7:] == list(range(7, 20))
assert int(maps["Convolutions only"][19].nonzero().min()) == 11
assert int(maps["With the LSTM"][19].nonzero().min()) == 0
# sphinx_gallery_end_ignore

# %% [markdown]
# Nothing is right of the diagonal from frame 7 on: a frame depends on its own 320 samples and on
# what came before. To the left, convolutions stop after 9 blocks, and the LSTM fades out. But at
# the top, frame 0 depends on samples up to 2,239. The next section says why.
#
# Padding
# -------
#
# **What does a convolution see before the beginning?** The samples mirrored at the first one:

# %%

start = speech[None, :, 19_514:19_544]
left, right = conv_padding(start.shape[-1], kernel_size=7, causal=True)
padded = pad_reflect(start, left, right)[0, 0]

_, panel = plt.subplots(figsize=(7.6, 2.8), layout="constrained")
panel.plot(range(-left, 0), padded[:left], "s", label=f"{left} samples that padding adds")
panel.plot(range(30), padded[left:], "o-", label="the signal")
panel.axvline(0, color="#5a5f66", linestyle=":")
panel.set(title="Causal padding of the first convolution", xlabel="Time (samples)")
panel.set(ylabel="Amplitude (FS)")
panel.legend()

print("taps, stride:  before and after, causal   not causal")
for taps, stride in [(7, 1), (3, 1), (4, 2), (8, 4), (10, 5), (16, 8)]:
    sides = [conv_padding(24_000, taps, stride, causal=causal) for causal in (True, False)]
    print(f"{taps:4}, {stride:6}:  {sides[0]!s:>23}   {sides[1]!s:>10}")

# sphinx_gallery_start_ignore
assert torch.equal(padded[:left], start[0, 0, 1:7].flip(0))
# sphinx_gallery_end_ignore

# %% [markdown]
# All of it stands before the signal: the model is causal. But mirrored samples come from *after*
# the beginning. At the last convolution, six mirrored frames stand before frame 0, which are frames
# 1 to 6; hence frame 0 waits for 7 frames, 2,240 samples, 93 ms. With zeros there would be nothing
# to wait for. The published weights have learnt with mirrors, so that is what must be computed:
# see :ref:`streaming <sphx_glr_auto_examples_codec_streaming_and_latency.py>`.
#
# **Is the 48 kHz model different?** It pads both sides, and normalises each layer's output by the
# mean and variance of *all* of a segment. Change one sample, half a second in, and see which
# frames move:

# %%

models = {"24 kHz": model, "48 kHz": EncodecModel.from_preset("encodec_48khz", generator=0)}
random = torch.Generator().manual_seed(1)
_, panel = plt.subplots(figsize=(7.6, 3.0), layout="constrained")
moved = {}
for name, each in models.items():
    segment = 0.1 * torch.randn(1, each.channels, each.sample_rate, generator=random)
    changed = segment.clone()
    changed[..., each.sample_rate // 2] += 0.1
    with torch.no_grad():
        moved[name] = (each.encoder(changed) - each.encoder(segment))[0].abs().amax(dim=0)
    time_s = torch.arange(len(moved[name])) / each.config.frame_rate
    panel.semilogy(time_s, moved[name], label=name)
panel.set(title="What one changed sample at 0.5 s changes in the latent")
panel.set(xlabel="Time of the frame (s)", ylabel="Largest change", ylim=(1e-10, 10))
panel.legend()

# sphinx_gallery_start_ignore
assert moved["24 kHz"][:37].max() == 0
assert moved["24 kHz"][37] > 0
assert (moved["48 kHz"] > 0).float().mean() > 0.95
# sphinx_gallery_end_ignore

# %% [markdown]
# In the 24 kHz model nothing moves before the change (zero has no place on a logarithmic axis). In
# the other, every frame does. It can't stream, and so it cuts its input into segments of one
# second.
#
# The LSTM
# --------
#
# **What does it add?** Memory: each of its 512 cells keeps a share :math:`f` of what it had, and
# :math:`f^n` of it is left after :math:`n` frames. With random weights :math:`f` is about a half;
# training sets it, through the bias of its *forget gates*. Here is the same encoder as it is, and
# with 1 added to those biases, :math:`f \approx 0.7`:

# %%

patient = copy.deepcopy(double)
for name, bias in patient.layers[13].lstm.named_parameters():
    if name.startswith("bias_ih"):
        bias[512:1024] += 1  # gates are stored as input, forget, cell, output

cases = {"as drawn": double, "forget gates + 1": patient}
_, panel = plt.subplots(figsize=(7.6, 3.4), layout="constrained")
heard = {}
for name, encoder in cases.items():
    heard[name] = influence(encoder, 29, 30).flip(0)
    relative = heard[name] / heard[name].max()
    panel.semilogy(torch.arange(30) / 75, relative, marker="o", markersize=3, label=name)
panel.axvline(2718 / rate, color="#5a5f66", linestyle="-", label="the convolutions end here")
panel.set(title="How strongly a frame depends on the past", ylim=(1e-7, 3))
panel.set(xlabel="Distance into the past (s)", ylabel="Influence, relative")
panel.legend()

# sphinx_gallery_start_ignore
assert 0 < heard["as drawn"][25] < 0.01 * heard["forget gates + 1"][25]
# sphinx_gallery_end_ignore

# %% [markdown]
# The convolutions end after 113 ms. How far the published weights remember, only the published
# weights could tell; the architecture sets no limit.
#
# The way up
# ----------
#
# **Is a transposed convolution something else?** The decoder has the same layers in reverse, and
# makes :math:`s` samples of one. In a transposed convolution of :math:`2 s` taps, each output
# depends on two inputs only, the present one and the one before. So it *is* a convolution of two
# taps, which makes :math:`s` times as many channels and lays them out in a row:

# %%

layer = model.decoder.layers[3]
weight = layer.conv.folded()  # (512 channels in, 256 out, 16 taps), stride 8
latent = torch.randn(1, 512, 10, generator=random)

taps = torch.stack([weight[..., 8:], weight[..., :8]], dim=-1)  # for the one before, and for now
taps = taps.permute(1, 2, 0, 3).reshape(256 * 8, 512, 2)
rows_of_eight = torch.nn.functional.conv1d(torch.nn.functional.pad(latent, (1, 0)), taps)
samples = rows_of_eight.view(1, 256, 8, 10).transpose(2, 3).reshape(1, 256, 80)
samples = samples + layer.conv.bias[:, None]
print(f"largest difference: {(samples - layer(latent)).abs().max():.1e}, peak {samples.max():.2f}")

# sphinx_gallery_start_ignore
assert torch.allclose(samples, layer(latent), atol=1e-5)
# sphinx_gallery_end_ignore

# %% [markdown]
# That is how the package computes it (see
# :ref:`where the time goes <sphx_glr_auto_examples_codec_where_the_time_goes.py>`).
#
# Listen
# ------
#
# **How long is a frame?** Here is what one frame stands for, what the convolutions of one frame
# hear, and half a second, all around the same vowel, with fades of 1 ms.

# %%


def through_window(samples, centre=8_500):
    fade = (torch.arange(samples) / 24).clamp(max=1)
    start, window = centre - samples // 2, fade * fade.flip(0)
    return torch.nn.functional.pad(window, (start, 48_000 - start - samples)) * speech[0, :48_000]


tracks = {"two seconds": speech[0, :48_000]}
for name, samples in {"half a second": 12_000, "113 ms": 2718, "one frame, 13 ms": 320}.items():
    tracks[name] = through_window(samples)
# sphinx_gallery_start_ignore
assert {len(track) for track in tracks.values()} == {48_000}
assert tracks["one frame, 13 ms"].abs().max() > 0.05
# sphinx_gallery_end_ignore
display.player(tracks, rate)

# %% [markdown]
# A frame is a click with a colour. In 113 ms there is a voice and a vowel, and no word yet.
# Everything that the codec knows about rhythm and words, it knows through the LSTM.
#
# Pitfalls
# --------
#
# - *Counting strides only.* The hop is 320 samples; the window is 2,718. Codes of one moment depend
#   on what was eight frames before it, and on all of the past through the LSTM: cutting codes is
#   not cutting sound.
# - *Batches with padding.* At the end, too, the last window is filled by reflection. Zeros that a
#   batch adds are signal to the model; ``encode(..., lengths=...)`` gives every item its own end.
# - *Group norm over time.* One loud moment scales the whole second in the 48 kHz model. It is why a
#   segment can't be encoded in parts.
#
# Try this
# --------
#
# - Build a smaller model, ``EncodecModel.from_config(EncodecConfig(num_filters=8))``, and walk
#   through it: which columns fall by 4, which by 16?
# - Replace ``ratios`` by ``(4, 4, 4, 4)``. What happens to frames a second and to the reach?
# - Plot ``influence`` for the decoder: frames in, samples out.
#
# References
# ----------
#
# - \A. Défossez, J. Copet, G. Synnaeve, Y. Adi, *High Fidelity Neural Audio Compression*,
#   Transactions on Machine Learning Research, 2023, `doi:10.48550/arXiv.2210.13438
#   <https://doi.org/10.48550/arXiv.2210.13438>`__.
# - \M. Tagliasacchi, Y. Li, K. Misiunas, D. Roblek, *SEANet: A Multi-modal Speech Enhancement
#   Network*, Interspeech 2020, `doi:10.21437/Interspeech.2020-1563
#   <https://doi.org/10.21437/Interspeech.2020-1563>`__.
# - \D.-A. Clevert, T. Unterthiner, S. Hochreiter, *Fast and Accurate Deep Network Learning by
#   Exponential Linear Units*, ICLR 2016, `doi:10.48550/arXiv.1511.07289
#   <https://doi.org/10.48550/arXiv.1511.07289>`__.
# - \A. Araujo, W. Norris, J. Sim, *Computing Receptive Fields of Convolutional Neural Networks*,
#   Distill, 2019, `doi:10.23915/distill.00021 <https://doi.org/10.23915/distill.00021>`__.
