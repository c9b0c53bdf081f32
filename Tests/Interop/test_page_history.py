"""Scrolling back in the web client: history is read as one scrolls, what one reads stays where it is, and the page stays small."""
import unittest

from page import PageCase

COUNT = 500
FIRST_IN_VIEW = """(() => { const top = document.getElementById('log').getBoundingClientRect().top;
    const node = [...document.querySelectorAll('.message')].find(node => node.getBoundingClientRect().bottom > top);
    return [node.dataset.seq, node.getBoundingClientRect().top]; })()"""


class ScrollBack(PageCase, unittest.TestCase):
    def filled(self):
        broker = self.storing()
        writer = self.client("writer", broker=broker)
        writer.create("long", policy=0)
        writer.join("long")
        for number in range(COUNT):
            # One of them names the first, far above, and another is an edit of it.
            reply = {"reply": 2} if number == COUNT - 1 else {}
            writer.publish("long", f"m{number} " + "word " * (number % 23), **reply)
            if number == 100:
                writer.publish("long", "m0 edited", kind=1, ref=2)
        return broker, writer

    def count(self, page):
        return page.evaluate("document.querySelectorAll('.message').length")

    def to_top(self, page):
        """Scrolls up until there is more, or the top is reached, as a person does."""
        shown = page.evaluate("document.querySelector('.message').dataset.seq")
        page.evaluate("document.getElementById('log').scrollTop = 0")
        page.until(f"document.querySelector('.message').dataset.seq != '{shown}' || /beginning|not kept/.test(document.getElementById('log-top').textContent)")
        page.settle()

    def test_it_reaches_the_beginning_in_bounded_space(self):
        broker, writer = self.filled()
        page = self.in_room(self.entered(broker, "ada"), "long")
        self.shows(page, f"m{COUNT - 1} ")
        page.until("document.querySelectorAll('.message').length >= 20")
        # What one reads stays where it is when what was earlier comes in above it, also after the broker was started anew.
        page.until("document.querySelectorAll('.message').length > 100 || (document.getElementById('log').scrollTop = 300, false)")
        self.restart()
        page.until("document.getElementById('banner').hidden && document.getElementById('me-state').textContent == 'Online'")
        for _ in range(3):
            before = self.count(page)
            page.evaluate("document.getElementById('log').scrollTop = 5")
            seq, top = page.evaluate(FIRST_IN_VIEW)
            page.until(f"document.querySelectorAll('.message').length != {before} || {before} > 290")
            page.settle()
            now = page.evaluate(f"document.querySelector('li[data-seq=\"{seq}\"]').getBoundingClientRect().top")
            self.assertLess(abs(now - top), 3, (seq, top, now))
        for _ in range(30):
            self.to_top(page)
            self.assertLessEqual(self.count(page), 300)
            if "beginning" in page.text("log-top"):
                break
        page.until("document.getElementById('log-top').textContent == 'This is the beginning of long.'")
        bodies = self.bodies(page)
        self.assertEqual([body.split()[0] for body in bodies], [f"m{number}" for number in range(len(bodies))])
        self.assertEqual(bodies[0], "m0 edited")
        # The latest are one click away, and what is said meanwhile is counted and not lost.
        again = self.client("writer", broker=self.broker)
        again.join("long")
        again.publish("long", "said meanwhile")
        page.until("document.getElementById('newer-text').textContent == '1 new'")
        page.click("#newer")
        self.shows(page, "said meanwhile")
        bodies = [body.split()[0] for body in self.bodies(page)]
        self.assertEqual(bodies[-2:], [f"m{COUNT - 1}", "said"])
        self.assertEqual(len(set(bodies)), len(bodies))

    def test_an_answer_leads_to_what_it_answers_and_down_again(self):
        broker, writer = self.filled()
        page = self.in_room(self.entered(broker, "ada"), "long")
        self.shows(page, f"m{COUNT - 1} ")
        page.click(".quote")
        page.until("document.activeElement.dataset.seq == '2'")
        # An edit that lies between is known.
        self.assertEqual(self.bodies(page)[0], "m0 edited")
        self.assertLessEqual(self.count(page), 300)
        for _ in range(60):
            page.evaluate("document.getElementById('log').scrollTop = 1e7")
            page.settle()
            if page.evaluate("document.getElementById('messages').lastElementChild.innerText").endswith("ada joined"):
                break
            if f"m{COUNT - 1} " in page.evaluate("document.getElementById('messages').lastElementChild.innerText"):
                break
        self.shows(page, f"m{COUNT - 1} ")
        self.assertLessEqual(self.count(page), 300)
        numbers = [int(body.split()[0][1:]) for body in self.bodies(page)]
        self.assertEqual(numbers, list(range(numbers[0], COUNT)))
        writer.publish("long", "now")
        self.shows(page, "now")

    def test_what_is_not_kept_is_said(self):
        broker = self.own()
        writer = self.client("writer", broker=broker)
        writer.create("short", policy=0)
        writer.join("short")
        for number in range(200):
            writer.publish("short", f"m{number}")
        page = self.in_room(self.entered(broker, "ada"), "short")
        self.shows(page, "m199")
        for _ in range(10):
            self.to_top(page)
            if page.text("log-top") == "Earlier messages are not kept.":
                break
        page.until("document.getElementById('log-top').textContent == 'Earlier messages are not kept.'")
        numbers = [int(body[1:]) for body in self.bodies(page)]
        self.assertEqual(numbers, list(range(200 - len(numbers), 200)))


if __name__ == "__main__":
    unittest.main()
