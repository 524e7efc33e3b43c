# %% [markdown]
"""
A coded file, byte by byte
==========================

An ``.ecdc`` file is a short header, numbers of ten bits, and nothing that says where what ends.
This page writes one by hand, takes the arithmetic coder apart down to its integers, trains a
small language model to make a stream half as long, and shows why its probabilities have to be
exact to the last bit.

**What you will hear.** Speech in five bits a sample, coded and decoded without loss; and the same
stream after one of its bits was flipped.
"""

# %%

import io
import json
import math
import struct
import zlib
from collections import Counter

import matplotlib.pyplot as plt
import torch

import audiolab.io as audio_io
from audiolab import display, signals
from audiolab.codec import (
    BitstreamError,
    EncodecModel,
    EncodedSegment,
    ExactLanguageModel,
    LanguageModel,
    LanguageModelConfig,
    read_codes,
    write_codes,
)
from audiolab.codec.bitstream import pack_bits
from audiolab.codec.entropy import ArithmeticDecoder, ArithmeticEncoder, quantize_pdf
from audiolab.codec.legacy_lm import LegacyDecoder

display.use_style()

# %% [markdown]
# A file of 77 bytes
# ------------------
#
# **What is in it?** Two frames of two codebooks, four codes, as if 640 samples had been encoded.
# (The model only lends its name and its sizes: no weight goes into a file.)

# %%

model = EncodecModel.from_preset("encodec_24khz", generator=0)
codes = torch.tensor([[[1, 1023], [2, 512]]])  # (batch, codebook, frame)

file = io.BytesIO()
write_codes([EncodedSegment(codes, None)], 640, file, model=model)
data = file.getvalue()

fields = [("magic", 4), ("version", 1), ("length of the JSON", 4), ("JSON", 55)]
fields += [("codes", 5), ("checksum's mark", 4), ("CRC-32", 4)]
display.plot_bytes(data, fields, title="An .ecdc file of two frames")

# %% [markdown]
# It takes five lines to write the same without the package. Numbers are big endian; the JSON is as
# Python's ``json.dumps`` writes it; ``al`` counts samples, ``nc`` codebooks:

# %%

text = json.dumps({"m": "encodec_24khz", "al": 640, "nc": 2, "lm": False}).encode()
body = b"ECDC" + struct.pack(">BI", 0, len(text)) + text
in_order = [1, 2, 1023, 512]  # frame by frame, and codebook by codebook within it
body += sum(code << 10 * place for place, code in enumerate(in_order)).to_bytes(5, "little")
by_hand = body + b"ecrc" + struct.pack(">I", zlib.crc32(body))
print("the same bytes:", by_hand == data)

# sphinx_gallery_start_ignore
assert by_hand == data
assert len(data) == 77
assert data[64:69].hex(" ") == "01 08 f0 3f 80"
# sphinx_gallery_end_ignore

# %% [markdown]
# Ten bits in bytes of eight
# --------------------------
#
# **How do codes straddle bytes?** They are one large number, :math:`\sum_i c_i \, 2^{10 i}`,
# written from its low end. Within a byte the lowest bit comes first, so the second code begins at
# bit 2 of the second byte:

# %%

fields = [(f"code {code}", 10) for code in in_order]
display.plot_bytes(pack_bits(in_order), fields, title="Four codes in five bytes", unit="bits")

# %% [markdown]
# At 6 kbps a frame has eight codes, 80 bits, and so whole bytes. At 1.5 kbps frames share them.
# Nothing says how many there are: a reader counts ``ceil(al / 320)`` frames.
#
# What the checksum catches
# -------------------------
#
# **And if a bit is wrong?** Flip each of the file's bits, one at a time, and read it: with the
# eight bytes at the end, which the original reader leaves unread, and without.

# %%


def read(damaged):
    try:
        header, segments = read_codes(io.BytesIO(damaged), model=model)
    except BitstreamError:
        return "an error"
    return outcomes[torch.equal(segments[0].codes, codes) and header.num_samples == 640]


outcomes = ("something else, silently", "as it was")

# %%

for name, whole in {"with checksum": data, "without": data[:-8]}.items():
    number, bits = int.from_bytes(whole), 8 * len(whole)
    flipped = [(number ^ 1 << bit).to_bytes(len(whole)) for bit in range(bits)]
    found = Counter(read(each) for each in flipped)
    print(f"{name:14} {bits} bits flipped:", dict(found))

# sphinx_gallery_start_ignore
with_checksum = Counter(read((int.from_bytes(data) ^ 1 << bit).to_bytes(77)) for bit in range(616))
assert with_checksum["as it was"] <= 32
assert with_checksum["something else, silently"] == 0
assert found["something else, silently"] >= 40
# sphinx_gallery_end_ignore

# %% [markdown]
# Without a checksum, every bit of a code may change and nobody notices. With it, no flipped bit
# gives other codes: what is left are bits of the mark itself, which make it a file without a
# checksum, with the codes as they were. In files of version 1, which have been coded by a language
# model, the mark must be there, and these are errors too.

# %%

probabilities, message = [0.5, 0.25, 0.125, 0.125], [0, 2, 1, 3, 0, 0]
display.plot_intervals(probabilities, message, names="abcd", title="a c b d a a, narrowed")

# %% [markdown]
# Whole numbers do it without rounding: a window of 24 bits and a little more, in which
# probabilities are shares of :math:`2^{24}`. Leading bits on which both ends agree will not change
# any more, and are written.

# %%

shares = [0, *quantize_pdf(probabilities).tolist()]
low, high, top, bits = 0, 0, -1, []
for symbol in message:
    while high - low + 1 < 2**24:  # widen, until shares are told apart
        low, high, top = 2 * low, 2 * high + 1, top + 1
    width = high - low + 1
    high = low + ((shares[symbol + 1] - 1) * width >> 24)  # rounded down
    low = low + -(-shares[symbol] * width >> 24)  # rounded up
    while top >= 0 and low >> top == high >> top:
        bits.append(low >> top)
        low, high, top = low & (1 << top) - 1, high & (1 << top) - 1, top - 1
    settled = "".join(map(str, bits))
    print(f"{'abcd'[symbol]}: low {low:9,}  high {high:10,}  written so far: {settled}")

# %%

bits += [low >> place & 1 for place in range(top, -1, -1)]
number = sum(bit << place for place, bit in enumerate(bits))  # the first bit is the lowest
stream = number.to_bytes(math.ceil(len(bits) / 8), "little")

encoder = ArithmeticEncoder()
encoder.encode(message, quantize_pdf(probabilities))
print("by hand:", stream.hex(" "), " package:", encoder.finish().hex(" "))

# sphinx_gallery_start_ignore
assert stream.hex(" ") == "d6 fe bf 56 00"
again = ArithmeticEncoder()
again.encode(message, quantize_pdf(probabilities))
assert again.finish() == stream
# sphinx_gallery_end_ignore

# %% [markdown]
# The message was worth 11 bits and takes 5 bytes: at the end, all of the window is written. That
# is paid once a segment, and not once a symbol.
#
# What it costs on sound
# ----------------------
#
# **Does it reach the entropy?** Here is something real to code: speech at 8 kHz in 32 steps of
# mu-law, five bits a sample. Six seconds are there to learn from, and two to be judged by.

# %%


def five_bits(name, **part):
    sound, _ = audio_io.load(signals.clip_path(name), sample_rate=8000, num_channels=1, **part)
    loud = (2 * sound[0]).clamp(-1, 1)
    companded = loud.sign() * (1 + 255 * loud.abs()).log() / math.log(256)
    return ((companded + 1) / 2 * 31).round().long()


def sound_of(symbols):
    companded = 2 * symbols.float() / 31 - 1
    return companded.sign() * (256 ** companded.abs() - 1) / 255 / 2


learnt = five_bits("speech_female", stop_s=3.7), five_bits("speech_male", stop_s=2.3)
learnt = torch.cat(learnt)
spoken = five_bits("speech_female", start_s=3.7, stop_s=5.7)

# %%

share = (torch.bincount(learnt, minlength=32) + 1) / (len(learnt) + 32)
entropy = float(-share[spoken].log2().mean())
encoder = ArithmeticEncoder()
encoder.encode(spoken.numpy(), quantize_pdf(share))
stream = encoder.finish()
print(f"{len(spoken)} samples, {entropy:.4f} bits each by their frequencies:")
print(f"{len(spoken) * entropy / 8:.1f} bytes in theory, {len(stream)} in practice")

# sphinx_gallery_start_ignore
assert 0 <= len(stream) - len(spoken) * entropy / 8 < 0.0005 * len(stream) + 6
assert 4.5 < entropy < 4.9
# sphinx_gallery_end_ignore

# %% [markdown]
# It does, to the byte. But frequencies alone save little. Samples follow from those before them,
# and a model may use that, as long as the decoder can: it must guess a symbol from what was decoded
# already. :class:`audiolab.codec.LanguageModel` is the transformer that EnCodec uses for its codes,
# here in miniature, for one codebook of 32 entries, 32 samples of memory, and 120 steps of
# training.

# %%

torch.manual_seed(0)
config = LanguageModelConfig(
    "five bits", 1, 32, dim=32, num_heads=4, num_layers=2, hidden_dim=64, past_context=32
)
lm = LanguageModel(config)
optimizer = torch.optim.Adam(lm.parameters(), lr=3e-3)
drawn = torch.Generator().manual_seed(0)
for _ in range(120):
    first = torch.randint(len(learnt) - 128, (16, 1, 1), generator=drawn)
    position = int(torch.randint(16_000, (), generator=drawn))
    loss = lm.loss(learnt[first + torch.arange(128)], first_position=position)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %%

lm.eval().requires_grad_(requires_grad=False)
guesses = lm(spoken.view(8, 1, 2000)).flatten(0, 2)  # in pieces of a quarter of a second
bits = torch.nn.functional.cross_entropy(guesses, spoken, reduction="none") / math.log(2)
ways = {"as they are": 5.0, "by frequency": entropy, "by language model": float(bits.mean())}
for name, each in ways.items():
    print(f"{name:18} {each:.3f} bits a sample, {8 * each:.1f} kbit/s")

_, panels = plt.subplots(2, 1, figsize=(7.6, 4.2), sharex=True, layout="constrained")
display.plot_waveform(sound_of(spoken), 8000, title="Five bits a sample", ax=panels[0])
smooth = bits[:15_960].unfold(0, 80, 80).mean(1)
panels[1].step(torch.arange(len(smooth)) / 100, smooth, where="post")
panels[1].set(title="What the samples cost with the language model", ylim=(0, 5))
panels[1].set(xlabel="Time (s)", ylabel="Bits a sample")

# sphinx_gallery_start_ignore
assert ways["by language model"] < 0.65 * ways["by frequency"]
# sphinx_gallery_end_ignore

# %% [markdown]
# Half of the bits are gone, without loss. Vowels repeat themselves and cost two or three bits; the
# hiss at 1.4 s costs nearly all five, as noise can't be guessed.
#
# The last bit of a probability
# -----------------------------
#
# **So what is the catch?** Both sides must compute the same shares. The encoder knows all samples
# and can guess them in one go; the decoder goes sample by sample. Mathematically that is the same.
# In floating point it is nearly the same: sums of other order, other last bits.

# %%

count = 800
shares = quantize_pdf(lm(spoken[None, None, :count])[0, 0].softmax(dim=-1).numpy())
encoder = ArithmeticEncoder()
encoder.encode(spoken[:count].numpy(), shares)
stream = encoder.finish()

at_once = ArithmeticDecoder(stream).decode(shares)
one_by_one = LegacyDecoder(lm, 1, stream + bytes(8 * count)).pull(count)[0]
wrong = (one_by_one != spoken[:count]).nonzero()[:, 0]
print("decoded with the encoder's own shares:", bool((at_once == spoken[:count].numpy()).all()))
print(f"decoded one by one: {len(wrong)} of {count} wrong, the first is number {int(wrong[0])}")

# sphinx_gallery_start_ignore
assert (at_once == spoken[:count].numpy()).all()
assert len(wrong) > 0.8 * (count - int(wrong[0]))
hiss = bits[8000 * 133 // 100 : 8000 * 140 // 100].mean()
assert hiss > 4.3 > 3 > bits.mean()
# sphinx_gallery_end_ignore

# %% [markdown]
# The same weights, the same machine, and a stream that its own decoder can't read. No error is
# raised: noise is a message too. So do the files that EnCodec's own ``--lm`` writes end if they are
# read with another number of threads, another processor or another version of torch, and there is
# no repair.
#
# :class:`audiolab.codec.ExactLanguageModel` is the same network in whole numbers: weights of 8
# bits, activations of 14, tables in place of exponentials. Sums of integers don't depend on their
# order, so shares are the same by construction, at once or one by one, on any machine.

# %%

exact = ExactLanguageModel.from_float(lm)
stream = exact.encode(spoken[None])  # at once
decoder = exact.decoder(1, stream)  # in pieces
pieces = [decoder.pull(size) for size in (1, 2, 997, 15_000)]
decoded = torch.cat(pieces, dim=1)[0]
print("decoded in pieces:", torch.equal(decoded, spoken))
print(f"{8 * len(stream) / len(spoken):.3f} bits a sample")
short = len(exact.encode(spoken[None, :2000]))
print(f"the first 2,000 samples: {short} bytes, the float model's {bits[:2000].sum() / 8:.1f}")
print(f"the model's name, as a file's header carries it: {exact.digest}")

# sphinx_gallery_start_ignore
assert torch.equal(decoded, spoken)
assert short < 1.01 * float(bits[:2000].sum()) / 8 + 5
# sphinx_gallery_end_ignore

# %% [markdown]
# Rounding the model to integers costs less than one per cent of the bits, and the end of the stream
# a few bytes.
#
# Listen
# ------
#
# **What does one wrong bit do?** In the second track, one bit in the middle of the stream was
# flipped. From there on each symbol is decoded with the wrong shares, and is the wrong past for the
# next one. (In a file of version 1 the checksum refuses this.)

# %%

damaged = bytearray(stream)
damaged[len(stream) // 2] ^= 1
noise = exact.decode(bytes(damaged) + bytes(20_000), num_codebooks=1, num_frames=len(spoken))[0]
wrong = (noise != spoken).nonzero()[:, 0]
print(f"{len(wrong)} of {len(spoken)} samples are wrong, the first at {int(wrong[0]) / 8000:.2f} s")

# sphinx_gallery_start_ignore
assert len(wrong) > 0.5 * (len(spoken) - int(wrong[0]))
assert 4000 < int(wrong[0]) < 12_000
# sphinx_gallery_end_ignore
display.player({"decoded": sound_of(decoded), "one bit flipped": sound_of(noise)}, 8000)

# %% [markdown]
# Pitfalls
# --------
#
# - *Bits per second by the table.* Ten bits a code is what a file without a language model takes.
#   ``audiolab codec info`` says what a file really uses.
# - *Probabilities of zero.* What was never seen must still be possible: every symbol here has a
#   share of two at least, and the counts above start at one.
# - *Testing the coder by itself.* Encoder and decoder that share one array of probabilities agree
#   always. Test with the decoder's own evaluation, on another machine.
# - *Trailing zeros.* A decoder that is fed zeros beyond the end does not notice the end.
#
# Try this
# --------
#
# - Train for 1,000 steps, or with a memory of 128 samples. What is the hiss worth then?
# - Set ``torch.set_num_threads(2)`` between encoding and decoding in the float example, and use
#   ``LegacyEncoder`` on the other side.
# - Flip a bit of the last byte, and then one of the first.
#
# References
# ----------
#
# - \I. H. Witten, R. M. Neal, J. G. Cleary, *Arithmetic Coding for Data Compression*,
#   Communications of the ACM 30(6), 1987, `doi:10.1145/214762.214771
#   <https://doi.org/10.1145/214762.214771>`__.
# - \C. E. Shannon, *A Mathematical Theory of Communication*, Bell System Technical Journal 27(3),
#   1948, `doi:10.1002/j.1538-7305.1948.tb01338.x
#   <https://doi.org/10.1002/j.1538-7305.1948.tb01338.x>`__.
# - \J. Ballé, N. Johnston, D. Minnen, *Integer Networks for Data Compression with Latent-Variable
#   Models*, ICLR 2019 (openreview.net/forum?id=S1zz2i0cY7).
# - \A. Défossez, J. Copet, G. Synnaeve, Y. Adi, *High Fidelity Neural Audio Compression*,
#   Transactions on Machine Learning Research, 2023, `doi:10.48550/arXiv.2210.13438
#   <https://doi.org/10.48550/arXiv.2210.13438>`__.
