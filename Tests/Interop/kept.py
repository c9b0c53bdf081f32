"""Brokers that keep accounts, for the tests of what they keep."""
import tempfile
from pathlib import Path

from cbp import Goodbye
from credentials import begin, connect_with_exporter, scram, verifier
from harness import Broker, Case, certificate, fresh

PASSWORD = "correct horse"


class Kept(Case):
    """A broker that keeps accounts, with a folder that outlives it."""

    loops = 1

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="cbp-accounts-")
        cls.broker = cls.start()

    @classmethod
    def start(cls, loops=None, **settings):
        wanted = {"runtime_data_directory": cls.folder.name, "accounts_registration": "open", "accounts_registrations_per_hour_max": 0,
                  "accounts_iterations_min": 4096}
        return Broker(loops or cls.loops, certificate(), **(wanted | settings))

    @classmethod
    def tearDownClass(cls):
        cls.broker.stop()
        cls.folder.cleanup()

    def opened(self, device=None, broker=None, **options):
        client = self.client(broker=broker, device=device, **options)
        begin(client)
        return client

    def registered(self, name=None, password=PASSWORD):
        name = name or fresh("user")
        client = self.opened()
        client.request("register", user=name, sasl=verifier(password))
        client.close()
        return name

    def logged_in(self, name, password=PASSWORD, device=None, broker=None, **options):
        client = self.opened(device, broker, **options)
        client.ok = scram(client, name, password)
        return client

    def bound(self, device=None):
        client = connect_with_exporter(self.broker, certificate().certificate, device=device)
        self.addCleanup(client.close)
        begin(client)
        return client, client.connection.sock.exporter

    def assert_ended(self, client, code, end=None):
        with self.assertRaises(Goodbye) as caught:
            client.wait(lambda: False)
        self.assertEqual((caught.exception.code, caught.exception.frame.get("end")), (code, end))


class KeptApart(Kept):
    """Brokers with settings of their own, each in a folder of its own: one broker at a time works in one."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="cbp-accounts-")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def start(cls, loops=None, **settings):
        return super().start(loops, **({"runtime_data_directory": str(Path(cls.folder.name, fresh("data")))} | settings))
