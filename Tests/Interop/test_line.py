"""Line mode: section 22 of docs/PROTOCOL.md, with sockets."""
import json
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import Broker, Case, PATIENCE, certificate, fresh

PROMPT, WELCOME = b"Enter your username: ", b"Welcome to the chat!\r\n"
COMMANDS = ["/users", "/who", "/rooms", "/join", "/create", "/leave", "/pm", "/history", "/nick", "/login", "/ping", "/help", "/quit", "//TEXT"]


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


class Lines(Case, unittest.TestCase):
    secure = False
    loops = 1

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cbp-line-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, stores=False, **settings):
        door = {"listen_line_tls_addresses" if self.secure else "listen_line_addresses": "127.0.0.1:0"}
        if stores:
            settings["runtime_data_directory"] = self.folder
        self.line_broker = Broker(self.loops, certificate(), **door, **settings)
        self.addCleanup(self.line_broker.stop)
        ready = json.loads(Path(self.line_broker.directory.name, "ready.json").read_text())
        kind = "line-tls" if self.secure else "line"
        (address,) = (entry["address"] for entry in ready["listeners"] if entry["kinds"] == [kind])
        self.address = address.rsplit(":", 1)
        return self.line_broker

    def terminal(self, name=None):
        context = ssl.create_default_context(cafile=str(certificate().certificate)) if self.secure else None
        terminal = Terminal(self.address[0], int(self.address[1]), context)
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

    def native(self, name):
        """A client of native frames, which has no part in TLS."""
        return self.client(name, broker=self.line_broker)

    # The transcript of the mission.

    def test_transcript(self):
        self.start()
        for end in ("\n", "\r\n", "\r\0"):
            with self.subTest(repr(end)):
                ada, bob = self.terminal(), self.terminal()
                ada.type("ada" + end)
                self.assertEqual(ada.until(b"\r\n"), WELCOME)
                bob.type("bob" + end)
                self.assertEqual(bob.until(b"\r\n"), WELCOME)
                for terminal in (ada, bob):
                    self.settle(terminal)
                ada.type("hello there" + end)
                bob.until("ada: hello there\r\n")
                bob.type("/users" + end)
                bob.until("Users online: 2\r\nada\r\nbob\r\n")
                ada.type("/quit" + end)
                self.assertTrue(ada.to_end().endswith(b"Goodbye!\r\n"))
                bob.until("* ada left\r\n")
                bob.type("/users" + end)
                bob.until("Users online: 1\r\nbob\r\n")
                bob.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                bob.sock.close()        # a reset; names are free at once
                self.wait_for_users([])

    def wait_for_users(self, names):
        """Until those are connected besides whoever asks."""
        client = self.native(fresh("watch"))
        while {m["user"] for m in client.members("lobby")[0]} - {client.user} != set(names):
            client.next_event("deliver", room="lobby", kind=33)
        client.leave_broker()

    def test_names(self):
        self.start()
        ada = self.terminal("ada")
        other = self.terminal()
        for name, code in (("ada", 408), ("two words", 400), ("", None), ("-a", 400), ("é", 400), ("a" * 33, 400), ("\x1b[2J", 401),
                           ("/join dev", 200), ("/nonsense", 200), ("broker", 408), ("guest-1", 408)):
            other.type(name + "\n")
            shown = other.until(PROMPT).decode()
            if code:
                self.assertRegex(shown, rf"^! {code} [^\r\n]+\r\n{PROMPT.decode()}$", name)
        other.type("Bob\n")
        self.assertEqual(other.until(WELCOME), WELCOME)
        self.assertEqual(ada.line(), "* bob joined")
        self.assertEqual(self.guest(), "guest-")

    def guest(self):
        guest = self.terminal()
        guest.type("/guest\n/users\n")
        guest.until(WELCOME)
        guest.until("Users online: 3\r\nada\r\nbob\r\n")
        return guest.line()[:6]

    # Commands.

    def test_help_lists_every_command(self):
        self.start()
        ada = self.terminal()
        ada.type("/help\n")
        before = ada.until(PROMPT).decode()
        ada.type("ada\n")
        ada.until(WELCOME)
        ada.type("/help\n/ping\n")
        after = ada.until("* the broker is there\r\n").decode().removesuffix("* the broker is there\r\n")
        self.assertEqual(before.removesuffix(PROMPT.decode()), after)
        lines = after.split("\r\n")[:-1]
        for command in COMMANDS:
            self.assertEqual(len([line for line in lines if line.split()[0] == command]), 1, command)
        self.assertTrue(all(re.fullmatch(r"//?[A-Za-z]+.* {2,}\S.*", line) for line in lines), lines)

    def test_commands(self):
        self.start()
        ada, bob = self.terminal("ada"), self.terminal("bob")
        ada.until("* bob joined\r\n")
        ada.type("/create tea\nfirst\n/join tea\nsecond\n/rooms\n")
        ada.until("* you are in tea now\r\n")
        shown = ada.until("* tech (0 members)\r\n").decode()
        for line in ("* general (0 members)", "* lobby (2 members)", "* random (0 members)", "* tea (1 member)"):
            self.assertIn(line + "\r\n", shown)
        bob.type("/join tea\n/who\n")
        shown = bob.until("* tea: ada, bob\r\n").decode()
        self.assertIn("[tea] ada: first\r\n[tea] ada: second\r\n", shown)
        ada.until("* bob joined tea\r\n")
        bob.type("with milk\n")
        self.assertEqual(ada.line(), "[tea] bob: with milk")
        bob.type("/pm ada  psst \n/msg ada again\n")
        self.assertEqual([ada.line(), ada.line()], ["[from bob] psst", "[from bob] again"])
        bob.until("[to ada] psst\r\n")
        bob.until("[to ada] again\r\n")
        bob.type("/pm nobody psst\n")
        self.assertRegex(bob.line(), r"^! 405 ")
        bob.type("/leave\nback in the lobby\n")
        bob.until("* you left tea\r\n")
        self.assertEqual(ada.line(), "* bob left tea")
        self.assertEqual(ada.line(), "bob: back in the lobby")
        bob.type("//join is a command\n")
        self.assertEqual(ada.line(), "bob: /join is a command")
        bob.type("/nick robert\nme again\n")
        bob.until("* you are now called robert\r\n")
        ada.until("robert: me again\r\n")
        for line, code in (("/join", 108), ("/join Nö", 400), ("/join nowhere", 404), ("/create tea", 408), ("/leave dev", "40[47]"), ("/pm ada", 108),
                           ("/pm A! x", 400), ("/nick robert", 408), ("/nick no!", 400), ("/history x", 108), ("/what", 108), ("/login ada", 106)):
            ada.type(line + "\n")
            self.assertRegex(ada.line(), rf"^! {code} ", line)

    def test_history_beyond_memory_and_restarts(self):
        self.start(stores=True, rooms_recent_events_per_room=8)
        ada = self.terminal("ada")
        ada.type("/history\n")
        self.assertEqual(ada.line(), "* nothing was said here before")
        ada.type("".join(f"m{i}\n" for i in range(300)) + "/history 250\n")
        self.assertEqual([ada.line() for _ in range(250)], [f"ada: m{i}" for i in range(50, 300)])
        self.line_broker.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.line_broker.process.wait(PATIENCE), 0)
        self.start(stores=True, rooms_recent_events_per_room=8)
        bob = self.terminal("bob")
        for command, first in (("/history 300", 0), ("/history 1000", 0), ("/history", 280), ("/history 1", 299), ("/history 0", 299)):
            bob.type(command + "\n")
            self.assertEqual([bob.line() for _ in range(300 - first)], [f"ada: m{i}" for i in range(first, 300)], command)
        carl = self.terminal("carl")
        bob.until("* carl joined\r\n")
        carl.type("mark\n")
        bob.until("carl: mark\r\n")
        bob.type("/history 3\n")
        self.assertEqual([bob.line() for _ in range(3)], ["ada: m298", "ada: m299", "carl: mark"])

    def test_history_shows_what_was_said_last(self):
        self.start(stores=True)
        ada, bob = self.terminal("ada"), self.native("bob")
        ada.until("* bob joined\r\n")
        first, second = bob.publish("lobby", "frist")["seq"], bob.publish("lobby", "never")["seq"]
        ada.until("bob: never\r\n")
        bob.request("publish", room="lobby", kind=1, ref=first, body="first")
        bob.request("publish", room="lobby", kind=2, ref=second)
        ada.until("* bob deleted a message\r\n")
        ada.type("/history\nmark\n")
        self.assertEqual(ada.line(), "bob: first")
        bob.next_event("deliver", room="lobby", body="mark")
        ada.type("/history\n")
        self.assertEqual([ada.line(), ada.line()], ["bob: first", "ada: mark"])

    # Passwords.

    def add_account(self, name, password):
        subprocess.run([self.line_broker.process.args[0], "user", "add", name, "--data-dir", self.folder], input=password + "\n", text=True,
                       capture_output=True, check=True)

    def log_in(self, terminal, name, password):
        terminal.type(f"/login {name}\n")
        terminal.until("Password: ")
        terminal.type(password + "\n")

    def test_login(self):
        self.start(stores=True)
        self.add_account("ada", "secret words")
        ada = self.terminal()
        refusal = "! 201 not the name and password of an account\r\n" + PROMPT.decode()
        for name, password in (("ada", "wrong"), ("nobody", "secret words")):
            self.log_in(ada, name, password)
            # Who has an account is not told.
            self.assertEqual(ada.until(PROMPT).decode(), refusal)
        # Three are enough.
        self.log_in(ada, "ada", "Secret words")
        self.assertIn(b"! 201 ", ada.to_end())
        ada = self.terminal()
        # An account's name is no guest's.
        ada.type("ada\n")
        self.assertRegex(ada.until(PROMPT).decode(), r"^! 408 ")
        self.log_in(ada, "Ada", "secret words")
        ada.until(WELCOME)
        ada.type("/nick bea\n")
        self.assertRegex(ada.line(), "^! 300 ")
        # Several connections of one account.
        again = self.terminal()
        self.log_in(again, "ada", "secret words")
        again.until(WELCOME)
        again.type("/users\n")
        self.assertEqual([again.line(), again.line()], ["Users online: 1", "ada"])
        self.assertNotIn("secret words", self.line_broker.output())

    def test_login_where_there_are_no_accounts(self):
        self.start()
        ada = self.terminal()
        self.log_in(ada, "ada", "secret words")
        self.assertEqual(ada.until(PROMPT), b"! 202 passwords are not taken here\r\n" + PROMPT)
        ada.type("ada\n")
        ada.until(WELCOME)

    def test_telnet_clients_do_not_show_the_password(self):
        self.start(stores=True)
        self.add_account("ada", "secret words")
        ada = self.terminal()
        ada.type(b"\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f" b"/login ada\r\n")       # DO SUPPRESS-GO-AHEAD, WILL TERMINAL-TYPE, WILL NAWS
        ada.until(b"Password: \xff\xfb\x01")                                    # WILL ECHO: the terminal shows nothing
        ada.type(b"secret words\r\n")
        ada.until(b"\xff\xfc\x01\r\n")
        ada.until(WELCOME)

    # What people and programs do to each other.

    def test_no_line_is_forged(self):
        self.start()
        ada, eve = self.terminal("ada"), self.native("eve")
        ada.until("* eve joined\r\n")
        eve.publish("lobby", "x\nbob: I am bob\n* bob left\n! 500 all is lost\nEnter your username: ")
        self.assertEqual([ada.line() for _ in range(5)], ["eve: x", "| bob: I am bob", "| * bob left", "| ! 500 all is lost", "| Enter your username: "])
        eve.dm("ada", "a\n[from bob] b")
        self.assertEqual([ada.line() for _ in range(2)], ["[from eve] a", "| [from bob] b"])
        eve.publish("lobby", "bob: hi")
        self.assertEqual(ada.line(), "eve: bob: hi")
        for forbidden in ("a\rb", "\x1b[2J", "a\x08b", "\x9b31m", "a\x7f"):
            with self.refused(401):
                eve.publish("lobby", forbidden)
        mallory = self.terminal("mallory")
        ada.until("* mallory joined\r\n")
        mallory.type("safe\n")
        ada.until("mallory: safe\r\n")
        for forbidden in (b"\x1b[2J", b"a\rbob: hi", b"\x07", b"\xff\xfb", "\x9b".encode(), b"\xc3("):
            mallory.type(forbidden + b"\n")
        mallory.type("end\n")
        self.assertRegex(ada.line(), r"^mallory: (end|\ufffd?)")
        mallory.type("/create room/of.mallory\n/leave\n")
        ada.until("* mallory created the room room/of.mallory\r\n")

    def test_long_lines_and_floods_are_bounded(self):
        self.start()
        ada, bob = self.terminal("ada"), self.terminal("bob")
        ada.until("* bob joined\r\n")
        ada.type("x" * 8_192 + "\n")
        self.assertEqual(bob.line(), "ada: " + "x" * 8_192)
        ada.type("x" * 8_193 + "\nstill here\n")
        self.assertRegex(ada.line(), "^! 402 ")
        self.assertEqual(bob.line(), "ada: still here")
        ada.type("y" * 1_000_000 + "\nand here\n")
        self.assertRegex(ada.line(), "^! 402 ")
        self.assertEqual(bob.line(), "ada: and here")
        ada.type("".join(f"{i}\n" for i in range(2_000)))
        for i in range(2_000):
            self.assertEqual(bob.line(), f"ada: {i}")
        ada.type("\n" * 10_000 + "/ping\n")
        self.assertEqual(ada.line(), "* the broker is there")

    def test_the_operators_limits_hold(self):
        self.start(limits_body_byte_count_max=1024, limits_publishes_per_second=20, limits_publish_burst=1)
        ada, bob = self.terminal("ada"), self.terminal("bob")
        ada.until("* bob joined\r\n")
        ada.type("x" * 1025 + "\n/pm bob " + "x" * 1025 + "\n")
        self.assertRegex(ada.line(), "^! 402 ")
        self.assertRegex(ada.line(), "^! 402 ")
        ada.type("".join(f"{i}\n" for i in range(20)))
        for i in range(20):
            self.assertEqual(bob.line(), f"ada: {i}")

    def test_web_pages_cannot_speak(self):
        self.start()
        for request in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"POST /x HTTP/1.0\r\n\r\nada\r\nhello\r\n", b"ada\r\nHost: a\r\nhello\r\n",
                        b"OPTIONS * HTTP/1.1\r\n\r\n"):
            terminal = self.terminal()
            terminal.type(request)
            try:
                shown = terminal.to_end()
            except ConnectionResetError:
                shown = b""
            self.assertNotIn(b"hello", shown)
            self.assertNotIn(b"HTTP", shown)


class LinesTwoLoopsTLS(Lines):
    secure = True
    loops = 2


if __name__ == "__main__":
    unittest.main()
