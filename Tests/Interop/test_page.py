"""The web client, as people use it: a real browser, by keyboard alone."""
import re
import unittest

import browser
from broker import certificate
from page import PageCase


class WebClient(PageCase, unittest.TestCase):
    def test_two_pages_and_a_native_client_see_the_same(self):
        broker = self.own(loops=2)
        ada, bob = self.entered(broker, "ada"), self.entered(broker, "bob")
        native = self.client("nat", broker=broker)
        ada.type("hello @bob")
        self.shows(bob, "hello @bob")
        bob.type("hi ada")
        self.shows(ada, "hi ada")
        native.publish("lobby", "from a native client")
        for page in (ada, bob):
            self.shows(page, "from a native client")
            self.assertEqual(self.bodies(page), ["hello @bob", "hi ada", "from a native client"])
        # Who is mentioned is shown it.
        for page in (ada, bob):
            self.assertEqual(page.evaluate("document.querySelectorAll('.mention').length"), 1)

    def test_rooms_and_direct_messages(self):
        broker = self.own()
        ada, bob = self.entered(broker, "ada"), self.entered(broker, "bob")
        self.in_room(ada, "dev/swift").type("anyone?")
        self.in_room(bob, "dev/swift")
        self.shows(bob, "anyone?")
        bob.type("/pm ada psst")
        ada.until("document.querySelector('#conversations .unread')?.textContent == '1'")
        self.assertEqual(ada.evaluate("document.title"), "(1) dev/swift – Chat")
        ada.click("#conversations button")
        self.shows(ada, "psst")
        ada.until("document.querySelectorAll('.unread').length == 0")
        # Who wrote sees that it was read.
        bob.until("document.querySelector('.read')")
        bob.type("/nick bea")
        bob.until("document.getElementById('me-name').textContent == 'bea'")
        bob.type("/nonsense")
        bob.until("document.getElementById('toasts').innerText.includes('There is no /nonsense')")
        bob.evaluate("document.getElementById('input').value = ''")
        bob.type("//slash")
        self.shows(bob, "/slash")

    def test_rooms_count_what_is_unread_and_are_left(self):
        broker = self.own()
        ada = self.entered(broker, "ada")
        native = self.client("nat", broker=broker)
        # A room that somebody made is in the sidebar, and a click leads into it.
        native.create("tea", policy=0)
        native.join("tea")
        ada.click("#others [data-address=tea]")
        ada.until("document.getElementById('room-name').textContent == 'tea' && !document.querySelector('#others [data-address=tea]')")
        ada.press("ArrowUp", browser.ALT)
        ada.until("document.getElementById('room-name').textContent == 'lobby'")
        for number in range(3):
            native.publish("tea", f"cup {number}")
        native.publish("tea", "ada?")
        ada.until("document.querySelector('[data-address=tea] .unread.loud')?.textContent == '4'")
        ada.press("ArrowDown", browser.ALT)
        self.shows(ada, "ada?")
        # Where what is new begins is shown, and it is read.
        self.assertEqual(ada.evaluate("document.querySelector('.new').nextElementSibling.querySelector('.text').textContent"), "cup 0")
        ada.until("document.querySelectorAll('.unread').length == 0")
        ada.type("/leave")
        ada.until("document.getElementById('room-name').textContent == 'lobby' && document.querySelector('#others [data-address=tea]')")

    def test_a_name_that_is_taken_is_asked_for_again(self):
        broker = self.own()
        self.client("ada", broker=broker)
        page = self.open(broker)
        page.type("ada")
        page.until("document.getElementById('entry-problem').textContent.includes('taken')")
        page.type("bob")
        self.inside(page, "bob")

    def test_a_reload_loses_and_repeats_nothing(self):
        broker = self.own()
        page = self.entered(broker, "ada")
        native = self.client("nat", broker=broker)
        self.in_room(page, "tea")
        native.join("tea")
        for number in range(5):
            page.type(f"message {number}")
        page.until("document.querySelectorAll('.message').length == 5 && !document.querySelector('.pending')")
        page.write("half a sen")
        self.restores(page, "ada")
        self.shows(page, "message 4")
        page.until("document.querySelectorAll('.message').length == 5")
        self.assertEqual(self.bodies(page), [f"message {number}" for number in range(5)])
        self.assertEqual((page.text("room-name"), page.evaluate("document.getElementById('input').value")), ("tea", "half a sen"))
        native.publish("tea", "still there?")
        self.shows(page, "still there?")

    def test_the_appearance_follows_the_system_until_somebody_chooses(self):
        page = self.entered(self.own(), "ada")
        back = "getComputedStyle(document.body).backgroundColor"
        page.shape(1000, 700, scheme="light")
        light = page.evaluate(back)
        page.shape(1000, 700, scheme="dark")
        dark = page.evaluate(back)
        self.assertNotEqual(light, dark)
        page.click("#theme")
        self.assertEqual(page.evaluate(back), light)
        self.restores(page, "ada")
        self.assertEqual(page.evaluate(back), light)
        page.click("#theme")
        self.assertEqual((page.evaluate(back), page.evaluate("localStorage.getItem('theme')")), (dark, ""))

    def test_who_comes_after_somebody_else_sees_nothing_of_it(self):
        broker = self.own()
        page = self.in_room(self.entered(broker, "ada"), "secrets")
        page.type("do not tell")
        page.until("document.querySelector('.message') && !document.querySelector('.pending')")
        page.evaluate("document.getElementById('input').focus()")
        page.type("/quit")
        page.until("document.readyState == 'complete' && document.activeElement?.id == 'entry-name'")
        page.type("bob")
        self.inside(page, "bob")
        page.until("document.querySelectorAll('#rooms li').length == 1")
        self.assertNotIn("do not tell", page.evaluate("document.body.innerHTML + JSON.stringify(sessionStorage)"))

    def test_an_address_names_a_room(self):
        broker = self.own()
        page = self.entered(broker, "ada", path="#library/maps")
        page.until("document.getElementById('room-name').textContent == 'library/maps'")
        page.evaluate("location.hash = '#lobby'")
        page.until("document.getElementById('room-name').textContent == 'lobby'")

    def test_it_comes_over_few_connections(self):
        for tls in (None, certificate()):
            with self.subTest(tls):
                self.tls = tls
                broker = self.own(tls=tls, log_level="debug")
                page = self.open(broker)
                count = page.evaluate("new Set(performance.getEntriesByType('resource').map(entry => entry.name)).size")
                self.assertGreater(count, 30)
                lines = broker.lines_with("HTTP 200 /", count)
                # As many as a browser has at once, not as many as there are files.
                self.assertLessEqual(len({re.search(r"peer=(\S+)", line)[1] for line in lines}), 6)


if __name__ == "__main__":
    unittest.main()
