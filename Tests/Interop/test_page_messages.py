"""What people do to messages in the web client: answer, react, edit, delete; and what they cannot do to the page."""
import unittest

import browser
from page import PageCase

NASTY = "<img src=x onerror=window.broken=1><script>window.broken=1</script>&lt;b&gt; \"'`${1} javascript:alert(1)"


class Messages(PageCase, unittest.TestCase):
    def two(self):
        broker = self.own()
        ada, bob = self.entered(broker, "ada"), self.entered(broker, "bob")
        for page in (ada, bob):
            self.in_room(page, "tea")
        return ada, bob

    def test_messages_are_answered_edited_and_deleted_by_keyboard(self):
        ada, bob = self.two()
        ada.type("is the kettle on?")
        self.shows(bob, "kettle")
        bob.press("Tab", browser.SHIFT)
        bob.until("document.activeElement.matches('.message')")
        bob.press("r")
        bob.until("document.getElementById('context-text').textContent.includes('kettle')")
        bob.type("it is")
        ada.until("document.querySelector('.quote')?.innerText.includes('is the kettle on?')")
        bob.until("document.querySelectorAll('.message').length == 2 && !document.querySelector('.pending')")
        bob.press("ArrowUp")
        bob.until("document.getElementById('input').value == 'it is'")
        bob.type(" boiling")
        for page in (ada, bob):
            page.until("[...document.querySelectorAll('.text')].some(text => text.innerText.startsWith('it is boiling') && text.innerText.includes('edited'))")
        # Only one's own can be edited, and it is asked before something is deleted.
        bob.press("Tab", browser.SHIFT)
        bob.press("ArrowUp")
        bob.press("e")
        self.assertTrue(bob.evaluate("document.getElementById('context').hidden"))
        bob.press("ArrowDown")
        bob.press("Delete")
        bob.until("document.getElementById('ask-dialog').open")
        bob.press("Enter")
        ada.until("document.querySelector('.deleted')")
        self.assertEqual(self.bodies(ada), ["is the kettle on?", "This message was deleted."])
        # Escape leads back to the box.
        bob.press("Escape")
        bob.until("document.activeElement.id == 'input'")
        # After a reload it is the same: the changes are read back with the messages.
        self.restores(ada, "ada")
        ada.until("document.querySelectorAll('.message').length == 2")
        self.assertEqual(self.bodies(ada), ["is the kettle on?", "This message was deleted."])

    def test_reactions_are_put_counted_and_taken_back(self):
        ada, bob = self.two()
        ada.type("scones are ready")
        self.shows(bob, "scones")
        bob.press("Tab", browser.SHIFT)
        bob.press("a")
        bob.until("document.activeElement.matches('#reactions-grid button')")
        bob.press("ArrowRight")
        bob.press("ArrowRight")
        bob.press("Enter")
        ada.until("document.querySelector('.reaction')?.innerText.replace(/\\s/g, '') == '❤️1'")
        ada.click(".reaction")
        for page in (ada, bob):
            page.until("document.querySelector('.reaction .count')?.innerText == '2'")
        self.assertEqual(ada.evaluate("document.querySelector('.reaction').ariaLabel"), "❤️, 2: bob, you")
        bob.click(".reaction")
        ada.until("document.querySelector('.reaction .count').innerText == '1'")
        ada.click(".reaction")
        for page in (ada, bob):
            page.until("!document.querySelector('.reaction')")
        # A word is a reaction as well.
        bob.evaluate("document.getElementById('input').focus()")
        bob.type("/react yum")
        ada.until("document.querySelector('.reaction')?.innerText.startsWith('yum')")

    def test_enter_sends_shift_enter_does_not_and_names_are_completed(self):
        ada, bob = self.two()
        ada.write("first")
        ada.press("Enter", browser.SHIFT)
        ada.until("document.getElementById('input').value == 'first\\n'")
        ada.write("second @bo")
        ada.until("!document.getElementById('completions').hidden")
        ada.press("Enter")
        ada.until("document.getElementById('input').value == 'first\\nsecond @bob '")
        bob.until("document.getElementById('typing').textContent == 'ada is writing…'")
        ada.press("Enter")
        bob.until("document.querySelector('.mention') && !document.getElementById('typing').textContent")
        self.assertEqual(self.bodies(bob), ["first\nsecond @bob"])

    def test_what_people_write_never_becomes_markup(self):
        broker = self.own()
        ada = self.entered(broker, "ada")
        eve = self.client("eve", broker=broker)
        eve.create("trap", title=NASTY, topic=NASTY)
        eve.join("trap")
        self.in_room(ada, "trap")
        seq = eve.publish("trap", NASTY)["seq"]
        eve.publish("trap", NASTY, reply=seq)
        eve.publish("trap", NASTY[:30], kind=3, ref=seq)
        eve.publish("trap", "see https://example.org/\"onmouseover=alert(1) and http://a.b/<b>, not javascript:alert(1)")
        eve.publish("trap", f"{NASTY} edited", kind=1, ref=seq)
        eve.leave("trap", reason=NASTY)
        self.shows(ada, "left (")
        ada.until("document.querySelectorAll('.message').length == 3")
        self.assertEqual(self.bodies(ada)[:2], [NASTY + " edited", NASTY])
        self.assertEqual(ada.text("room-topic"), NASTY)
        ada.type("/rooms")
        ada.until("document.getElementById('browse-list').innerText.includes('trap')")
        self.assertEqual(ada.evaluate("document.querySelectorAll('#chat :is(#log, #people, .bar, .sidebar) :is(script, b:not(.me b, .quote b), "
                                      "img:not(.brand img)), dialog :is(script, img, b)').length"), 0)
        self.assertEqual(ada.evaluate("[...document.querySelectorAll('.text a')].map(link => [link.href, link.rel])"),
                         [["https://example.org/", "noopener noreferrer nofollow"], ["http://a.b/", "noopener noreferrer nofollow"]])
        self.assertIsNone(ada.evaluate("window.broken"))
        # Nothing inline would run if it came in: the policy of the page forbids it.
        self.assertEqual(ada.evaluate("(() => { const script = document.createElement('script'); script.textContent = 'window.broken = 1';"
                                      "document.body.append(script); return window.broken ?? 0; })()"), 0)
        ada.evaluate("0")
        self.assertEqual([entry["entry"]["source"] for entry in ada.complaints], ["security"])
        ada.complaints.clear()

    def test_mentions_notify_once_that_was_asked_for_by_a_click(self):
        broker = self.own()
        ada = self.open(broker)
        ada.evaluate("""window.told = []; window.Notification = class extends EventTarget {
            static permission = 'default';
            static async requestPermission() { window.asked = (window.asked ?? 0) + 1; return (Notification.permission = 'granted'); }
            constructor(title, options) { super(); window.told.push([title, options.body]); } close() {} }""")
        ada.type("ada")
        self.inside(ada, "ada")
        eve = self.client("eve", broker=broker)
        eve.publish("lobby", "ada, are you there?")
        self.shows(ada, "are you there")
        self.assertEqual(ada.evaluate("[window.asked ?? 0, told]"), [0, []])
        ada.click("#notify")
        ada.until("document.getElementById('notify').ariaPressed == 'true'")
        ada.evaluate("Object.defineProperty(document, 'hidden', { value: true }); document.hasFocus = () => false")
        eve.publish("lobby", "nothing for anybody")
        eve.publish("lobby", "Ada? <b>")
        eve.dm("ada", "psst")
        ada.until("told.length == 2")
        self.assertEqual(ada.evaluate("told"), [["eve in lobby", "Ada? <b>"], ["eve", "psst"]])
        self.assertEqual(ada.evaluate("localStorage.getItem('notifications')"), "on")
        ada.evaluate("localStorage.clear()")


if __name__ == "__main__":
    unittest.main()
