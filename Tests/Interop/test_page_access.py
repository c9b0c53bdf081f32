"""The web client for everybody: axe-core finds nothing serious, all can be done by keyboard, and a screen reader is not flooded."""
import importlib.util
import unittest
from pathlib import Path

import browser
from page import PageCase
from scene import Scene

_package = importlib.util.find_spec("axe_playwright_python")
AXE = Path(_package.origin).with_name("axe.min.js").read_text("utf-8") if _package else None
RUN = """axe.run(document, { resultTypes: ['violations'] }).then(({ violations, passes }) => [passes.length, violations
    .filter(({ impact }) => impact == 'serious' || impact == 'critical')
    .map(({ id, nodes }) => [id, ...nodes.map(node => node.target.join(' ') + ': ' + node.failureSummary)])])"""


class Access(PageCase, unittest.TestCase):
    def check(self, page, what):
        page.settle()
        if not page.evaluate("Boolean(window.axe)"):
            page.evaluate(AXE + ";0")
        passed, findings = page.evaluate(RUN, waits=True)
        self.assertGreater(passed, 10, what)
        self.assertEqual(findings, [], what)

    @unittest.skipUnless(AXE, "the package axe-playwright-python is not installed")
    def test_no_serious_findings_in_light_and_dark_at_the_desk_and_on_the_phone(self):
        broker = self.storing(accounts_registration="open")
        scene = Scene(broker)
        self.addCleanup(scene.close)
        scene.prepare()
        page = self.open(broker)
        page.click("#kind-password input")
        for scheme in ("light", "dark"):
            page.shape(390, 780, is_phone=True, scheme=scheme)
            self.check(page, f"entry, {scheme}")
        page.shape(1280, 800)
        page.click("#kind-guest input")
        page.evaluate("document.getElementById('entry-name').focus()")
        page.type("ada")
        self.inside(page, "ada")
        self.in_room(page, scene.room)
        scene.go_on("ada")
        page.type("mine")
        page.until("document.querySelector('.stored') && document.querySelector('.unread') && document.querySelector('.presence.away')")
        page.type("/nonsense")
        for scheme in ("light", "dark"):
            page.shape(1280, 800, scheme=scheme)
            if page.evaluate("document.getElementById('people').hidden"):
                page.click("#people-open")
            self.check(page, f"desktop, {scheme}")
            page.shape(390, 780, is_phone=True, scheme=scheme)
            self.check(page, f"phone with members, {scheme}")
            page.click("#people-close")
            self.check(page, f"phone, {scheme}")
            page.click("#sidebar-open")
            self.check(page, f"phone with lists, {scheme}")
            page.press("Escape")
        page.shape(1280, 800, scheme="dark")
        page.evaluate("document.querySelector('.message').focus()")
        self.check(page, "a message with its actions")
        page.press("a")
        page.until("document.querySelector('#reactions:popover-open')")
        self.check(page, "reactions")
        page.press("Escape")
        page.press("?")
        page.until("document.getElementById('help-dialog').open")
        self.check(page, "help")
        page.press("Escape")
        page.press("k", browser.CONTROL)
        page.until("document.querySelectorAll('#browse-list li').length > 3")
        self.check(page, "rooms")
        page.press("Escape")
        page.click("#me")
        self.check(page, "you")
        # The check finds what it is to find.
        page.evaluate("document.querySelector('.message .text').style.color = '#444'")
        with self.assertRaises(AssertionError):
            self.check(page, "bad contrast")

    @unittest.skipUnless(AXE, "the package axe-playwright-python is not installed")
    def test_no_serious_findings_in_what_accounts_and_pins_bring(self):
        page = self.in_room(self.registered(self.storing(accounts_registration="open")), "tea")
        page.type("pinned")
        page.until("document.querySelector('.stored')")
        page.type("/pin")
        page.until("document.querySelector('.message.pinned')")
        self.hears(page, t="notice", code=503, until=1795254919000, reason="maintenance")
        shown = {"/pins": "pinned", "/passwd": "password", "/sessions": "devices"}
        for scheme in ("light", "dark"):
            for width, height, is_phone in ((1280, 800, False), (390, 780, True), (320, 568, True)):
                page.shape(width, height, is_phone, scheme)
                for command, dialog in shown.items():
                    page.evaluate("document.getElementById('input').focus()")
                    page.type(command)
                    page.until(f"document.getElementById('{dialog}-dialog').open && document.querySelector('#{dialog}-dialog :is(li, input)')")
                    self.check(page, f"{dialog}, {scheme}, {width}")
                    # Nothing of it is out of view to the side.
                    self.assertTrue(page.evaluate(f"document.getElementById('{dialog}-dialog').scrollWidth <= {width}"))
                    page.press("Escape")
                page.press("Tab", browser.SHIFT)
                page.until("document.querySelector('.message:focus > .toolbar')?.getBoundingClientRect().left >= 0")
                self.check(page, f"a notice, and a message with its actions, {scheme}, {width}")

    def test_all_is_done_by_keyboard(self):
        broker = self.own()
        bob = self.client("bob", broker=broker)
        bob.create("tea", policy=0)
        bob.join("tea")
        page = self.open(broker)
        page.shape(1280, 800)
        page.type("ada")
        self.inside(page, "ada")
        # A room is found and entered.
        page.press("k", browser.CONTROL)
        page.until("document.activeElement.id == 'browse-text' && document.querySelectorAll('#browse-list li').length >= 2")
        page.write("te")
        page.until("document.querySelector('#browse-list .choice:not(.new)')?.innerText.startsWith('tea')")
        page.press("ArrowDown")
        page.press("ArrowDown")
        page.until("document.activeElement.innerText.startsWith('tea')")
        page.press("Enter")
        page.until("document.getElementById('room-name').textContent == 'tea' && document.activeElement.id == 'input'")
        for number in range(5):
            bob.publish("tea", f"cup {number}")
        page.until("document.querySelectorAll('.message').length == 5")
        # One message can be reached by Tab, the others from there by the arrows, its buttons sideways.
        page.press("Tab", browser.SHIFT)
        page.until("document.activeElement.matches('.message')")
        self.assertEqual(page.evaluate("document.querySelectorAll('#messages [tabindex=\"0\"]').length"), 1)
        page.press("ArrowUp")
        page.press("ArrowUp")
        self.assertIn("cup 2", page.evaluate("document.activeElement.innerText"))
        # A message that comes does not take the focus away.
        bob.publish("tea", "cup 5")
        page.until("document.querySelectorAll('.message').length == 6")
        self.assertIn("cup 2", page.evaluate("document.activeElement.innerText"))
        page.press("ArrowRight")
        self.assertEqual(page.evaluate("document.activeElement.ariaLabel"), "React with 👍")
        page.press("Enter")
        self.assertEqual(bob.next_event("deliver", room="tea", kind=3)["body"], "👍")
        page.until("document.querySelector('.reaction') && document.activeElement.closest('.message')?.innerText.includes('cup 2')")
        page.press("Escape")
        page.press("Escape")
        page.until("document.activeElement.id == 'input'")
        # Who has the focus can be seen, and the first Tab of the page leads to the box.
        page.evaluate("document.getElementById('browse').focus()")
        page.press("Tab", browser.SHIFT)
        self.assertEqual(page.evaluate("[document.activeElement.className, getComputedStyle(document.activeElement).outlineStyle]"), ["skip", "solid"])
        page.press("Enter")
        page.until("document.activeElement.id == 'input' && document.getElementById('room-name').textContent == 'tea'")

    def test_a_screen_reader_is_told_and_not_flooded(self):
        broker = self.own()
        bob = self.client("bob", broker=broker)
        page = self.entered(broker, "ada")
        page.evaluate("window.said = []; new MutationObserver(() => said.push(document.getElementById('live').textContent))"
                      ".observe(document.getElementById('live'), { childList: true })")
        bob.publish("lobby", "hello")
        page.until("said.length == 1")
        for number in range(30):
            bob.publish("lobby", f"flood {number}")
        page.until("said.length == 2 && document.querySelectorAll('.message').length == 31")
        self.assertEqual(page.evaluate("said[0]"), "bob: hello")
        self.assertRegex(page.evaluate("said[1]"), r"^(\d+ new messages)$")
        # The log itself is no live region: what is read back from history is not read out.
        self.assertEqual(page.evaluate("[...document.querySelectorAll('[aria-live], [role=log]')].map(node => node.id)"), ["live"])


if __name__ == "__main__":
    unittest.main()
