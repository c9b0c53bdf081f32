"""What the threads of a process use, seen from outside, and what the loops of a broker say of themselves."""

import os
import pathlib
import re
import signal
import subprocess
import time


def thread_seconds(process_id: int) -> dict[str, float]:
    """Processor time of each thread, by its name and number."""
    seconds = {}
    for task in sorted(pathlib.Path(f"/proc/{process_id}/task").iterdir(), key=lambda path: int(path.name)):
        name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
        fields = rest.split()
        seconds[f"{name} {task.name}"] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


def loop_reports(process: subprocess.Popen, loops: int) -> list[dict[str, int]]:
    """What each loop of a broker has by its own word: it logs that at SIGUSR1, and its log is the file on its standard error."""
    log = pathlib.Path(os.readlink(f"/proc/{process.pid}/fd/2"))
    begin = log.stat().st_size
    process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        lines = [line for line in log.read_bytes()[begin:].decode().splitlines() if "delivered=" in line]
        if len(lines) == loops:
            found = [{name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", line)} for line in lines]
            return sorted(found, key=lambda report: report["loop"])
        time.sleep(0.05)
    raise TimeoutError("the broker does not say what its loops have")
