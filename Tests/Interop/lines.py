"""Line mode: people at terminals, and the broker that they talk to (section 22)."""
import socket
import ssl

from broker import PATIENCE, certificate
from stored import Stored

PROMPT, WELCOME = b"Enter your username: ", b"Welcome to the chat!\r\n"


class Terminal:
    """A person at a socket."""

    def __init__(self, host, port, tls=None):
        self.sock = socket.create_connection((host, port), PATIENCE)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self.seen = b""

    def type(self, text):
        self.sock.sendall(text if isinstance(text, bytes) else text.encode())

    def until(self, text):
        """What is shown up to and with a text."""
        text = text if isinstance(text, bytes) else text.encode()
        while text not in self.seen:
            octets = self.sock.recv(65536)
            if not octets:
                raise EOFError(f"ended before {text!r}: {self.seen!r}")
            self.seen += octets
        shown, _, self.seen = self.seen.partition(text)
        return shown + text

    def line(self):
        return self.until(b"\r\n")[:-2].decode()

    def to_end(self):
        while octets := self.sock.recv(65536):
            self.seen += octets
        return self.seen


class LineCase(Stored):

    def start(self, stores=False, **settings):
        """A broker with a door for terminals; one that has no folder, unless it `stores`."""
        settings["listen_line_tls_addresses" if self.secure else "listen_line_addresses"] = "127.0.0.1:0"
        if stores:
            super().start(**settings)
        else:
            self.broker = self.own(self.loops, tls=certificate(), **settings)
        self.address = self.broker.address_of("line-tls" if self.secure else "line")
        return self.broker

    def terminal(self, name=None):
        """A terminal at the prompt, or where somebody of this name has logged in."""
        context = ssl.create_default_context(cafile=str(certificate().certificate)) if self.secure else None
        terminal = Terminal(*self.address, context)
        self.addCleanup(terminal.sock.close)
        self.assertEqual(terminal.until(PROMPT), PROMPT)
        if name:
            terminal.type(name + "\n")
            self.assertEqual(terminal.until(WELCOME), WELCOME)
            self.settle(terminal)
        return terminal

    def settle(self, terminal):
        """The log-in alone does not say that the lobby is heard; on several loops that may come a little later."""
        terminal.type("/who lobby\n")
        terminal.until("* lobby: ")
        terminal.line()
