# %% [markdown]
"""
Where the time goes
===================

EnCodec's networks multiply 1.5 thousand million times for each second of sound, which a processor
does in a hundredth of a second. The published implementation takes some ten times as long. This
page shows what it does with the rest, how the package computes the same codes in less, and what
that is worth by the repository's own benchmark.

**What you will hear.** What a faster formula does to a sound, and the difference, raised by 120 dB.
"""

# %%

import json
import time
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch.nn import functional

from audiolab import display, signals
from audiolab.codec import EncodecModel

display.use_style()
torch.set_num_threads(1)

# %% [markdown]
# Side by side
# ------------
#
# **How fast is it?** ``tests/benchmarks/bench_codec.py`` runs three implementations with the same
# weights in one process, in turns, and writes what it finds into the repository. (``make bench``
# repeats it on your machine. The page finds the file wherever it runs in a clone.) Each ratio is
# taken to ``encodec`` 0.1.1.

# %%

here = Path.cwd()
root = next(folder for folder in (here, *here.parents) if (folder / "pyproject.toml").is_file())
bench = json.loads((root / "tests" / "benchmarks" / "results" / "codec.json").read_text("utf-8"))
cases = {}
for row in bench["rows"]:
    model_rate = row["preset"].replace("khz", " kHz")
    case = f"{row['what']} {model_rate}, {row['duration_s']:g} s, threads: {row['threads']}"
    # With one thread the processor's own clock counts, which other programs don't stop.
    seconds = row["cpu_seconds" if row["threads"] == 1 else "seconds"]
    cases.setdefault(case, {})[row["implementation"]] = row | {"spent": seconds}

# %%

names = ("encodec", "transformers", "audiolab")
cells = [
    (
        case,
        *(f"{rows[name]['spent']:.2f}" for name in names),
        *(f"{rows[name]['ratio_to_encodec']:.1f}" for name in names[1:]),
        f"{rows['audiolab']['frames_differing']}",
    )
    for case, rows in cases.items()
]
header = ("", *(f"{name} (s)" for name in names))
header += ("transformers (x)", "audiolab (x encodec)", "frames that differ")
# sphinx_gallery_start_ignore
assert all(rows["audiolab"]["ratio_to_encodec"] > 1.5 for rows in cases.values())
assert all(set(rows) >= set(names) for rows in cases.values())
measured = {(row["what"], row["preset"], row["threads"]) for row in bench["rows"]}
wanted = {(what, preset, 1) for what in ("encode", "decode") for preset in ("24khz", "48khz")}
assert measured >= wanted, "the committed result lacks cases"
# sphinx_gallery_end_ignore
display.Table(f"{bench['machine']}, {bench['date']}", header, tuple(cells))

# %%

drawn = {case: rows for case, rows in cases.items() if case.endswith("threads: 1")}
_, panel = plt.subplots(figsize=(7.6, 1.2 + 0.55 * len(drawn)), layout="constrained")
for offset, name in enumerate(names):
    places = [place + 0.26 * (offset - 1) for place in range(len(drawn))]
    durations = [rows[name]["duration_s"] / rows[name]["spent"] for rows in drawn.values()]
    bars = panel.barh(places, durations, height=0.24, label=name)
    panel.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
panel.set_yticks(range(len(drawn)), [case.split(", th")[0] for case in drawn])
panel.invert_yaxis()
panel.set(title="Seconds of sound per second of work, one thread", xlabel="Speed (x real time)")
panel.legend(loc="lower right")

# %% [markdown]
# The codes are the same; the last column counts the frames in which one is not. What follows
# takes the steps apart. Times below are those of the machine that built this page, and of one short
# run: look at the ratios.
#
# Who spends it
# -------------
#
# **Which layers are slow?** The weights here are random, scaled until every layer has the level 1,
# since the time that ELU takes depends on its input. The model's modules are made of torch's own
# operators, like those of the original. A clock before and after each of them, in the encoder, with
# the weights folded on the way and the padding counted to the convolutions:

# %%

model = EncodecModel.from_preset("encodec_24khz", generator=0).requires_grad_(requires_grad=False)
waveform = signals.clip("speech")[0][None]


def to_unit_level(layer, _, output):
    layer.conv.weight_g /= output.std()
    layer.conv.bias.zero_()
    return output / output.std()


convs = [part for part in model.encoder.modules() if type(part).__name__ == "Conv"]
hooks = [part.register_forward_hook(to_unit_level) for part in convs]
model.encoder(waveform)
for hook in hooks:
    hook.remove()

# %%

spent = {"ELU": 0.0, "Conv": 0.0, "ResidualLSTM": 0.0}


def start(layer, _):
    layer.begin = time.perf_counter()


def stop(layer, _, output):
    spent[type(layer).__name__] += time.perf_counter() - layer.begin


# %%

parts = [part for part in model.encoder.modules() if type(part).__name__ in spent]
hooks = [part.register_forward_pre_hook(start) for part in parts]
hooks += [part.register_forward_hook(stop) for part in parts]
model.encoder(waveform[..., :24_000])  # the first call is always slower
spent = dict.fromkeys(spent, 0.0)
latent = model.encoder(waveform)
for hook in hooks:
    hook.remove()

# sphinx_gallery_start_ignore
elus = [part for part in parts if type(part).__name__ == "ELU"]
counts = []
counters = [elu.register_forward_hook(lambda *io: counts.append(io[2].numel())) for elu in elus]
model.encoder(waveform[..., :24_000])
for counter in counters:
    counter.remove()
assert 5.1e6 < sum(counts) < 5.3e6
# sphinx_gallery_end_ignore

_, panel = plt.subplots(figsize=(7.6, 2.2), layout="constrained")
bars = panel.barh(list(spent), [100 * each / sum(spent.values()) for each in spent.values()])
panel.bar_label(bars, fmt="%.0f %%", padding=3)
panel.set(title="Where the modules' time goes, encoder", xlim=(0, 100))
panel.set(xlabel="Share of the time (%)")

# %% [markdown]
# Convolutions and the LSTM hold all of the multiplications. ELU holds none, and its bar should
# hardly be seen. It is a function of one number, but it is applied to five million of them a
# second.
#
# One function
# ------------
#
# **What is slow about it?** :math:`\mathrm{ELU}(x) = x` above 0, and :math:`e^x - 1` below. torch
# computes the latter by ``expm1``, which is exact near 0, and on a CPU goes number by number in the
# versions of torch at hand, where ``exp`` takes eight or sixteen at a time. Near 0 the difference
# :math:`e^x - 1` loses *relative* precision. But what reaches the next layer is an *absolute*
# error:

# %%


def elu_by_exp(x):
    return torch.maximum(x, x.clamp(max=0).exp_().sub_(1))  # e^x - 1 >= x, so this picks the branch


def milliseconds(call, *inputs, turns=5):
    def once():
        begin = time.perf_counter()
        call(*inputs)
        return 1000 * (time.perf_counter() - begin)

    return min(once() for _ in range(turns))


# %%

x = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0))
for name, function in {"expm1": functional.elu, "exp": elu_by_exp}.items():
    print(f"by {name:5}: {milliseconds(function, x):6.2f} ns a number")

axis = torch.linspace(-8, 1, 40_000)
true = functional.elu(axis.double())
_, panel = plt.subplots(figsize=(7.6, 3.0), layout="constrained")
for name, function in {"by expm1": functional.elu, "by exp": elu_by_exp}.items():
    error = (function(axis) - true).abs().unfold(0, 100, 100).amax(dim=-1)
    panel.plot(axis[50::100], error * 1e8, label=name)
panel.set(title="Error of ELU in 32 bits", xlabel="x", ylabel="Largest error (1e-8)")
panel.legend()

# sphinx_gallery_start_ignore
for function in (functional.elu, elu_by_exp):
    assert (function(axis) - true).abs().max() < 7e-8
assert torch.equal(elu_by_exp(axis[axis > 0]), axis[axis > 0])
# sphinx_gallery_end_ignore

# %% [markdown]
# Both are wrong by less than half of the last bit of 1, :math:`6 \cdot 10^{-8}`. The package goes
# one step further and compiles a polynomial for :math:`e^x`, applied while its input is still in
# the cache.
#
# A convolution is a product
# --------------------------
#
# **Why is a convolution not simply a product of matrices?** It is, if time comes first. Lay the
# samples out as ``(time, channels)``. The input of one output is then a stretch of memory: all
# channels of one sample, all of the next, ten samples in all. The next output's stretch starts five
# samples later. These stretches are the rows of a matrix, and the rows overlap; nothing is copied.

# %%

layer, taps, stride = model.encoder.layers[9], 10, 5  # 128 channels to 256
weight, bias = layer.conv.folded(), layer.conv.bias  # (256, 128, 10)
x = torch.randn(1, 128, 3000, generator=torch.Generator().manual_seed(1))
padded = torch.cat([x[..., 1:6].flip(-1), x], dim=-1)  # mirrored, as the model does

time_first = padded[0].T.contiguous()  # (3005, 128)
rows = time_first.as_strided((600, taps * 128), (stride * 128, 1))
matrix = weight.permute(2, 1, 0).reshape(taps * 128, 256)
product = torch.addmm(bias, rows, matrix)

stored, seen = time_first.numel(), rows.numel()
print(f"{seen:,} numbers in the rows, {stored:,} in memory; largest difference", end=" ")
print(f"{(product.T - layer(x)[0]).abs().max():.1e}")
print(f"conv1d:  {milliseconds(functional.conv1d, padded, weight, bias, stride):.2f} ms")
print(f"product: {milliseconds(torch.addmm, bias, rows, matrix):.2f} ms")

# sphinx_gallery_start_ignore
assert rows.data_ptr() == time_first.data_ptr()
assert torch.allclose(product.T, layer(x)[0], atol=1e-4)
# sphinx_gallery_end_ignore

# %% [markdown]
# Libraries of linear algebra don't take rows that overlap: here torch copied them first. The
# package brings a product of its own that reads them as they lie. All layers become this one loop.
# A transposed convolution is no exception (see :ref:`SEANet, layer by layer
# <sphx_glr_auto_examples_codec_seanet_layer_by_layer.py>`).
#
# Pieces that fit the cache
# -------------------------
#
# **Why is a minute slower per second than ten seconds?** After the first layer, a second of sound
# is 768,000 numbers, 3 MB; a minute is 184 MB, written by one layer and read by the next from main
# memory. Here is the cheap half of a layer, ELU, on arrays of growing size:

# %%


def repeat_exp(x, out, calls):
    for _ in range(calls):
        torch.exp(x, out=out)


sizes = [2**power for power in range(14, 25)]
price = []
for size in sizes:
    x, out = torch.zeros(size), torch.empty(size)
    calls = max(1, 2**21 // size)
    price.append(1e6 * milliseconds(repeat_exp, x, out, calls) / (calls * size))

# %%

_, panel = plt.subplots(figsize=(7.6, 3.0), layout="constrained")
panel.semilogx([8 * size / 1e6 for size in sizes], price, "o-")
panel.axvline(2 * 3.07, color="#5a5f66", linestyle=":", label="one second of the first layer")
panel.set(title="exp from one array into another", ylim=(0, None))
panel.set(xlabel="Both arrays (MB)", ylabel="Time for a number (ns)")
panel.xaxis.set_major_formatter("{x:g}")
panel.legend()

# %% [markdown]
# So the package sends a long signal through in pieces of a second at most, and through the first
# layers in far smaller ones. Each layer keeps the few samples that the next piece's windows reach
# back to. Every number is the same sum in the same order, so pieces change no bit; memory does not
# grow with the file; and a stream is only a matter of smaller pieces.
#
# The LSTM waits
# --------------
#
# **Can its steps be done together?** No: each needs the one before, and each reads all of the
# recurrent weights, 8 MB for two layers, to multiply them with a single vector. Memory sets the
# pace. Several signals at once share the reading:

# %%

lstm = model.encoder.layers[13].lstm
for batch in (1, 2, 4, 8):
    x = torch.randn(150, batch, 512)
    step_us = 1000 * milliseconds(lstm, x) / (150 * batch)
    print(f"{batch} signal(s): {step_us:6.1f} us a step and signal")

# sphinx_gallery_start_ignore
assert sum(p.numel() for n, p in lstm.named_parameters() if "weight_hh" in n) * 4 == 8_388_608
# sphinx_gallery_end_ignore

# %% [markdown]
# In the 48 kHz model, the segments of a file are such signals. In the 24 kHz model there is one
# signal, and how fast a processor can read 8 MB, 75 times a second, bounds what is left.
#
# All of it
# ---------
#
# **Does it add up?** ``model.latent`` takes the fast way on a CPU, and the modules wherever a
# gradient is needed. The latents should differ by rounding only:

# %%

with torch.no_grad():
    slow = model.encoder(waveform)
    fast = model.latent(waveform)
    by_modules = milliseconds(model.encoder, waveform, turns=2)
    by_engine = milliseconds(model.latent, waveform, turns=2)
print(f"largest difference {(slow - fast).abs().max():.1e}, latents reach {slow.abs().max():.1f}")
print(f"modules {by_modules:.0f} ms, package {by_engine:.0f} ms for 5.7 s of sound")
print(f"that is {by_modules / by_engine:.1f} times faster, on this machine, this time")

# sphinx_gallery_start_ignore
assert (slow - fast).abs().max() < 2e-5 * slow.abs().max()
# sphinx_gallery_end_ignore

# %% [markdown]
# A difference of a millionth moves a code only where two entries are equally near. How rare that is
# the tests count, against both reference implementations, at every bandwidth.
#
# Listen
# ------
#
# **What does the other formula do to a sound?** ELU on samples is a distortion: negative halves are
# bent. Both formulas bend them alike, and what is between the two takes 120 dB to be heard.

# %%

speech = 4 * waveform[0, 0, : 3 * 24_000]
bent, bent_fast = functional.elu(speech) / 4, elu_by_exp(speech) / 4
difference = 1e6 * (bent.double() - bent_fast.double()).float()
print(f"largest difference: {(bent - bent_fast).abs().max():.1e} of full scale")

tracks = {"by expm1": bent, "by exp": bent_fast, "difference, raised by 120 dB": difference}
# sphinx_gallery_start_ignore
assert (bent - bent_fast).abs().max() < 3e-8
assert 0.001 < difference.abs().max() < 0.03
# sphinx_gallery_end_ignore
display.player(tracks, 24_000)

# %% [markdown]
# Pitfalls
# --------
#
# - *Timing the first call.* It allocates, packs weights and starts threads. Warm up, take turns,
#   and compare the quickest.
# - *Threads that fight.* Two benchmarks at once on two cores measure each other. So do torch's and
#   numpy's threads.
# - *Faster and other.* bfloat16 is faster still, and moves codes in many frames. A codec whose
#   files others read has no such freedom.
# - *Compilers.* ``torch.compile`` does not mend ``expm1``, and compiles again for each length.
#
# Try this
# --------
#
# - ``torch.set_num_threads(2)``, and run the page again: which steps gain?
# - Time ``functional.elu`` on ``x.abs()``. Why is it fast now?
# - Encode 60 s at once by ``model.encoder`` and by ``model.latent``, and watch the memory.
#
# References
# ----------
#
# - \S. Williams, A. Waterman, D. Patterson, *Roofline: An Insightful Visual Performance Model for
#   Multicore Architectures*, Communications of the ACM 52(4), 2009, `doi:10.1145/1498765.1498785
#   <https://doi.org/10.1145/1498765.1498785>`__.
# - \E. Georganas et al., *Anatomy of High-Performance Deep Learning Convolutions on SIMD
#   Architectures*, SC18, 2018, `doi:10.1109/SC.2018.00069
#   <https://doi.org/10.1109/SC.2018.00069>`__.
# - \A. Défossez, J. Copet, G. Synnaeve, Y. Adi, *High Fidelity Neural Audio Compression*,
#   Transactions on Machine Learning Research, 2023, `doi:10.48550/arXiv.2210.13438
#   <https://doi.org/10.48550/arXiv.2210.13438>`__.
