"""Runs the test files that match a pattern, or all, some at a time: most of what they do is wait. The last line says what came of it."""
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
AT_ONCE = (os.cpu_count() or 1) + 1


def run(module):
    """(tests run, tests skipped, what was printed if something failed)"""
    done = subprocess.run([sys.executable, "-B", "-m", "unittest", module], cwd=FOLDER, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    ran, skipped = re.search(r"^Ran (\d+) test", done.stdout, re.M), re.search(r"^OK .*skipped=(\d+)", done.stdout, re.M)
    print(f"{module}: {done.stdout.strip().splitlines()[-1] if done.stdout.strip() else 'nothing was printed'}", flush=True)
    # A file without tests that can run here ends with status 5 in some versions of Python, and with 0 in others.
    failure = "" if done.returncode in (0, 5) else done.stdout
    return int(ran[1]) if ran else 0, int(skipped[1]) if skipped else 0, failure


def main(names):
    # The largest files first, so that none is left alone at the end.
    files = sorted(FOLDER.glob("test_*.py"), key=lambda file: -file.stat().st_size)
    modules = [file.stem for file in files if not names or any(fnmatch(file.stem, name.removesuffix(".py")) for name in names)]
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(run, modules))
    failed = [(module, text) for module, (*_, text) in zip(modules, outcomes) if text]
    for module, text in failed:
        print(f"\n{module}\n{text}")
    total, skipped = (sum(outcome[i] for outcome in outcomes) for i in (0, 1))
    outcome = f"FAILED in {', '.join(module for module, _ in failed)}" if failed or not total else f"OK ({skipped} skipped)"
    print(f"Interop: {total} tests of {len(modules)} files in {time.monotonic() - began:.0f} s; {outcome}")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
