"""Passwords in line mode (section 22)."""
import unittest

from lines import PROMPT, WELCOME, LineCase


class Passwords(LineCase, unittest.TestCase):
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
        self.assertRegex(ada.until(PROMPT).decode(), r"^! 408 the name ada is taken: choose another, or /login ada ")
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
        self.assertNotIn("secret words", self.broker.output())

    def test_those_who_have_left_are_not_online(self):
        self.start(stores=True)
        self.add_account("ada", "secret words")
        ada = self.terminal()
        self.log_in(ada, "ada", "secret words")
        ada.type("/quit\n")
        ada.to_end()
        ada.sock.close()
        bob = self.terminal("bob")
        self.wait_for(lambda: self.who(bob) == "* lobby: bob", "end of a connection")
        bob.type("/users\n")
        self.assertEqual([bob.line(), bob.line()], ["Users online: 1", "bob"])

    def who(self, terminal):
        terminal.type("/who\n")
        return terminal.line()

    def test_messages_that_came_meanwhile_are_shown_once(self):
        self.start(stores=True)
        self.add_account("ada", "secret words")
        bob = self.terminal("bob")
        bob.type("".join(f"/pm ada m{i}\n" for i in range(3)))
        for i in range(3):
            bob.until(f"[to ada] m{i}\r\n")
        for shown in (["* 3 direct messages that you have not read:"] + [f"[from bob] m{i}" for i in range(3)], []):
            ada = self.terminal()
            self.log_in(ada, "ada", "secret words")
            ada.type("/ping\n/quit\n")
            ada.until(WELCOME)
            self.assertEqual([line for line in ada.to_end().decode().split("\r\n") if line and not line.startswith("* ada ")],
                             shown + ["* the broker is there", "Goodbye!"])
        # What came while she was here has been read.
        ada = self.terminal()
        self.log_in(ada, "ada", "secret words")
        ada.type("/who\n")
        ada.until("* lobby: ")
        bob.type("/pm ada live\n")
        ada.until("[from bob] live\r\n")
        ada.type("/quit\n")
        ada.to_end()
        ada = self.terminal()
        self.log_in(ada, "ada", "secret words")
        ada.type("/ping\n")
        self.assertNotIn(b"[from", ada.until("* the broker is there\r\n"))

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


class PasswordsTwoLoopsTLS(Passwords):
    secure = True
    loops = 2


if __name__ == "__main__":
    unittest.main()
