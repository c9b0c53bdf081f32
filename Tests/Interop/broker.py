"""Broker processes on ports of their own, with certificates of their own.

BROKER_BINARY names the broker; the default is .build/debug/broker of the package.
Nothing here sleeps to synchronise: every wait is for a condition, with a deadline.
"""
import atexit
import contextlib
import functools
import itertools
import json
import os
import signal
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

import cbp

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("BROKER_BINARY", str(ROOT / ".build/debug/broker"))
PATIENCE = 10                   # seconds for whatever must come
_numbers = itertools.count(1)


def fresh(stem):
    """A name that no other test uses."""
    return f"{stem}{next(_numbers)}"


def parted(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


class Broker:
    """One broker process on a port of its own, with settings as environment variables."""

    def __init__(self, loops=1, tls=None, log_level="warning", listen="127.0.0.1:0", **settings):
        self.options = {"loops": loops, "tls": tls, "log_level": log_level, "listen": listen} | settings
        self.directory = tempfile.TemporaryDirectory(prefix="cbp-interop-")
        ready = Path(self.directory.name, "ready.json")
        self.log = open(Path(self.directory.name, "log"), "w+b")
        command = [BINARY, "--listen", listen, "--loops", str(loops), "--ready-file", str(ready),
                   "--log-level", log_level]
        if tls:
            command += ["--tls-cert", str(tls.certificate), "--tls-key", str(tls.key)]
        settings.setdefault("storage_enabled", "true" if "runtime_data_directory" in settings else "false")
        environment = os.environ | {"BROKER_" + k.upper(): str(v) for k, v in settings.items()}
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError, ValueError):
                self.listeners = json.loads(ready.read_text())["listeners"]
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
                error = RuntimeError(f"the broker ended: {self.output()}")
                self.stop()
                raise error
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the broker is not ready: {self.output()}")
        self.address = self.listeners[0]["address"]
        self.host, self.port = parted(self.address)

    def address_of(self, kind):
        """(host, port) where this kind of client alone is expected."""
        (address,) = (listener["address"] for listener in self.listeners if listener["kinds"] == [kind])
        return parted(address)

    def output(self):
        self.log.flush()
        return Path(self.log.name).read_text("utf-8", "replace")

    def lines_with(self, part, count):
        """The lines of the log that have `part` in them, once there are `count`."""
        deadline = time.monotonic() + PATIENCE
        while len(lines := [line for line in self.output().splitlines() if part in line]) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"not {count} lines with {part!r}: {self.output()}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
        return lines

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        """Ends the process as a power cut would."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self):
        """The exit status after SIGTERM; killed if it takes too long."""
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.log.close()
            self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Certificate:
    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="cbp-interop-tls-")
        self.certificate = Path(self.directory.name, "cert.pem")
        self.key = Path(self.directory.name, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out",
                        self.certificate], check=True, capture_output=True, timeout=30)


@functools.cache
def certificate():
    """One for all tests of this process."""
    made = Certificate()
    atexit.register(made.directory.cleanup)
    return made


def native_tls():
    """TLS as native clients do it."""
    return cbp.tls_context(str(certificate().certificate))


def web_tls():
    """TLS as a browser does it: HTTP by ALPN."""
    context = ssl.create_default_context(cafile=str(certificate().certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@functools.cache
def shared_broker(loops):
    """A broker with default settings for all tests that leave it as it was."""
    broker = Broker(loops, certificate())
    atexit.register(broker.stop)
    return broker


@functools.cache
def storing_broker(loops, **settings):
    """The same for a broker that stores."""
    folder = tempfile.TemporaryDirectory(prefix="cbp-interop-data-")
    atexit.register(folder.cleanup)
    broker = Broker(loops, certificate(), runtime_data_directory=folder.name, **settings)
    atexit.register(broker.stop)
    return broker
