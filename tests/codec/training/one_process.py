"""One of several processes that train together; says by its exit status whether it went well."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from training_helpers import ADVERSARY, MDCT, config, source

from audiolab.codec.training.distributed import join
from audiolab.codec.training.trainer import Trainer

#: Runs by name: one with a discriminator, one with normalised latents.
RUNS: dict[str, dict[str, Any]] = {
    "seanet": {"adversary": {**ADVERSARY, "start": 0.0, "update_share": 1.0, "warmup": 0.5}},
    "mdct": {**MDCT, "quantizer": {"freeze_statistics": 0.9}},
}


def train(folder: Path) -> None:
    """Do all runs, each in a folder of its name."""
    torch.set_num_threads(1)
    with join("cpu") as (device, pool):
        for name, changes in RUNS.items():
            settings = config(steps=4, log_every=1, average={"start": 0.5}, **changes)
            out = folder / name
            out.mkdir(exist_ok=True)
            trainer = Trainer(settings, source(settings), out, device=device, pool=pool)
            trainer.run()
            if pool is not None:  # every process holds the same model
                for tensor in trainer.model.state_dict().values():
                    assert torch.equal(pool.total(tensor.double()), tensor.double() * pool.size)


if __name__ == "__main__":
    train(Path(sys.argv[1]))
