"""What is measured: the servers that Benchmarks/peers describes, one folder for each peer."""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib


@dataclasses.dataclass(frozen=True)
class Places:
    """Where things are. `values()` are what placeholders such as @programs@ stand for in a peer's files."""

    root: pathlib.Path
    programs: pathlib.Path
    certificates: pathlib.Path
    built: pathlib.Path

    def values(self) -> dict[str, str]:
        return {
            "programs": str(self.programs),
            "certificates": str(self.certificates),
            "built": str(self.built),
            "user": os.environ.get("USER", "root") if os.getuid() else "root",
        }


@dataclasses.dataclass(frozen=True)
class Peer:
    """A program that is measured, in one or more configurations."""

    name: str
    folder: pathlib.Path
    package: str | None
    program: str
    version_command: list[str]
    servers: list[dict]

    def is_installed(self, places: Places) -> bool:
        return shutil.which(filled(self.program, places.values())) is not None

    def version(self, places: Places) -> str:
        """The first thing in what the program says of itself that looks like a version."""
        command = [filled(word, places.values()) for word in self.version_command]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
        return found.group() if found else "of unknown version"


def filled(text: str, values: dict[str, str]) -> str:
    """The text with its placeholders replaced. One that nobody knows is a mistake in the peer's files."""
    return re.sub(r"@([a-z]+)@", lambda match: values[match.group(1)], text)


def load(folder: pathlib.Path) -> list[Peer]:
    """All peers: the broker first, the floor second, the others by their names."""
    peers = []
    for description in folder.glob("*/peer.toml"):
        fields = tomllib.loads(description.read_text())
        peers.append(
            Peer(
                name=fields["name"],
                folder=description.parent,
                package=fields.get("package"),
                program=fields["program"],
                version_command=fields["version"],
                servers=fields["servers"],
            )
        )
    order = {"broker": 0, "floor": 1}
    return sorted(peers, key=lambda peer: (order.get(peer.folder.name, 2), peer.name))


def install(packages: list[str]) -> None:
    """Installs Debian packages if that can be done without asking; says so if not. Debian may start their services, on their usual ports;
    the run starts its own on others."""
    print(f"bench: peers that are missing: apt-get install {' '.join(packages)}", flush=True)
    may_sudo = shutil.which("sudo") and (sys.stdin.isatty() or subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0)
    if not shutil.which("apt-get") or (os.getuid() != 0 and not may_sudo):
        print("bench: that is not possible here; they are left out", flush=True)
        return
    root = [] if os.getuid() == 0 else ["sudo"]
    command = root + ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q", "--no-install-recommends"]
    for attempt in range(2):
        if subprocess.run(command + packages, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0:
            return
        # The package lists may be absent or old.
        if attempt == 0:
            subprocess.run(root + ["apt-get", "update", "-q"], stdin=subprocess.DEVNULL, capture_output=True)
    print("bench: apt-get could not install them; they are left out", flush=True)
