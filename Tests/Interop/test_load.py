"""broker-load against a broker: every delivery of every door that it knows is verified."""
import os
import subprocess
import unittest
from pathlib import Path

from broker import BINARY, certificate
from harness import Sessions, everywhere

PROGRAM = os.environ.get("BROKER_LOAD_BINARY", str(Path(BINARY).with_name("broker-load")))


class Load(Sessions):
    def fanout(self, scheme, *arguments):
        if not os.access(PROGRAM, os.X_OK):
            self.skipTest("broker-load is not built")
        url = f"{scheme}{'s' if self.secure else ''}://localhost:{self.broker.port}"
        trust = ["--ca", str(certificate().certificate)] if self.secure else []
        done = subprocess.run([PROGRAM, "fanout", url, *trust, *arguments, "--rooms", "3", "--members", "5", "--publishers", "2",
                               "--messages", "200", "--body", "300", "--quiet"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("everything came, once, in order", done.stdout)

    def test_native_frames(self):
        self.fanout("broker")

    def test_json(self):
        self.fanout("ws")

    def test_binary_messages(self):
        self.fanout("ws", "--subprotocol", "cbp.bin.v1")


globals().update(everywhere(Load))

if __name__ == "__main__":
    unittest.main()
