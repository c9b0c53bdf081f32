"""Where and when it was measured."""

import datetime
import os
import platform
import subprocess


def description() -> dict[str, str]:
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{os.cpu_count()} × {field('/proc/cpuinfo', 'model name') or platform.machine()}",
        "system": f"{field('/etc/os-release', 'PRETTY_NAME', '=') or platform.system()}, kernel {platform.release()}",
        "swift": first_line(["swift", "--version"]),
        "load": "load average before the run " + ", ".join(f"{value:.2f}" for value in os.getloadavg()),
    }


def field(path: str, name: str, separator: str = ":") -> str | None:
    try:
        with open(path) as file:
            for line in file:
                key, _, value = line.partition(separator)
                if key.strip() == name:
                    return value.strip().strip('"')
    except OSError:
        pass
    return None


def first_line(command: list[str]) -> str:
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return "unknown"
    return said.splitlines()[0] if said else "unknown"
