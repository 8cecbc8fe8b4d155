"""Every benchmark in turn, or those that are named, each in a process of its own."""

import subprocess
import sys

KNOWN = ("overhead", "schedules", "tune", "find", "reducers", "population", "horizon", "doctor")

names = sys.argv[1:] or KNOWN
unknown = [name for name in names if name not in KNOWN]
if unknown:
    sys.exit(f"There is no benchmark {unknown[0]!r}. Name some of: {', '.join(KNOWN)}.")
for name in names:
    print(f"\n== {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
