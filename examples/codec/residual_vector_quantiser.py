# %% [markdown]
"""
A quantiser you can see
=======================

A neural codec sends no samples and no coefficients: it sends the numbers of entries in tables, and
the tables are its knowledge. This page builds such a residual vector quantiser from k-means up,
draws it, trains it on speech and music, and ends where the package's own gives the same codes.

**What you will hear.** The ends of two sentences, of which 450, 900, 1,800 and 3,600 bits a second
are left.
"""

# %%

import matplotlib.pyplot as plt
import torch

import audiolab.io as audio_io
from audiolab import display, features, signals
from audiolab.codec import ResidualVectorQuantizer
from audiolab.codec.quantizer import Codebook

display.use_style()

rate, hop = 24_000, 320  # 75 frames a second, as EnCodec has
clips = {"speech_female": 4.0, "speech_male": 4.2, "music": 6.0}  # seconds to learn from

# %% [markdown]
# Two numbers a frame
# -------------------
#
# **What is a codebook?** Take 75 frames a second of two voices, and of each frame two numbers: the
# level below 1 kHz and the level from 1 to 4 kHz. Every frame is a point. Send its address in a
# table of 16 points, the *codebook*, instead, and a frame costs 4 bits. The error is smallest if
# each point goes to the nearest entry, and if each entry is the mean of its points: k-means takes
# turns. Since :math:`|x - e|^2 = |x|^2 - 2 (x \cdot e - |e|^2 / 2)`, the nearest entry is the one
# for which the bracket is largest: one product of matrices for all.

# %%


def nearest(vectors, entries):
    return (vectors @ entries.T - entries.square().sum(dim=1) / 2).argmax(dim=1)


def means(vectors, codes, entries):
    counts = torch.bincount(codes, minlength=len(entries))[:, None]
    sums = torch.zeros_like(entries).index_add_(0, codes, vectors)
    return torch.where(counts > 0, sums / counts.clamp(min=1), entries)


def k_means(vectors, size, generator):
    entries = vectors[torch.randperm(len(vectors), generator=generator)[:size]]
    for _ in range(50):
        entries = means(vectors, nearest(vectors, entries), entries)
    return entries


def rms(x):
    return float(x.square().mean().sqrt())


# %%

voices = torch.cat([signals.clip(name)[0] for name in ["speech_female", "speech_male"]], dim=1)[0]
power = features.spectrogram(voices, n_fft=1024, hop_length=hop)
bands = [power[1:43].sum(0), power[43:171].sum(0)]  # a bin is 23.4 Hz wide
points = torch.stack([10 * band.clamp(min=1e-2).log10() for band in bands], dim=1)

random = torch.Generator().manual_seed(0)
coarse = k_means(points, 16, random)
codes = [nearest(points, coarse)]
residual = points - coarse[codes[0]]
fine = k_means(residual, 16, random)
codes.append(nearest(residual, fine))
left_over = residual - fine[codes[1]]
print(f"{len(points)} frames, spread {rms(points - points.mean(0)):.1f} dB")
print(f"one table of 16:  {rms(residual):.2f} dB of error for 4 bits")
print(f"a second of 16:   {rms(left_over):.2f} dB for 8 bits")

# sphinx_gallery_start_ignore
assert 2.5 < rms(residual) < 3.3
assert 0.85 < rms(left_over) < 1.1
# sphinx_gallery_end_ignore

# %%

_, panels = plt.subplots(1, 2, figsize=(9.5, 4.2), layout="constrained")
names = "Level below 1 kHz (dB)", "Level from 1 to 4 kHz (dB)"
title = "First table: the frames"
display.plot_codebook(points, coarse, title=title, axis_names=names, ax=panels[0])
names = "Left over below 1 kHz (dB)", "Left over from 1 to 4 kHz (dB)"
title = "Second table: what the first left over"
display.plot_codebook(residual, fine, title=title, axis_names=names, ax=panels[1])

# %% [markdown]
# A cross is an entry, a dot a frame, and everything in a cell is sent as its cross. On the right,
# all cells of the left picture are laid over each other with their crosses at 0: that is what a
# second table sees. One table of 16 serves all 16 cells, so it can't know that errors in the
# crowded corner are small and errors in the pauses large.
#
# What sharing costs
# ------------------
#
# **Would one table of 256 not do better?** For the same 8 bits it places every entry as it likes.

# %%

sums = (coarse[:, None] + fine).reshape(256, 2)
single = k_means(points, 256, random)
pair = nearest(points, sums)
misses = (pair != 16 * codes[0] + codes[1]).float().mean()
print(f"16 + 16 entries:             {rms(left_over):.2f} dB")
print(
    f"  the best of all 256 sums:  {rms(points - sums[pair]):.2f} dB, another pair in {misses:.0%}"
)
print(f"256 entries of their own:    {rms(points - single[nearest(points, single)]):.2f} dB")

# %%

_, panels = plt.subplots(1, 2, figsize=(9.5, 4.2), layout="constrained")
names = "Level below 1 kHz (dB)", "Level from 1 to 4 kHz (dB)"
limits = [(-22, 42), (-22, 32)]
tables = {"256 sums of two entries": sums, "256 entries of their own": single}
for panel, (title, entries) in zip(panels, tables.items(), strict=True):
    shown = {"axis_names": names, "limits": limits, "ax": panel}
    display.plot_codebook(points, entries, title=title, **shown)

# sphinx_gallery_start_ignore
own_error = rms(points - single[nearest(points, single)])
assert 0.6 * rms(left_over) < own_error < 0.8 * rms(left_over)
assert rms(points - sums[pair]) < rms(left_over)
assert 0.1 < misses < 0.3
# sphinx_gallery_end_ignore

# %% [markdown]
# It does: the error is smaller by a quarter or so. On the left the second table's pattern is
# stamped around each entry of the first, also where no frame ever is. But these are 32 stored
# points and 32 distances a frame against 256. EnCodec at 6 kbps sends 80 bits a frame, eight tables
# of 1024: one table for as many bits would have :math:`2^{80}` entries.
#
# Taking the nearest entry stage by stage is *greedy*: now and then another pair would have been
# nearer. Nobody searches for it.
#
# Eighty numbers a frame
# ----------------------
#
# **And with real spectra?** Now a frame is its log-mel spectrum, 80 levels in dB, which stands in
# for the 128 numbers of EnCodec's encoder. Tables of 64 learn from 14 s of the bundled clips, and
# are judged by the 5 s that they have never seen.

# %%

mel = {"n_fft": 1024, "n_mels": 80}


def frames(name, hop_length, **part):
    sound, _ = audio_io.load(signals.clip_path(name), sample_rate=rate, num_channels=1, **part)
    return features.log_mel_spectrogram(sound[0], rate, hop_length=hop_length, **mel).T


# A hop of a quarter gives four times the frames to learn from.
train = torch.cat([frames(name, hop // 4, stop_s=cut) for name, cut in clips.items()])
unseen = torch.cat([frames(name, hop, start_s=cut) for name, cut in clips.items()])
print(f"{len(train)} frames to learn from, {len(unseen)} to judge by, {train.shape[1]} levels each")

# %%

stages, residual, rest = [], train, unseen
energy = [(rms(residual - train.mean(0)), rms(rest - train.mean(0)))]
for _ in range(8):
    stages.append(k_means(residual, 64, random))
    residual = residual - stages[-1][nearest(residual, stages[-1])]
    rest = rest - stages[-1][nearest(rest, stages[-1])]
    energy.append((rms(residual), rms(rest)))
for stage, (seen, new) in enumerate(energy):
    print(f"{stage} tables, {6 * stage:2} bits: {seen:5.2f} dB of error, unseen {new:5.2f} dB")

# %%

plain = []
for bits in range(4, 11):
    entries = k_means(train, 2**bits, random)
    errors = [rms(x - entries[nearest(x, entries)]) for x in (train, unseen)]
    plain.append((bits, *errors))

# %%

_, panel = plt.subplots(figsize=(7.6, 3.8), layout="constrained")
bits, *errors = zip(*plain, strict=True)
for column, which in enumerate(["frames learnt from", "unseen frames"]):
    cascade = [row[column] for row in energy[1:]]
    panel.plot(range(6, 49, 6), cascade, marker="o", label=f"tables of 64, {which}")
    panel.plot(bits, errors[column], marker="s", label=f"one table, {which}")
panel.set(title="What the bits of a frame buy", xlim=(0, 50), ylim=(0, 9))
panel.set(xlabel="Bits a frame (75 frames a second)", ylabel="RMS error of 80 mel levels (dB)")
panel.legend()

# sphinx_gallery_start_ignore
by_bits = {bits: errors for bits, *errors in plain}
assert by_bits[10][0] < 1.7 < energy[8][0] + 0.3
assert by_bits[8][1] - by_bits[10][1] < 0.45
assert 5.2 < by_bits[10][1] < 5.7
assert energy[8][1] < 3.9
assert all(new > seen for seen, new in energy)
# sphinx_gallery_end_ignore

# %% [markdown]
# One large table wins on what it learnt from, as it must: at 10 bits it has an entry for every
# fourth frame, and has all but memorised them. On unseen frames, a bit buys a tenth of a decibel
# from 9 bits on. A table twice as large needs twice the data, for one bit. Small tables in a row go
# on: each stage's entries are learnt from all frames. They too are better at what they know: the
# gap to unseen frames is why codecs train on thousands of hours, and not on 14 s.
#
# Listen
# ------
#
# **What do 6, 12, 24 and 48 bits a frame sound like?** The stages' entries are added up to a
# log-mel spectrum, and :func:`audiolab.features.griffin_lim` finds a waveform for it. The first
# track has gone the same way without a quantiser: it is the best that the others could be. All of
# it is speech that no table has seen.

# %%


def heard(vectors):
    levels = features.inverse_mel(features.log_expand(vectors.T), rate, **mel)
    return features.griffin_lim(levels, n_fft=1024, hop_length=hop, length=(len(vectors) - 1) * hop)


voices = [frames(name, hop, start_s=clips[name]) for name in ["speech_female", "speech_male"]]
speech = residual = torch.cat(voices)
tracks = {"not quantised": heard(speech)}
for count, entries in enumerate(stages, start=1):
    residual = residual - entries[nearest(residual, entries)]
    if count in (1, 2, 4, 8):
        tracks[f"{count} x 64 entries, {count * 450} bit/s"] = heard(speech - residual)
display.player(tracks, rate)

# %% [markdown]
# At 450 bit/s there are 64 spectra in the world, and speech is spelt with them. At 3,600 the words
# are back, with the voice of Griffin-Lim.
#
# Tables that move
# ----------------
#
# **How does a table learn beside a network that learns?** The encoder changes at every step, so
# k-means over everything is never done. Instead each entry keeps a running mean of how many
# vectors picked it, :math:`n`, and of their sum, :math:`s`, from batch to batch with a decay of
# 0.99, and is :math:`s / n`. Here a table starts from the mean frame and noise, and sees 300
# batches:

# %%

batches = [train[torch.randint(len(train), (512,), generator=random)] for _ in range(300)]
start = train.mean(0) + 5 * torch.randn(64, 80, generator=random)

entries, counts = start, torch.full((64,), 4.0)
sums = entries * counts[:, None]
for batch in batches:
    picked = nearest(batch, entries)
    counts = 0.99 * counts + 0.01 * torch.bincount(picked, minlength=64)
    sums = 0.99 * sums + 0.01 * torch.zeros_like(sums).index_add_(0, picked, batch)
    entries = sums / counts[:, None]

used = torch.bincount(nearest(train, entries), minlength=64)
error_db = rms(train - entries[nearest(train, entries)])
print(f"{int((used > 0).sum())} of 64 entries are ever picked: {error_db:.2f} dB of error")

# sphinx_gallery_start_ignore
assert 20 < int((used > 0).sum()) < 40
# sphinx_gallery_end_ignore

# %% [markdown]
# An entry that starts where no vector is nearest to it is never picked, and never moves. It is
# *dead*, and its share of the bits is wasted. So whoever is picked less than twice a batch is
# renewed: put onto a random vector of the batch, with a count and a sum that give it time to be
# picked. (EnCodec's published code
# renews the entry but neither its count nor its sum, and the update that follows in the same step
# puts it back to where it was dead.) The package's ``Codebook`` does both:

# %%

learnt = {"never renewed": Codebook(64, 80, min_count=0), "renewed": Codebook(64, 80, min_count=2)}
for book in learnt.values():
    book.embed.copy_(start), book.cluster_size.fill_(4), book.embed_avg.copy_(4 * start)
    for batch in batches:
        book.update(batch, book.nearest(batch), random)
learnt["k-means"] = Codebook(64, 80)
learnt["k-means"].start(train, torch.Generator().manual_seed(1))

# %%

_, panel = plt.subplots(figsize=(7.6, 3.4), layout="constrained")
for name, book in learnt.items():
    used = torch.bincount(book.nearest(train), minlength=64).sort(descending=True).values
    panel.step(range(1, 65), used / len(train), where="mid", label=name)
    error_db = rms(train - book.embed[book.nearest(train)])
    print(f"{name:14} {int((used > 0).sum()):2} of 64 entries in use, {error_db:.2f} dB of error")
panel.set(title="How often each entry is picked, the most popular first", ylim=(0, None))
panel.set(xlabel="Entry, by popularity", ylabel="Share of the frames")
panel.legend()

# sphinx_gallery_start_ignore
found = {n: rms(train - book.embed[book.nearest(train)]) for n, book in learnt.items()}
assert found["k-means"] < found["renewed"] < found["never renewed"] - 1
assert int((torch.bincount(learnt["renewed"].nearest(train), minlength=64) > 0).sum()) == 64
# sphinx_gallery_end_ignore

# %% [markdown]
# Without renewal, half of the table is dead. With it all 64 entries work, and the error comes
# close to that of k-means, which has seen everything at once.
#
# The same lines in the package
# -----------------------------
#
# **Is that all there is to it?** :class:`audiolab.codec.ResidualVectorQuantizer` takes a latent
# ``(batch, dimension, frames)``. Given the tables from above, it must find the same codes and give
# the same vectors; and its k-means and its moving averages must be those of this page.

# %%

quantizer = ResidualVectorQuantizer(num_codebooks=8, size=64, dimension=80)
for book, entries_of_stage in zip(quantizer.codebooks, stages, strict=True):
    book.embed.copy_(entries_of_stage)
codes = quantizer.encode(unseen.T[None])

residual, own = unseen, []
for entries_of_stage in stages:
    own.append(nearest(residual, entries_of_stage))
    residual = residual - entries_of_stage[own[-1]]
print("codes:           ", torch.equal(codes[0], torch.stack(own)))
print(
    "vectors:         ", torch.allclose(quantizer.decode(codes)[0].T, unseen - residual, atol=1e-4)
)
same = k_means(train, 64, torch.Generator().manual_seed(1))
print("k-means:         ", torch.allclose(learnt["k-means"].embed, same, atol=1e-3))
print("moving averages: ", torch.allclose(learnt["never renewed"].embed, entries, atol=1e-2))

# sphinx_gallery_start_ignore
assert torch.equal(codes[0], torch.stack(own))
assert torch.allclose(quantizer.decode(codes)[0].T, unseen - residual, atol=1e-4)
assert torch.allclose(learnt["k-means"].embed, same, atol=1e-3)
assert torch.allclose(learnt["never renewed"].embed, entries, atol=1e-2)
# sphinx_gallery_end_ignore

# %% [markdown]
# It is. The package adds that the work goes in blocks that fit the cache, and that
# ``-|e|^2 / 2`` is kept from call to call.
#
# Learning through it
# -------------------
#
# **What gradient has "the nearest"?** None: moving a vector a little changes nothing, until it
# jumps. Training pretends that the quantiser is not there, :math:`q(z) := z + \mathrm{sg}(q - z)`
# with a gradient of zero for :math:`\mathrm{sg}`, and adds :math:`|z - \mathrm{sg}(q)|^2`, the
# *commitment*, which keeps vectors near their entries. Here an encoder squeezes 80 levels into 16
# numbers, and a decoder undoes it.
#
# **And if only some tables are sent?** Any number of leading tables decodes. But a decoder that
# has only ever seen the sum of eight is not made for the first. *Quantiser dropout* draws the
# number of tables for each item while training.

# %%


def dense(inputs, outputs):
    return torch.nn.Sequential(
        torch.nn.Linear(inputs, 128), torch.nn.ELU(), torch.nn.Linear(128, outputs)
    )


def network():
    torch.manual_seed(0)  # both runs start from the same weights
    return torch.nn.ModuleList([dense(80, 16), ResidualVectorQuantizer(8, 64, 16), dense(16, 80)])


def through(model, batch, count, seed=None):
    latent = model[0]((batch - train.mean()) / train.std())
    quantized = model[1](latent[..., None], count, generator=seed)
    return model[2](quantized.latent[..., 0]) * train.std() + train.mean(), quantized.commitment


# %%

trained = {"all eight tables": network(), "1 to 8 tables": network()}
for name, model in trained.items():
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for batch in [batch[:256] for batch in batches[:200]]:
        drawn = torch.randint(1, 9, (256,), generator=random) if "to" in name else 8
        decoded, commitment = through(model, batch, drawn, random)
        loss = (decoded - batch).square().mean() / train.var() + 0.25 * commitment
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    model.eval()

# %%

with torch.no_grad():
    tested = {
        name: [rms(through(model, unseen, count)[0] - unseen) for count in range(1, 9)]
        for name, model in trained.items()
    }
gain_db = [a - b for a, b in zip(*tested.values(), strict=True)]
_, panel = plt.subplots(figsize=(7.6, 3.0), layout="constrained")
panel.bar(range(1, 9), gain_db, color=["#0072B2" if gain > 0 else "#D55E00" for gain in gain_db])
panel.axhline(0, color="#5a5f66", linestyle="-", linewidth=0.8)
panel.set(title="What quantiser dropout gains and costs, unseen frames")
panel.set(xlabel="Tables decoded", ylabel="Less error with dropout (dB)")
print("tables decoded:   ", *(f"{count:5}" for count in range(1, 9)))
for name, errors in tested.items():
    print(f"{name:18}", *(f"{error:5.2f}" for error in errors), "dB")

# sphinx_gallery_start_ignore
assert gain_db[0] > 0.05
assert gain_db[7] < -0.05
assert gain_db[7] > -0.5
# sphinx_gallery_end_ignore

# %% [markdown]
# One model for all bit rates costs a tenth or two of a decibel at the highest, and gains more at
# the lowest. The effect is small here because tables in a row are ordered by themselves; the choice
# of EnCodec's authors was to have one model instead of five. Training a whole codec this way is
# ``model.reconstruct(waveform, num_codebooks=model.sample_num_codebooks(batch))``.
#
# Pitfalls
# --------
#
# - *A gradient that stops at the first table.* Take off the straight-through output instead of the
#   bare entry, and the residual's gradient cancels: only the first table's commitment is felt. The
#   published code of EnCodec has this error.
# - *Entries drawn from the residuals.* The more tables there are, the closer such a quantiser is to
#   storing its data: errors fall to nothing, codes of later stages are decided by rounding.
# - *Counting bits by the table.* 64 entries take 6 bits only if all are picked alike. Popular ones
#   can be sent shorter, which is what :ref:`the entropy coder
#   <sphx_glr_auto_examples_codec_container_and_entropy_coder.py>` does.
# - *Judging by the training set.* See the plain table above.
#
# Try this
# --------
#
# - Make the first table larger and the last ones smaller, with the same bits in all.
# - Learn from music only, and quantise speech. Which stage notices first?
# - Search the two best entries of each stage instead of the best one, and keep the better pair.
#
# References
# ----------
#
# - \Y. Linde, A. Buzo, R. M. Gray, *An Algorithm for Vector Quantizer Design*, IEEE Transactions on
#   Communications 28(1), 1980, `doi:10.1109/TCOM.1980.1094577
#   <https://doi.org/10.1109/TCOM.1980.1094577>`__.
# - \B.-H. Juang, A. H. Gray, *Multiple Stage Vector Quantization for Speech Coding*, ICASSP 1982,
#   `doi:10.1109/ICASSP.1982.1171604 <https://doi.org/10.1109/ICASSP.1982.1171604>`__.
# - \A. van den Oord, O. Vinyals, K. Kavukcuoglu, *Neural Discrete Representation Learning*, NeurIPS
#   2017, `doi:10.48550/arXiv.1711.00937 <https://doi.org/10.48550/arXiv.1711.00937>`__.
# - \N. Zeghidour et al., *SoundStream: An End-to-End Neural Audio Codec*, IEEE/ACM Transactions on
#   Audio, Speech, and Language Processing 30, 2022, `doi:10.1109/TASLP.2021.3129994
#   <https://doi.org/10.1109/TASLP.2021.3129994>`__.
