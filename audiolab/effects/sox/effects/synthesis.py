"""SoX's ``synth``: tones, sweeps and noises, alone or combined with what comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch

from audiolab.effects.sox.arguments import Arguments
from audiolab.effects.sox.context import Context
from audiolab.effects.sox.effect import Form, Parameter, Stage, StreamedEffect
from audiolab.effects.sox.effects._tones import Shape, Voice, parse_voice, read_shape, tuned
from audiolab.effects.sox.grammar import Time, parse_number, parse_time
from audiolab.effects.sox.registry import register
from audiolab.effects.synthesis.generator import NoiseMemory, draw_noise
from audiolab.effects.synthesis.oscillators import SteppedSweep, sweep_phase, wave
from audiolab.effects.synthesis.plucking import PluckedString

__all__ = ["Synth"]

_SWEEPS = {":": "linear", "+": "square", "/": "exponential"}
_NOISES = {
    "whitenoise": "white",
    "tpdfnoise": "tpdf",
    "pinknoise": "pink",
    "brownnoise": "brown",
}


@register
@dataclass(frozen=True)
class Synth(StreamedEffect):
    """Make sound: each channel plays one of the voices in turn."""

    length: Time | None = None
    common: Shape = ()
    voices: tuple[Voice, ...] = (Voice(),)
    key: str | None = None
    no_headroom: bool = False

    name: ClassVar[str] = "synth"
    usage: ClassVar[str] = (
        "[-j KEY] [-n] [len [off [ph [p1 [p2 [p3]]]]]] "
        "{[type] [combine] [[%]freq[k][:|+|/|-[%]freq2[k]]] [off [ph [p1 [p2 [p3]]]]]}"
    )
    summary: ClassVar[str] = "makes tones, sweeps and noises, or modulates with them"
    ends_headroom: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("-j", "just intonation in this key: semitones from A, or a note", "off"),
        Parameter("-n", "make no head-room for the effects that follow"),
        Parameter("len", "duration; 0 is that of the input", "0"),
        Parameter(
            "type",
            "sine square triangle sawtooth trapezium exp whitenoise tpdfnoise pinknoise "
            "brownnoise pluck; unique beginnings will do",
            "sine",
        ),
        Parameter("combine", "create, mix (mean), amod or fmod (product)", "create"),
        Parameter(
            "freq",
            "Hz, note (C#4), %semitones from 440 Hz; to another: linear (:), square (+), "
            "exponential (/), in whole cycles (-)",
            "440",
        ),
        Parameter("off", "bias in percent", "0", "-100 to 100"),
        Parameter("ph", "phase in percent of a cycle", "0", "0 to 100"),
        Parameter("p1", "percent of the cycle that is on or rises; pluck: sustain", "50 (10; 40)"),
        Parameter("p2", "trapezium: fall begins; exp: depth in 2 dB; pluck: tone 1", "50 (20)"),
        Parameter("p3", "trapezium: fall ends; pluck: tone 2", "60 (90)"),
    )
    example: ClassVar[str] = "synth 3 sine 300-3300"
    family: ClassVar[str] = "synthesis"

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read options, the length, what all voices share, and the voices."""
        options = arguments.options("n", "j")
        key = options.get("j")
        if key is not None:
            try:
                key_semitones(str(key))
            except ValueError as error:
                raise arguments.error(f"synth: KEY: {error}", arguments.position - 1) from None
        length = None
        common: Shape = ()
        word = arguments.peek()
        if word is not None and (word[:1].isdigit() or word[:1] == "."):
            length = arguments.read("len", parse_time)
            common = read_shape(arguments)
        voices = []
        while arguments:
            voices.append(parse_voice(arguments, swept=length is not None))
        return cls(
            length,
            common,
            tuple(voices) or (Voice(),),
            None if key is None else str(key),
            "n" in options,
        )

    def words(self) -> list[str]:
        """Return options, length, common percentages and voices."""
        words = [] if self.key is None else ["-j", self.key]
        words += ["-n"] if self.no_headroom else []
        if self.length is not None:
            words.append(str(self.length))
            words += [format(each, ".17g") for each in self.common if each is not None]
        for voice in self.voices:
            words += voice.words()
        return words

    def channels_of_silence(self) -> int:
        """Return a channel for every voice."""
        return len(self.voices)

    @property
    def makes_headroom(self) -> bool:
        """Whether it attenuates by what the effects after it need: unless ``-n`` is there."""
        return not self.no_headroom

    def stage(self, form: Form, context: Context) -> Stage:
        """Play block by block."""
        return _SynthStage(self, form, context)


def key_semitones(word: str) -> float:
    """Return the semitones of a key from A: a whole number, or a note such as ``C4``."""
    if word[:1].isalpha():
        import math

        return 12 * math.log2(tuned(word, None) / 440.0)
    number = parse_number(word)
    if number != int(number) or abs(number) > 120:
        raise ValueError(f"{word!r} is neither a note nor a whole number of semitones")
    return number


class _SynthStage(Stage):
    """``synth`` at work; every channel has its own phase, and noise its memory."""

    def __init__(self, effect: Synth, form: Form, context: Context) -> None:
        self._effect = effect
        self._noise = context.claim_noise()
        self._factor = 1.0 if effect.no_headroom else context.make_headroom()
        self._rate = form.sample_rate
        length = None if effect.length is None else effect.length.samples(self._rate)
        self._length = length or None
        total = form.num_samples
        if self._length is not None:
            total = self._length if total is None else min(total, self._length)
        self.form = Form(form.sample_rate, form.num_channels, total)
        self._key = None if effect.key is None else key_semitones(effect.key)
        count = form.num_channels
        self._voices = [effect.voices[index % len(effect.voices)] for index in range(count)]
        self._noisy = [each.kind in _NOISES for each in self._voices]
        kinds = [_NOISES[each.kind] for each in self._voices if each.kind in _NOISES]
        self._memory = NoiseMemory(kinds, len(self._noise))
        self._stepped = [SteppedSweep() for _ in self._voices]
        self._strings = [
            PluckedString(
                voice.span(self._key)[0],
                self._rate,
                *voice.percentages(effect.common)[2:],
                self._noise,
            )
            if voice.kind == "pluck"
            else None
            for voice in self._voices
        ]
        self._place = 0

    def push(self, block: torch.Tensor) -> torch.Tensor:
        """Play as long as the block, or until the length is reached."""
        if self._length is not None:
            block = block[..., : self._length - self._place]
        time = block.shape[-1]
        noise = draw_noise(self._noise, self._memory, time)
        place = torch.arange(
            self._place, self._place + time, dtype=torch.float64, device=block.device
        )
        played = []
        drawn = 0
        for channel in range(block.shape[1]):
            if self._noisy[channel]:
                sound = noise[:, drawn].to(block.device)
                drawn += 1
            else:
                sound = self._tone(channel, place)
            offset = self._voices[channel].percentages(self._effect.common)[0]
            sound = sound * (1 - abs(offset)) + offset
            played.append(self._combined(channel, block[:, channel], sound))
        self._place += time
        self.done = self._length is not None and self._place >= self._length
        sounds = torch.stack(played, dim=1)
        return sounds if self._factor == 1.0 else sounds * self._factor

    def _tone(self, channel: int, place: torch.Tensor) -> torch.Tensor:
        string = self._strings[channel]
        if string is not None:
            return string.play(len(place)).to(place.device)
        voice = self._voices[channel]
        _, phase, rise, hold, fall = voice.percentages(self._effect.common)
        start, letter, end = voice.span(self._key)
        time = place / self._rate
        if not letter:
            # In this order, so that a square wave turns at the same sample as SoX's.
            cycles = place * start / self._rate
        else:
            assert self._length is not None
            duration = self._length / self._rate
            if letter == "-":
                cycles = self._stepped[channel].phase(time, start, end, duration)
            else:
                cycles = sweep_phase(time, start, end, duration, _SWEEPS[letter])
        return wave(voice.kind, cycles + phase, rise, hold, fall)

    def _combined(self, channel: int, given: torch.Tensor, sound: torch.Tensor) -> torch.Tensor:
        sound = sound.to(given.dtype)
        combine = self._voices[channel].combine
        if combine == "mix":
            return (given + sound) / 2
        if combine == "amod":
            return given * (sound + 1) / 2
        if combine == "fmod":
            return given * sound
        return sound.expand(given.shape)
