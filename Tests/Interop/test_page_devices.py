"""The password and the devices of an account in the web client, and going for good."""
import base64
import hashlib
import signal
import unittest

import browser
import credentials
from page import PASSWORD, PageCase

NEW = "better staple than horse"
KEPT = """new Promise((resolve, reject) => { const opening = indexedDB.open('chat-broker', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('devices', { keyPath: 'device' });
    opening.onsuccess = () => { const all = opening.result.transaction('devices').objectStore('devices').getAllKeys();
        all.onsuccess = () => { opening.result.close(); resolve(all.result); }; };
    opening.onerror = reject; })"""


class Devices(PageCase):
    def native(self, broker, password=PASSWORD, **options):
        """A native client that is logged in to the account by password."""
        client = self.client(broker=broker, **options)
        credentials.begin(client)
        credentials.scram(client, "ada", password)
        return client

    def devices(self, client):
        return client.request("devices")["items"]

    def sent_away(self, page):
        page.until("!document.getElementById('entry').hidden && document.getElementById('entry-problem').textContent")
        return page.text("entry-problem")

    def test_the_password_is_changed_by_keyboard_alone(self):
        broker = self.storing(accounts_registration="open")
        page = self.registered(broker)
        page.shape(390, 780, is_phone=True)
        other = self.logged_in(broker, context=self.browser.context())
        page.type("/passwd")
        page.until("document.getElementById('password-dialog').open && document.activeElement.id == 'password-present'")

        def answer(*passwords):
            for number, password in enumerate(passwords):
                page.evaluate("document.activeElement.select()")
                page.write(password)
                page.press("Tab" if number < len(passwords) - 1 else "Enter")

        def problem(text):
            page.until(f"document.getElementById('password-problem').textContent.includes({text!r}) "
                       "&& !document.getElementById('password-submit').disabled")
            page.evaluate("document.getElementById('password-present').focus()")

        answer(PASSWORD, "short", "short")
        problem("at least 8")
        answer(PASSWORD, NEW, NEW + "r")
        problem("not the same")
        answer("wrong horse battery", NEW, NEW)
        problem("That is not your present password.")
        self.native(broker)
        answer(PASSWORD, NEW, NEW)
        page.until("!document.getElementById('password-dialog').open && document.activeElement.id == 'input'")
        self.toasted(page, "Your password is changed")
        # The other devices have to log in again, this one has not; the fields keep nothing.
        self.assertIn("Please log in again", self.sent_away(other))
        self.assertEqual(page.evaluate("[...document.querySelectorAll('input[type=password]')].map(input => input.value).join('')"), "")
        page.type("still here")
        self.shows(page, "still here")
        self.restores(page, "ada")
        with self.refused(201):
            self.native(broker)
        self.native(broker, NEW)

    def test_a_device_is_logged_out_from_another_one(self):
        broker = self.storing(accounts_registration="open")
        page = self.registered(broker)
        other = self.logged_in(broker, context=self.browser.context())
        page.click("#me")
        page.until("document.querySelector('#me-menu:popover-open')")
        page.click("#devices-open")
        page.until("document.querySelectorAll('.device').length == 2 && document.getElementById('devices-dialog').open")
        self.assertEqual(page.focused(), "devices-close")
        own, second = (page.evaluate(f"document.querySelector('{which}').innerText") for which in (".device.own", ".device:not(.own)"))
        self.assertIn("this device · connected", own)
        self.assertNotIn("this device", second)
        self.assertRegex(second, r"^chat-broker-web/1 \(Chrome, Linux\)\s+connected · logged in ")
        # By keyboard: from the button that closes back to the devices, and along them.
        page.press("Tab", browser.SHIFT)
        page.until("document.activeElement.closest('.device')")
        if page.evaluate("document.activeElement.closest('.own') != null"):
            page.press("ArrowUp")
        page.until("document.activeElement.closest('.device:not(.own)')")
        page.press("Enter")
        self.assertIn("Please log in again", self.sent_away(other))
        page.until("document.querySelectorAll('.device').length == 1 && document.querySelector('.device.own')")
        self.toasted(page, "That device has to log in again.")
        self.assertEqual(page.focused(), "devices-close")
        self.assertEqual(other.evaluate(KEPT, waits=True), [])
        # One's own is logged out there as everywhere.
        page.click(".device.own button")
        page.until("document.readyState == 'complete' && document.activeElement?.id == 'entry-name'")
        self.assertEqual(page.evaluate(KEPT, waits=True), [])

    def test_who_logs_out_leaves_no_token_behind(self):
        broker = self.storing(accounts_registration="open")
        page = self.registered(broker)
        native = self.native(broker)
        secret = base64.urlsafe_b64decode(page.evaluate("sessionStorage.getItem('device')") + "==")
        # A device knows its own name in the list.
        self.assertEqual([device["session"] for device in self.devices(native)], [hashlib.sha256(b"device" + secret).digest()[:16]])
        page.type("/quit")
        page.until("document.readyState == 'complete' && document.activeElement?.id == 'entry-name'")
        self.assertEqual(self.devices(native), [])
        self.assertEqual(page.evaluate(KEPT, waits=True), [])
        self.assertEqual(page.evaluate("sessionStorage.length + localStorage.length"), 0)


class DevicesClear(Devices, unittest.TestCase):
    def test_without_the_broker_one_logs_out_here_and_is_told_so(self):
        broker = self.storing(accounts_registration="open")
        page = self.registered(broker)
        self.in_room(page, "tea").type("for my eyes only")
        page.until("document.querySelector('.stored')")
        page.write("a draft")
        broker.terminate()
        broker.process.wait(10)
        page.until("document.getElementById('banner-text').textContent.startsWith('The connection is gone')")
        page.click("#log-out")
        told = self.sent_away(page)
        self.assertIn("You are logged out here, but the broker could not be told.", told)
        self.assertIn("list of your devices", told)
        self.assertEqual(page.evaluate(KEPT, waits=True), [])
        text = page.evaluate("document.body.innerHTML + document.getElementById('input').value + location.hash")
        for part in ("for my eyes only", "a draft", "tea", "ada"):
            self.assertNotRegex(text, rf"\b{part}\b")
        self.restart()
        page.call("Page.reload")
        page.until("document.readyState == 'complete' && document.activeElement?.id == 'entry-name'")
        # Whoever comes next does so in the same page; the device that could not be told of is in the list until it is logged out.
        self.fill(page, "password", "ada", PASSWORD)
        self.inside(page, "ada")
        page.type("/sessions")
        page.until("document.querySelectorAll('.device').length == 2")
        self.assertEqual(page.evaluate("[...document.querySelectorAll('.device')].map(row => /not connected/.test(row.innerText)).sort()"), [False, True])

    def test_nobody_waits_long_for_a_broker_that_hangs(self):
        broker = self.storing(accounts_registration="open")
        page = self.registered(broker)
        broker.process.send_signal(signal.SIGSTOP)
        page.click("#log-out")
        self.assertIn("the broker could not be told", self.sent_away(page))
        self.assertEqual(page.evaluate(KEPT, waits=True), [])
        broker.process.send_signal(signal.SIGCONT)

    def test_the_page_that_was_left_without_the_broker_is_as_good_as_a_fresh_one(self):
        broker = self.storing()
        page = self.in_room(self.entered(broker, "ada"), "tea")
        page.type("of ada")
        page.until("document.querySelector('.stored')")
        broker.terminate()
        broker.process.wait(10)
        page.until("document.getElementById('banner-text').textContent.startsWith('The connection is gone')")
        page.click("#log-out")
        told = self.sent_away(page)
        self.assertNotIn("devices", told)
        self.restart()
        page.evaluate("document.getElementById('entry-name').select()")
        page.type("bob")
        self.inside(page, "bob")
        page.until("document.getElementById('room-name').textContent == 'lobby' && document.getElementById('banner').hidden "
                   "&& [...document.querySelectorAll('#rooms [data-address]')].map(room => room.dataset.address).join() == 'lobby'")
        page.type("of bob")
        page.until("document.querySelector('.stored')")
        self.assertEqual(self.bodies(page), ["of bob"])

    def test_a_guest_has_neither(self):
        page = self.entered(self.own(), "ada")
        self.assertTrue(page.evaluate("document.getElementById('password-open').hidden && document.getElementById('devices-open').hidden"))
        page.type("/passwd")
        self.toasted(page, "A guest has no password.")
        page.type("/sessions")
        self.toasted(page, "A guest has no devices")


class DevicesTLS(Devices, unittest.TestCase):
    """By https; what is done without the broker does not depend on the way to it."""

    secure = True


if __name__ == "__main__":
    unittest.main()
