"""Interruptions: the web client comes back, loses nothing and repeats nothing, and says how things stand."""
import unittest

import browser
from page import PageCase

COUNT = 40
SPEAK = """(() => { let number = 0; const timer = setInterval(() => {
    if (number == %d) return clearInterval(timer);
    const input = document.getElementById('input');
    input.value = '%s' + number++;
    document.getElementById('composer').requestSubmit(); }, %d); })()"""
READY = "document.getElementById('banner').hidden && document.getElementById('me-state').textContent == 'Online'"


class Recovery(PageCase, unittest.TestCase):
    def speaking(self):
        """Two pages that say something every few milliseconds."""
        broker = self.storing()
        ada = self.in_room(self.entered(broker, "ada"), "tea")
        bob = self.in_room(self.entered(broker, "bob", shown=browser.shared_browser("second")), "tea")
        ada.evaluate(SPEAK % (COUNT, "a", 23))
        bob.evaluate(SPEAK % (COUNT, "b", 31))
        for page in (ada, bob):
            page.until("document.querySelectorAll('.message').length > 10")
        return ada, bob

    def assert_whole(self, ada, bob):
        for page in (ada, bob):
            page.until(f"document.querySelectorAll('.message').length >= {2 * COUNT} && !document.querySelector('.pending')")
        bodies = self.bodies(ada)
        self.assertEqual(self.bodies(bob), bodies)
        for letter in "ab":
            self.assertEqual([body for body in bodies if body[0] == letter], [f"{letter}{number}" for number in range(COUNT)])
        for page in (ada, bob):
            self.assertEqual(page.evaluate("[...document.querySelectorAll('.outlook')].map(node => node.innerText)"), [])

    def test_a_broker_that_is_killed_while_messages_flow(self):
        ada, bob = self.speaking()
        self.restart(kills=True)
        self.assert_whole(ada, bob)
        # The history says the same.
        self.restores(ada, "ada")
        ada.until("document.querySelectorAll('.message').length >= 20 && !document.getElementById('log-top').textContent.includes('Loading')"
                  " || (document.getElementById('log').scrollTop = 0)")
        ada.until(f"document.querySelectorAll('.message').length == {2 * COUNT} || (document.getElementById('log').scrollTop = 0)")
        self.assertEqual(self.bodies(ada), self.bodies(bob))

    def test_a_broker_that_is_started_anew_while_messages_flow(self):
        ada, bob = self.speaking()
        self.restart()
        self.assert_whole(ada, bob)

    def test_what_is_said_without_a_connection_is_sent_with_the_next_even_after_a_reload(self):
        broker = self.storing()
        ada = self.in_room(self.entered(broker, "ada"), "tea")
        ada.type("before")
        ada.until("document.querySelector('.stored')")
        broker.terminate()
        broker.process.wait(10)
        ada.until("document.getElementById('banner-text').textContent.startsWith('The connection is gone')")
        ada.type("into the void")
        ada.until("document.querySelector('.pending .outlook').textContent == 'Waiting for the connection…'")
        self.restart()
        ada.click("#banner-action")
        ada.until("document.querySelectorAll('.stored').length == 2 && " + READY)
        self.assertEqual(self.bodies(ada), ["before", "into the void"])

    def test_what_is_refused_says_why_and_can_be_tried_again(self):
        broker = self.storing()
        ada = self.entered(broker, "ada")
        ada.type("/pm nobody hello?")
        ada.until("document.querySelector('.outlook.bad')?.innerText.includes('Nobody of that name is here')")
        nobody = self.client("nobody", broker=broker)
        ada.click("[data-act=again]")
        self.assertEqual(nobody.next_event("deliver", room="@ada+nobody")["body"], "hello?")
        ada.until("document.querySelector('.stored') && document.querySelectorAll('.message').length == 1")
        ada.type("x" * 20_000)
        ada.until("document.getElementById('toasts').innerText.includes('too long')")
        self.assertEqual(ada.evaluate("document.getElementById('input').value.length"), 20_000)
        ada.evaluate("document.getElementById('input').value = ''")

    def test_what_the_broker_tells_unasked_stays_until_it_is_read(self):
        page = self.entered(self.own(), "ada")
        page.shape(390, 780, is_phone=True)
        # The broker of today has nothing to tell to those who log in as a page does.
        self.hears(page, t="notice", ts=1795254799000, code=204, until=1795254919000, reason="the credential ends soon; log in anew")
        self.hears(page, t="notice", ts=1795254799000, code=599, reason="maintenance <b>tonight</b>")
        self.hears(page, t="notice", ts=1795254799000, code=599)
        page.until("document.querySelectorAll('#notices .banner').length == 2")
        self.assertEqual(page.evaluate("document.getElementById('notices').role"), "status")
        ends, maintenance = page.evaluate("[...document.querySelectorAll('#notices p')].map(line => line.innerText)")
        self.assertRegex(ends, r"^Your log-in ends soon\. Log in again to stay\. \(.*2026.*\)$")
        self.assertIn("maintenance <b>tonight</b>", maintenance)
        # By keyboard: each has a button, and the focus goes back to the box.
        page.evaluate("document.querySelector('#notices button').focus()")
        page.press("Enter")
        page.until("document.querySelectorAll('#notices .banner').length == 1 && document.activeElement.id == 'input'")

    def test_a_broker_that_stores_nothing_begins_anew_and_so_does_the_page(self):
        self.broker = self.own()
        ada = self.in_room(self.entered(self.broker, "ada"), "tea")
        ada.type("forgotten")
        ada.until("document.querySelector('.message') && !document.querySelector('.pending')")
        self.assertFalse(ada.evaluate("Boolean(document.querySelector('.stored'))"))
        self.restart()
        ada.until(READY + " && document.querySelectorAll('.message').length == 0")
        ada.type("again")
        ada.until("document.querySelectorAll('.message').length == 1 && !document.querySelector('.pending')")
        self.assertEqual((ada.text("room-name"), self.bodies(ada)), ("tea", ["again"]))


if __name__ == "__main__":
    unittest.main()
