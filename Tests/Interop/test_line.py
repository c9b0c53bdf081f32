"""Line mode: what people see and what commands do (section 22), with sockets."""
import re
import socket
import unittest

from broker import fresh
from lines import PROMPT, WELCOME, LineCase

COMMANDS = ["/users", "/who", "/rooms", "/join", "/create", "/leave", "/pm", "/history", "/nick", "/login", "/ping", "/help", "/quit", "//TEXT"]


class Lines(LineCase, unittest.TestCase):
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
        client = self.client(fresh("watch"))
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
                           ("/pm A! x", 400), ("/nick robert", 408), ("/nick no!", 400), ("/history x", 108), ("/what", 108), ("/nick Bob Smith", 108),
                           (" /pm bob secret", 108), ("\x1b[A", 401), ("/leave lobby", 300), ("/login ada", 106)):
            ada.type(line + "\n")
            self.assertRegex(ada.line(), rf"^! {code} ", line)

    # The order of answers.

    TYPED = ["/ping", "/users", "/rooms", "/who", "hello", "/pm ada x", "/pm nobody y", "/history 1", "/frob", "/join tea", "/leave", "/help"]
    ANSWERED = [r"\* the broker is there", "Users online: 2", "ada", "bob", r"\* general .*", r"\* lobby .*", r"\* random .*", r"\* tea .*", r"\* tech .*",
                r"\* lobby: ada, bob", r"\[to ada\] x", r"! 405 .*", "bob: hello", "! 108 there is no /frob; /help lists the commands",
                r"\* you are in tea now", r"\* you left tea", "/users .*"]

    def test_answers_come_in_the_order_typed_and_before_the_end(self):
        self.start()
        ada = self.terminal("ada")
        ada.type("/create tea\n")
        ada.until("* you are in tea now\r\n")
        for last in ("/quit\n", ""):
            with self.subTest(last):
                bob = self.terminal()
                bob.type("\n".join(["bob"] + self.TYPED) + "\n" + last)
                if not last:
                    self.half_close(bob)
                shown = bob.to_end().decode().split("\r\n")
                self.assertEqual(shown[0], "Welcome to the chat!")
                self.assertEqual(shown[-2:], ["Goodbye!", ""])
                # Events come when they happen.
                answers = [line for line in shown[1:] if not re.match(r"\* (bob|ada) |\[from |/(?!users )|\[tea\]", line)]
                for pattern, line in zip(self.ANSWERED, answers):
                    self.assertRegex(line, f"^{pattern}$")
                ada.until("bob: hello\r\n")
                ada.until("* bob left\r\n")

    def test_what_was_said_before_is_shown_to_who_leaves_at_once(self):
        self.start()
        ada = self.terminal("ada")
        ada.type("/create tea\n" + "".join(f"{i}\n" for i in range(20)) + "/ping\n")
        ada.until("* the broker is there\r\n")
        bob = self.terminal("bob")
        bob.type("/join tea\n")
        self.half_close(bob)
        shown = bob.to_end().decode()
        self.assertTrue(shown.endswith("[tea] ada: 19\r\nGoodbye!\r\n"), shown)

    def half_close(self, terminal):
        """What `nc -N` does at the end of its input; TLS says so by close_notify, behind which nothing is read here."""
        if self.secure:
            terminal.type("/quit\n")
        else:
            terminal.sock.shutdown(socket.SHUT_WR)

    def test_history_beyond_memory_and_restarts(self):
        self.start(stores=True, rooms_recent_events_per_room=8)
        ada = self.terminal("ada")
        ada.type("/history\n")
        self.assertEqual(ada.line(), "* nothing was said here before")
        ada.type("".join(f"m{i}\n" for i in range(300)) + "/history 250\n")
        self.assertEqual([ada.line() for _ in range(250)], [f"ada: m{i}" for i in range(50, 300)])
        self.assertEqual(self.broker.stop(), 0)
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
        ada, bob = self.terminal("ada"), self.client("bob")
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


class LinesTwoLoopsTLS(Lines):
    secure = True
    loops = 2


if __name__ == "__main__":
    unittest.main()
