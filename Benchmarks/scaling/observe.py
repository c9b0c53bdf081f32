"""A process seen from outside: what its threads use, and which connections its event loops watch."""

import os
import pathlib
import re


def thread_seconds(process_id: int) -> dict[str, float]:
    """Processor time of each thread, by its name and number."""
    seconds = {}
    for task in sorted(pathlib.Path(f"/proc/{process_id}/task").iterdir(), key=lambda path: int(path.name)):
        name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
        fields = rest.split()
        seconds[f"{name} {task.name}"] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


def watched_sockets(process_id: int) -> list[int]:
    """Sockets in each epoll set that has any, in the order of their creation: the connections of each loop, and its listeners."""
    counts = []
    for descriptor in sorted(pathlib.Path(f"/proc/{process_id}/fd").iterdir(), key=lambda path: int(path.name)):
        if kind(descriptor) != "anon_inode:[eventpoll]":
            continue
        try:
            listing = pathlib.Path(f"/proc/{process_id}/fdinfo/{descriptor.name}").read_text()
        except FileNotFoundError:
            continue
        watched = re.findall(r"^tfd:\s+(\d+)", listing, re.MULTILINE)
        counts.append(sum(kind(descriptor.with_name(number)).startswith("socket:") for number in watched))
    return [count for count in counts if count > 0]


def kind(descriptor: pathlib.Path) -> str:
    """What an entry of /proc/PID/fd stands for; nothing if it has been closed meanwhile."""
    try:
        return os.readlink(descriptor)
    except FileNotFoundError:
        return ""
