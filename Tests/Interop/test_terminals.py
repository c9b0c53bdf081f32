"""Line mode with what people have at hand: nc, telnet, and openssl for TLS."""
import os
import select
import shutil
import subprocess
import unittest

import test_line
from harness import PATIENCE, certificate


class Programs(test_line.Lines):
    def program(self, *command):
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.seen = b""
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        return process

    def until(self, process, text):
        """What the program shows up to a text, whatever it makes of line ends."""
        while text not in process.seen:
            readable, _, _ = select.select([process.stdout], [], [], PATIENCE)
            more = os.read(process.stdout.fileno(), 65536) if readable else b""
            if not more:
                raise EOFError(f"ended before {text!r}: {process.seen!r}")
            process.seen += more.replace(b"\r", b"")
        shown, _, process.seen = process.seen.partition(text)
        return shown

    def type(self, process, text):
        os.write(process.stdin.fileno(), text)

    def conversation(self, *command):
        self.add_account("ada", "secret words")
        bob = self.native("bob")
        ada = self.program(*command)
        self.until(ada, b"Enter your username: ")
        self.type(ada, b"/login ada\n")
        self.until(ada, b"Password: ")
        self.type(ada, b"wrong\n")
        self.until(ada, b"! 201 ")
        self.until(ada, b"Enter your username: ")
        self.type(ada, b"/login ada\n")
        self.until(ada, b"Password: ")
        self.type(ada, b"secret words\n")
        self.until(ada, b"Welcome to the chat!\n")
        bob.next_event("deliver", room="lobby", kind=32, user="ada")
        self.type(ada, b"hello from a terminal\n")
        self.assertEqual(bob.next_event("deliver", room="lobby", kind=None)["body"], "hello from a terminal")
        bob.publish("lobby", body="hi ada")
        self.until(ada, b"bob: hi ada\n")
        self.type(ada, b"/users\n")
        self.until(ada, b"Users online: 2\nada\nbob\n")
        self.type(ada, b"/pm bob psst\n")
        self.until(ada, b"[to bob] psst\n")
        self.type(ada, b"/join general\n")
        self.until(ada, b"* you are in general now\n")
        self.type(ada, b"/rooms\n")
        self.until(ada, b"* general (1 member)\n")
        self.type(ada, b"/leave\n")
        self.until(ada, b"* you left general\n")
        self.type(ada, b"/history 2\n")
        self.until(ada, b"ada: hello from a terminal\nbob: hi ada\n")
        self.type(ada, b"/quit\n")
        self.until(ada, b"Goodbye!\n")
        ada.stdin.close()
        ada.wait(PATIENCE)

    def test_nc(self):
        self.start(stores=True)
        self.conversation("nc", *self.address)

    def test_telnet(self):
        self.start(stores=True)
        self.conversation("telnet", *self.address)

    def test_openssl(self):
        self.secure = True
        self.start(stores=True)
        self.conversation("openssl", "s_client", "-quiet", "-connect", ":".join(self.address), "-CAfile", str(certificate().certificate),
                          "-verify_return_error")


# Those with sockets are tried there.
for name in [name for name in dir(test_line.Lines) if name.startswith("test_")]:
    setattr(Programs, name, None)


if __name__ == "__main__":
    unittest.main()
