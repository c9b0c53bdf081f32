"""The micro-benchmarks of Benchmarks/Package.swift: one line of JSON for each."""

import json
import pathlib
import subprocess


def measure(package: pathlib.Path, certificates: pathlib.Path, is_quick: bool) -> list[dict]:
    command = [str(package / ".build/release/micro"), "--json", "--certificates", str(certificates)]
    try:
        done = subprocess.run(command + (["--quick"] if is_quick else []), capture_output=True, text=True, check=False)
    except OSError as error:
        print(f"bench: no micro-benchmarks: {error}", flush=True)
        return []
    if done.returncode != 0:
        print("bench: the micro-benchmarks failed: " + (done.stderr.strip().splitlines() or ["they said nothing"])[-1], flush=True)
        return []
    parts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for part in parts:
        print(f"  {part['name']:<56}{part['median']:>12.1f} ns", flush=True)
    return parts
