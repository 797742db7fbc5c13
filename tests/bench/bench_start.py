"""Starting up: `python tests/bench/bench_start.py`. The version beside a bare interpreter; a catalogue read."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 9
CATALOGUE = """
import time
from smtplab.view.texts import Texts
Texts("en")("unit.ms", value=1)
start = time.process_time()
Texts("vi")("unit.ms", value=1)
print((time.process_time() - start) * 1000)
"""


def main() -> None:
    ours, bare, catalogue = [], [], []
    for _ in range(ROUNDS):
        bare.append(ms_of("-c", "pass"))
        ours.append(ms_of("-m", "smtplab", "--version"))
        said = subprocess.run([sys.executable, "-c", CATALOGUE], check=True, capture_output=True).stdout
        catalogue.append(float(said))
    version, interpreter = statistics.median(ours), statistics.median(bare)
    ratio = version / interpreter
    print(f"smtplab --version: {version:.0f} ms, a bare interpreter {interpreter:.0f} ms, ratio {ratio:.1f}")
    print(f"loading a catalogue: {statistics.median(catalogue):.1f} ms of CPU")


def ms_of(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
