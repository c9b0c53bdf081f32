"""Coming in to the web client with a password, and coming back without."""
import unittest

from page import PASSWORD, PageCase


class AccountPages(PageCase):
    def problem(self, page):
        page.until("document.getElementById('entry-problem').textContent && !document.getElementById('entry-submit').disabled")
        return page.text("entry-problem")


class LogIns(AccountPages):
    def test_an_account_is_made_and_logged_in_to(self):
        broker = self.storing(accounts_registration="open")
        page = self.registered(broker)
        self.in_room(page, "tea").type("mine")
        page.until("document.querySelector('.stored')")
        # The password is nowhere, nor the token in a form that could be read; a reload needs neither typed.
        kept = page.evaluate("JSON.stringify([localStorage, sessionStorage])")
        self.assertNotIn(PASSWORD, kept)
        self.assertNotIn("token", kept)
        self.restores(page, "ada")
        self.shows(page, "mine")
        # A connection of the native client by the same password: it is the account that the page has made.
        native = self.client(broker=broker)
        native.log_in("bob")
        with self.refused(408):
            self.client("ada", broker=broker)
        self.log_out(page)
        self.fill(page, "password", "ada", "wrong horse battery")
        self.assertEqual(self.problem(page), "That name and password do not belong together.")
        page.evaluate("document.getElementById('entry-password').select()")
        page.type(PASSWORD)
        self.inside(page, "ada")
        # The account is still in its rooms.
        page.click("[data-address=tea]")
        self.shows(page, "mine")

    def test_who_stays_logged_in_is_so_in_the_next_tab_and_one_at_a_time(self):
        broker = self.storing(accounts_registration="open")
        context = self.browser.context()
        first = self.open(broker, context=context)
        first.click("#kind-register input")
        first.click("#entry-remember")
        self.fill(first, "register", "ada", PASSWORD)
        self.inside(first, "ada")
        second = self.open(broker, context=context, ready="document.activeElement?.id == 'input'")
        self.inside(second, "ada")
        first.until("document.getElementById('banner-text').textContent.includes('somewhere else')")
        second.type("from the second tab")
        second.until("document.querySelector('.stored')")
        first.click("#banner-action")
        self.shows(first, "from the second tab")
        second.until("!document.getElementById('banner').hidden")
        self.log_out(first)
        third = self.open(broker, context=context)
        self.assertEqual(third.focused(), "entry-name")


class LogInsClear(LogIns, unittest.TestCase):
    pass


class LogInsTLS(LogIns, unittest.TestCase):
    """By https, where a page cannot bind its log-in to the connection."""

    secure = True


class EntryForm(AccountPages, unittest.TestCase):
    def test_refusals_are_told_in_words(self):
        broker = self.storing(accounts_registration="closed", guests_mode="off")
        page = self.open(broker, ready="document.activeElement?.id == 'entry-name' && document.getElementById('kind-guest').hidden")
        self.fill(page, "register", "ada", PASSWORD)
        self.assertIn("The operator of this broker makes the accounts", self.problem(page))
        self.fill(page, "register", "ada", "short")
        page.until("document.getElementById('entry-problem').textContent.includes('at least 8')")
        page.evaluate("document.getElementById('entry-name').value = 'Ada Lovelace'")
        page.press("Enter")
        page.until("document.getElementById('entry-problem').textContent.includes('Names are made of')")

    def test_without_accounts_there_are_guests_alone(self):
        page = self.open(self.own())
        page.until("document.getElementById('entry-kinds').hidden")

    def test_a_page_of_another_machine_in_the_clear_computes_no_proofs(self):
        broker = self.storing(accounts_registration="open", web_allowed_origins="*")
        page = self.open(broker, host="chat.test")
        self.assertFalse(page.evaluate("isSecureContext"))
        page.click("#kind-password input")
        page.until("document.getElementById('entry-note').textContent.includes('https')")
        self.assertTrue(page.evaluate("document.getElementById('entry-submit').disabled"))
        page.click("#kind-guest input")
        page.evaluate("document.getElementById('entry-name').focus()")
        page.type("bob")
        self.inside(page, "bob")
        # The browser tells developers that it does not heed one of our fields here.
        self.assertEqual([entry["entry"]["text"][:36] for entry in page.complaints], ["The Cross-Origin-Opener-Policy heade"])
        page.complaints.clear()


if __name__ == "__main__":
    unittest.main()
