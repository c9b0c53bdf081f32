"""What tests ask of accounts: they are registered, and clients log in to them."""
from broker import certificate, fresh, storing_broker
from cbp import Goodbye
from credentials import begin, scram, verifier
from exporter import connect_with_exporter
from harness import Case
from stored import Stored

PASSWORD = "correct horse"
# Of a broker where everybody may register, without the work that keeps guessers away.
OPEN = {"accounts_registration": "open", "accounts_registrations_per_hour_max": 0, "accounts_iterations_min": 4096}


class AccountCase(Case):
    def opened(self, device=None, **options):
        """A client that has said HELLO."""
        client = self.client(device=device, **options)
        begin(client)
        return client

    def registered(self, name=None, password=PASSWORD):
        """The name of an account that was not there before."""
        name = name or fresh("user")
        client = self.opened()
        client.request("register", user=name, sasl=verifier(password))
        client.close()
        return name

    def logged_in(self, name, password=PASSWORD, device=None, **options):
        """A client with the AUTH_OK that it was told as `ok`."""
        client = self.opened(device, **options)
        client.ok = scram(client, name, password)
        return client

    def bound(self, device=None):
        """A client under TLS that has said HELLO, and what its log-in is bound to."""
        client = connect_with_exporter(self.broker, certificate().certificate, device=device)
        self.addCleanup(client.close)
        begin(client)
        return client, client.connection.sock.exporter

    def assert_ended(self, client, code, end=None):
        with self.assertRaises(Goodbye) as caught:
            client.wait(lambda: False)
        self.assertEqual((caught.exception.code, caught.exception.frame.get("end")), (code, end))


class SharedAccounts(AccountCase):
    """A broker for all tests that leave it as it was."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = storing_broker(cls.loops, **OPEN)


class StoredAccounts(AccountCase, Stored):
    """Brokers of the test's own, one after the other."""

    settings = OPEN
