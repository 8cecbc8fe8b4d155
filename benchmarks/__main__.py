"""Every benchmark in turn, each in a process of its own."""

import subprocess
import sys

for name in ("overhead", "tune", "find"):
    print(f"\n== {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
