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
        self.assertNotIn("secret words", self.broker.output())

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
