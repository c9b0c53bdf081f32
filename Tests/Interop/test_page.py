"""The web client, as people use it: a real browser, by keyboard alone."""
import unittest

import browser
from harness import Case


@unittest.skipUnless(browser.PROGRAM, "no Chromium is installed")
class WebClient(Case, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.stop)

    def enter(self, broker, name):
        page = self.browser.page(f"http://{broker.address}/")
        self.addCleanup(page.close)
        page.until("document.readyState == 'complete' && document.activeElement?.id == 'entry-name'")
        page.type(name)
        return page

    def entered(self, broker, name):
        page = self.enter(broker, name)
        page.until(f"document.getElementById('me').textContent == '{name}' && document.activeElement?.id == 'input'")
        return page

    def shows(self, page, text):
        page.until(f"document.getElementById('log').innerText.includes({text!r})")

    def bodies(self, page):
        return page.evaluate("[...document.querySelectorAll('.message .text')].map(node => node.textContent)")

    def test_two_pages_and_a_native_client_see_the_same(self):
        broker = self.own(loops=2)
        ada, bob = self.entered(broker, "ada"), self.entered(broker, "bob")
        native = self.client("nat", broker=broker)
        ada.type("hello <b>bob</b> & <img src=x onerror=alert(1)>")
        self.shows(bob, "<img src=x")
        bob.type("hi ada")
        self.shows(ada, "hi ada")
        native.publish("lobby", "from a native client")
        for page in (ada, bob):
            self.shows(page, "from a native client")
        self.assertEqual(self.bodies(ada), self.bodies(bob))
        self.assertEqual(self.bodies(ada), ["hello <b>bob</b> & <img src=x onerror=alert(1)>", "hi ada", "from a native client"])
        # What people write never becomes markup, and who is mentioned is shown it.
        self.assertEqual(bob.evaluate("document.querySelectorAll('#log b, #log img').length"), 0)
        self.assertEqual(bob.evaluate("document.querySelectorAll('.mention').length"), 1)
        for page in (ada, bob):
            self.assertEqual(page.complaints, [])

    def test_rooms_and_direct_messages(self):
        broker = self.own()
        ada, bob = self.entered(broker, "ada"), self.entered(broker, "bob")
        ada.type("/join dev/swift")
        ada.until("document.getElementById('room-name').textContent == 'dev/swift'")
        ada.type("anyone?")
        bob.type("/join dev/swift")
        self.shows(bob, "anyone?")
        bob.type("/pm ada psst")
        ada.until("document.querySelector('#conversations .unread')?.textContent == '1'")
        ada.evaluate("document.querySelector('#conversations button').click()")
        self.shows(ada, "psst")
        self.assertEqual(ada.evaluate("document.querySelectorAll('.unread').length"), 0)
        bob.type("/nick bea")
        bob.until("document.getElementById('me').textContent == 'bea'")
        bob.type("/nonsense")
        self.shows(bob, "there is no /nonsense")
        for page in (ada, bob):
            self.assertEqual(page.complaints, [])

    def test_a_name_that_is_taken_is_asked_for_again(self):
        broker = self.own()
        self.client("ada", broker=broker)
        page = self.enter(broker, "ada")
        page.until("document.getElementById('entry-problem').textContent.includes('taken')")
        page.evaluate("document.getElementById('entry-name').select()")
        page.type("bob")
        page.until("document.getElementById('me').textContent == 'bob'")

    def test_a_reload_loses_and_repeats_nothing(self):
        broker = self.own()
        page = self.entered(broker, "ada")
        for number in range(5):
            page.type(f"message {number}")
        self.shows(page, "message 4")
        page.call("Page.reload")
        page.until("document.getElementById('me')?.textContent == 'ada'")
        self.shows(page, "message 4")
        self.assertEqual(self.bodies(page), [f"message {number}" for number in range(5)])
        self.assertEqual(page.complaints, [])


if __name__ == "__main__":
    unittest.main()
