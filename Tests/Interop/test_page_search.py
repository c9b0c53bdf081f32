"""Finding messages in the web client, and going to where they were said."""
import unittest

from page import PageCase


class Search(PageCase, unittest.TestCase):
    def test_messages_are_found_and_gone_to(self):
        broker = self.storing()
        writer = self.client("writer", broker=broker)
        writer.create("long", policy=0)
        writer.join("long")
        for number in range(300):
            writer.publish("long", "the <b>marmalade</b> recipe" if number == 7 else f"m{number}", ack=2 if number == 299 else 1)
        writer.create("closed", policy=0)
        writer.join("closed")
        writer.publish("closed", "marmalade elsewhere", ack=2)
        page = self.in_room(self.entered(broker, "ada"), "long")
        page.press("ArrowUp", 1)
        page.until("document.getElementById('room-name').textContent == 'lobby'")
        page.until("!document.getElementById('search').hidden")
        page.evaluate("document.getElementById('search-text').focus()")
        page.type("MARMALADE")
        # What was said in a room that one is not in is not found.
        page.until("document.querySelectorAll('#found-list li').length == 1 && document.activeElement.matches('#found-list button')")
        self.assertEqual(page.evaluate("document.querySelector('.said').textContent"), "the <b>marmalade</b> recipe")
        page.press("Enter")
        page.until("document.activeElement.matches('.message') && document.activeElement.innerText.includes('marmalade')")
        self.assertEqual(page.text("room-name"), "long")
        page.evaluate("document.getElementById('input').focus()")
        page.type("/search nothing-like-that")
        page.until("document.getElementById('found-note').textContent == 'Nothing was found in your rooms.'")
        page.press("Escape")
        page.type("/search m1")
        page.until("document.querySelectorAll('#found-list li').length == 30")
        page.click("#found-more")
        page.until("document.querySelectorAll('#found-list li').length == 60")

    def test_where_nothing_is_stored_there_is_no_box_for_it(self):
        page = self.entered(self.own(), "ada")
        page.until("!document.getElementById('chat').hidden")
        self.assertTrue(page.evaluate("document.getElementById('search').hidden"))
        page.type("/search words")
        page.until("document.getElementById('toasts').innerText.includes('There is no /search')")


if __name__ == "__main__":
    unittest.main()
