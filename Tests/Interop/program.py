"""A program with which somebody talks: what is typed, and what it shows."""
import os
import select
import subprocess
import time

from broker import PATIENCE


class Program:
    """`seen` is all that it has shown, without carriage returns."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.seen = b""
        self._read = 0          # octets of it that `until` has given

    def until(self, text):
        """What is shown from the last such text up to and with this one."""
        deadline = time.monotonic() + PATIENCE
        while (at := self.seen.find(text.encode(), self._read)) < 0:
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{text!r} is not in {self.seen[self._read:]!r}")
            octets = os.read(self.process.stdout.fileno(), 65536)
            if not octets:
                raise AssertionError(f"ended before {text!r}: {self.seen[self._read:]!r}")
            self.seen += octets.replace(b"\r", b"")
        shown, self._read = self.seen[self._read:at], at + len(text.encode())
        return shown.decode("utf-8", "replace") + text

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()
