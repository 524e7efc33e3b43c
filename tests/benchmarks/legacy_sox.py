"""libsox in process, as torchaudio 2.8 had it, timing itself: a server for ``bench_effects.py``.

The bench starts it with the interpreter of an environment that holds torch 2.8 and torchaudio 2.8.
Each line on the standard input is a request, each line on the standard output the wall time and the
processor's time of one turn in seconds.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
import torch

warnings.simplefilter("ignore")


def main() -> None:
    from torchaudio.sox_effects import apply_effects_tensor

    torch.set_num_threads(1)
    clips: dict[str, list[torch.Tensor]] = {}
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        path, rate = request["clips"], request["rate"]
        if path not in clips:
            clips[path] = [torch.from_numpy(clip) for clip in np.load(path)]
        effects = request["effects"]
        try:
            wall, cpu = time.perf_counter(), time.process_time()
            for clip in clips[path]:
                apply_effects_tensor(clip, rate, effects)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            reply: dict[str, object] = {"wall": wall, "cpu": cpu}
        except RuntimeError as error:
            reply = {"error": str(error).splitlines()[0]}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
