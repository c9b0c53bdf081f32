"""Brokers whose data outlive the process, for tests of what is stored."""
import subprocess

from broker import BINARY, PATIENCE, certificate
from harness import Case


class Stored(Case):
    """Brokers that work in one folder, one after the other. Each test has a folder of its own."""

    settings = {}               # of every start that does not say otherwise

    def setUp(self):
        self.folder = self.folder_of_its_own()

    def start(self, loops=None, **settings):
        wanted = {"tls": certificate(), "runtime_data_directory": self.folder} | self.settings | settings
        self.broker = self.own(loops or self.loops, **wanted)
        return self.broker

    def operate(self, *command, folder=None, **options):
        """A command of the operator's that concerns the folder, done."""
        return subprocess.run([BINARY, *command, "--data-dir", folder or self.folder], capture_output=True, text=True, timeout=PATIENCE, **options)

    def add_account(self, name, password):
        self.operate("user", "add", name, input=password + "\n", check=True)
