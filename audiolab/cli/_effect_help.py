"""What ``audiolab effects --help-effect NAME`` and ``--list`` show."""

from __future__ import annotations

import textwrap
from difflib import get_close_matches

from audiolab.cli._errors import UsageError
from audiolab.effects.sox import EFFECTS, REFUSED

__all__ = ["effect_help", "effect_list"]

WIDTH = 96


def effect_help(name: str) -> str:
    """Return an effect's syntax, what each argument means, and an example."""
    if name in REFUSED:
        return textwrap.fill(f"{name} is not available: {REFUSED[name]}.", WIDTH)
    if name not in EFFECTS:
        near = get_close_matches(name, EFFECTS, 1)
        hint = f"did you mean {near[0]}?" if near else "--list shows them"
        raise UsageError(f"there is no effect {name!r}; {hint}")
    effect = EFFECTS[name]
    lines = textwrap.wrap(
        f"{name} {effect.usage}".rstrip(),
        WIDTH,
        initial_indent="usage: ",
        subsequent_indent=" " * (8 + len(name)),
        break_long_words=False,
        break_on_hyphens=False,
    )
    lines += ["", textwrap.fill(f"{name} {effect.summary}.", WIDTH)]
    if effect.parameters:
        lines.append("")
        width = max(len(each.name) for each in effect.parameters)
        for each in effect.parameters:
            facts = [f"default {each.default}"] if each.default else []
            facts += [each.range] if each.range else []
            text = each.meaning + (f" ({'; '.join(facts)})" if facts else "")
            lines += textwrap.wrap(
                text,
                WIDTH,
                initial_indent=f"  {each.name:{width}}  ",
                subsequent_indent=" " * (width + 4),
            )
    example = f"audiolab effects {'-n' if name == 'synth' else 'in.wav'} out.wav {effect.example}"
    return "\n".join([*lines, "", "example:", f"  {example}"])


def effect_list() -> str:
    """Return all effects by family, with a line each, and the names that are refused."""
    families: dict[str, list[str]] = {}
    for name in sorted(EFFECTS):
        families.setdefault(EFFECTS[name].family, []).append(name)
    width = max(map(len, [*EFFECTS, *REFUSED]))
    lines = []
    for family in sorted(families):
        lines.append(f"{family}:")
        for name in families[family]:
            lines += _entry(name, EFFECTS[name].summary, width)
        lines.append("")
    lines.append("not available:")
    for name in sorted(REFUSED):
        lines += _entry(name, REFUSED[name], width)
    return "\n".join([*lines, "", "`audiolab effects --help-effect NAME` tells more about one."])


def _entry(name: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"  {name:{width}}  ", subsequent_indent=" " * (width + 4)
    )
