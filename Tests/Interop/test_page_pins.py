"""Pinned messages in the web client: who may pin, and where they are found again."""
import unittest

import browser
from page import PageCase

# More than are looked through at a time, so that somebody decides to go on.
COUNT = 2100


class Pins(PageCase, unittest.TestCase):
    def choose_last(self, page):
        """From the box to the last message."""
        page.evaluate("document.getElementById('input').focus()")
        page.press("Tab", browser.SHIFT)
        page.until("document.activeElement.matches('.message')")

    def pinned(self, page):
        return page.evaluate("[...document.querySelectorAll('#pinned-list .said')].map(said => said.innerText)")

    def opened(self, page):
        page.click("#pinned-open")
        page.until("document.getElementById('pinned-dialog').open && document.getElementById('pinned-note').textContent != 'Looking…'")

    def test_who_made_the_room_pins_by_keyboard_and_others_find_it(self):
        broker = self.storing()
        ada, bob = self.entered(broker, "ada"), self.entered(broker, "bob")
        for page in (ada, bob):
            page.shape(390, 780, is_phone=True)
            self.in_room(page, "tea")
        ada.type("the kettle is in the cupboard")
        self.shows(bob, "kettle")
        ada.until("document.querySelector('.stored')")
        self.choose_last(ada)
        ada.press("p")
        for page in (ada, bob):
            page.until("document.querySelector('.message.pinned .marks')?.innerText.includes('pinned')")
        # Who may not pin is offered nothing, and told so if it is tried by a command.
        self.choose_last(bob)
        self.assertEqual(bob.evaluate("[...document.querySelectorAll('.toolbar [data-act]')].map(node => node.dataset.act)"),
                         ["toggle", "toggle", "toggle", "react", "reply"])
        bob.press("p")
        bob.press("Escape")
        bob.type("/pin")
        self.toasted(bob, "Only moderators of the room may do that.")
        # An edit is shown in the list as well; Enter leads to the message.
        ada.press("Escape")
        ada.type("/edit the kettle is on the shelf")
        self.shows(bob, "shelf")
        bob.type("/pins")
        bob.until("document.activeElement.closest('#pinned-list')")
        self.assertEqual(bob.text("pinned-title"), "Pinned in tea")
        self.assertEqual(self.pinned(bob), ["the kettle is on the shelf"])
        bob.press("Enter")
        bob.until("!document.getElementById('pinned-dialog').open && document.activeElement.matches('.message.pinned.found')")
        # The button of the message takes the pin off, and keeps the focus.
        self.opened(bob)
        self.choose_last(ada)
        labels = []
        while "Unpin" not in labels and len(labels) < 12:
            ada.press("ArrowRight")
            labels.append(ada.evaluate("document.activeElement.ariaLabel"))
        self.assertIn("Unpin", labels)
        ada.press("Enter")
        ada.until("document.activeElement.ariaLabel == 'Pin' && !document.querySelector('.message.pinned')")
        # Whoever has the list open sees it go.
        bob.until("document.getElementById('pinned-note').textContent == 'Nothing is pinned here.'")
        self.assertEqual(self.pinned(bob), [])

    def test_both_pin_in_a_conversation_and_what_is_deleted_is_no_longer_pinned(self):
        broker = self.own()
        ada = self.entered(broker, "ada")
        bob = self.client("bob", broker=broker)
        seq = bob.dm("ada", "my address is 7 Mill Lane")["seq"]
        ada.click("#conversations button")
        self.shows(ada, "Mill Lane")
        self.choose_last(ada)
        ada.press("p")
        self.assertEqual(bob.next_event("deliver", room="@ada+bob", kind=5)["ref"], seq)
        ada.until("document.querySelector('.message.pinned')")
        self.opened(ada)
        self.assertEqual((ada.text("pinned-title"), self.pinned(ada)), ("Pinned in bob", ["my address is 7 Mill Lane"]))
        bob.publish("@ada+bob", None, kind=2, ref=seq)
        ada.until("document.getElementById('pinned-note').textContent == 'Nothing is pinned here.'")
        ada.press("Escape")
        ada.until("!document.getElementById('pinned-dialog').open")

    def test_what_was_pinned_long_ago_is_found_by_looking_further_back(self):
        broker = self.storing()
        writer = self.client("writer", broker=broker)
        writer.create("long", policy=0)
        writer.join("long")
        first = writer.publish("long", "the rules: be kind")["seq"]
        writer.publish("long", None, kind=5, ref=first)
        taken_back = writer.publish("long", "not a rule")["seq"]
        writer.publish("long", None, kind=5, ref=taken_back)
        writer.publish("long", None, kind=6, ref=taken_back)
        for number in range(COUNT):
            last = writer.publish("long", f"m{number}")["seq"]
        page = self.in_room(self.entered(broker, "ada"), "long")
        # What is pinned while one looks on is known at once.
        writer.publish("long", None, kind=5, ref=last)
        page.until("document.querySelector('.message.pinned')")
        self.opened(page)
        self.assertEqual(self.pinned(page), [f"m{COUNT - 1}"])
        self.assertEqual(page.text("pinned-note"), "What was pinned earlier is not shown yet.")
        page.click("#pinned-more")
        page.until("document.querySelectorAll('#pinned-list li').length == 2")
        self.assertEqual(self.pinned(page), [f"m{COUNT - 1}", "the rules: be kind"])
        self.assertTrue(page.evaluate("document.getElementById('pinned-more').hidden"))
        page.click("#pinned-list li:last-child button")
        page.until("document.activeElement.innerText?.includes('be kind')")
        # The next time all of it is known.
        self.opened(page)
        self.assertEqual(len(self.pinned(page)), 2)


if __name__ == "__main__":
    unittest.main()
