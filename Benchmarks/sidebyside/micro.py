"""The micro-benchmarks of Benchmarks/Package.swift: one line of JSON for each."""

import json
import pathlib
import subprocess


def measure(package: pathlib.Path, is_quick: bool) -> list[dict]:
    command = ["swift", "run", "-c", "release", "--package-path", str(package), "--skip-build", "micro", "--json"]
    done = subprocess.run(command + (["--quick"] if is_quick else []), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print("bench: the micro-benchmarks failed: " + (done.stderr.strip().splitlines() or ["they said nothing"])[-1], flush=True)
        return []
    parts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for part in parts:
        print(f"  {part['name']:<46}{part['median']:>12.1f} ns", flush=True)
    return parts
