"""What people and programs do to each other in line mode, and what the broker does against it (section 22)."""
import unittest

from lines import LineCase


class Abuse(LineCase, unittest.TestCase):
    def test_no_line_is_forged(self):
        self.start()
        ada, eve = self.terminal("ada"), self.client("eve")
        ada.until("* eve joined\r\n")
        eve.publish("lobby", "x\nbob: I am bob\n* bob left\n! 500 all is lost\nEnter your username: ")
        self.assertEqual([ada.line() for _ in range(5)], ["eve: x", "| bob: I am bob", "| * bob left", "| ! 500 all is lost", "| Enter your username: "])
        eve.dm("ada", "a\n[from bob] b")
        self.assertEqual([ada.line() for _ in range(2)], ["[from eve] a", "| [from bob] b"])
        eve.publish("lobby", "bob: hi")
        self.assertEqual(ada.line(), "eve: bob: hi")
        eve.publish("lobby", "\u202egnp.exe\u2066\u200b")
        self.assertEqual(ada.line(), "eve: \\u{202E}gnp.exe\\u{2066}\\u{200B}")
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


class AbuseTwoLoopsTLS(Abuse):
    secure = True
    loops = 2


if __name__ == "__main__":
    unittest.main()
