"""Every effect beside the sox program: the same input, the same words, the same samples."""

from __future__ import annotations

import pytest
import torch
from cases import Case, all_cases, error_db
from comparison import compare

from audiolab.effects.sox import EFFECTS

CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_case(case: Case, program, record_property):
    program("sox")
    found = compare(case)
    record_property("max_db", found.max_db)
    found.judge()


def test_every_effect_has_five_parameter_sets():
    sets = {name: {c.words for c in CASES if c.name == name} for name in EFFECTS}
    # Some effects take no argument at all, or a file's name: other signals stand for parameters.
    spared = {name for name, effect in EFFECTS.items() if not effect.usage} | {"noiseprof"}
    few = {
        name: len({c.label for c in CASES if c.name == name} if name in spared else found)
        for name, found in sets.items()
    }
    assert {name: count for name, count in few.items() if count < 5} == {}


def test_error_is_measured_against_the_reference():
    reference = torch.tensor([[0.5, -1.0]], dtype=torch.float64)
    assert error_db(reference, reference) == (-float("inf"), -float("inf"))
    largest, _ = error_db(reference + 1e-3, reference)
    assert abs(largest + 60.0) < 1e-6
    assert error_db(reference, torch.zeros_like(reference))[0] == float("inf")
