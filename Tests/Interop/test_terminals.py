"""Line mode with what people have at hand: nc, telnet, and openssl for TLS."""
import shutil
import unittest

from broker import PATIENCE, certificate
from lines import LineCase
from program import Program


class Terminals(LineCase):
    def conversation(self, name, *arguments):
        if not shutil.which(name):
            self.skipTest(f"{name} is not installed")
        self.add_account("ada", "secret words")
        bob, ada = self.client("bob"), Program(name, *arguments)
        self.addCleanup(ada.stop)
        ada.until("Enter your username: ")
        ada.type("/login ada")
        ada.until("Password: ")
        ada.type("wrong")
        ada.until("! 201 ")
        ada.until("Enter your username: ")
        ada.type("/login ada")
        ada.until("Password: ")
        ada.type("secret words")
        ada.until("Welcome to the chat!\n")
        bob.next_event("deliver", room="lobby", kind=32, user="ada")
        ada.type("hello from a terminal")
        self.assertEqual(bob.next_event("deliver", room="lobby", kind=None)["body"], "hello from a terminal")
        bob.publish("lobby", body="hi ada")
        for line, shown in ((None, "bob: hi ada"), ("/users", "Users online: 2\nada\nbob"), ("/pm bob psst", "[to bob] psst"),
                            ("/join general", "* you are in general now"), ("/rooms", "* general (1 member)"), ("/leave", "* you left general"),
                            ("/history 2", "ada: hello from a terminal\nbob: hi ada"), ("/quit", "Goodbye!")):
            if line:
                ada.type(line)
            ada.until(shown + "\n")
        ada.process.stdin.close()
        ada.process.wait(PATIENCE)


class TerminalsClear(Terminals, unittest.TestCase):
    def test_nc(self):
        host, port = self.start(stores=True).address_of("line")
        self.conversation("nc", host, str(port))

    def test_telnet(self):
        host, port = self.start(stores=True).address_of("line")
        self.conversation("telnet", host, str(port))


class TerminalsTLS(Terminals, unittest.TestCase):
    secure = True

    def test_openssl(self):
        host, port = self.start(stores=True).address_of("line-tls")
        self.conversation("openssl", "s_client", "-quiet", "-connect", f"{host}:{port}", "-CAfile", str(certificate().certificate),
                          "-verify_return_error")


if __name__ == "__main__":
    unittest.main()
