"""What tests do with the web client, as a person would."""
import contextlib
import json
import unittest

import browser
from broker import certificate
from stored import Stored

PASSWORD = "correct horse battery"


@unittest.skipUnless(browser.PROGRAM, "no Chromium is installed")
class PageCase(Stored):
    """Mixed into unittest.TestCase. Every page that a test opens has nothing to complain of at its end."""

    def setUp(self):
        super().setUp()
        self.browser = browser.shared_browser()
        self.pages = []
        self.brokers = []

    def own(self, loops=1, **settings):
        broker = super().own(loops, **settings)
        self.brokers.append(broker)
        return broker

    def tearDown(self):
        # Before the brokers go.
        complaints = []
        for page in self.pages:
            with contextlib.suppress(OSError, EOFError):
                page.evaluate("0")
                complaints += page.complaints
                page.call("Page.close")
            page.close()
        # A browser keeps connections in store for which a broker would wait a while before it ends.
        for broker in self.brokers:
            broker.kill()
        self.assertEqual(complaints, [])

    def storing(self, **settings):
        """A broker that stores."""
        return self.start(tls=certificate() if self.secure else None, **settings)

    def restart(self, kills=False):
        """The broker started anew as it was, on the address that it had."""
        if kills:
            self.broker.kill()
        self.broker.stop()
        self.broker = self.own(**self.broker.options | {"listen": self.broker.address})

    def open(self, broker, path="", shown=None, context=None, host=None, ready="document.activeElement?.id == 'entry-name'"):
        host = host or broker.host
        scheme = "https" if self.secure else "http"
        page = (shown or self.browser).page(f"{scheme}://{host}:{broker.port}/{path}", context)
        self.pages.append(page)
        page.until(f"document.readyState == 'complete' && {ready}")
        return page

    def entered(self, broker, name, **options):
        """A page with a guest in it."""
        page = self.open(broker, **options)
        page.type(name)
        return self.inside(page, name)

    def inside(self, page, name):
        page.until(f"document.getElementById('me-name')?.textContent == '{name}' && document.activeElement?.id == 'input'")
        return page

    def in_room(self, page, room):
        page.type(f"/join {room}")
        page.until(f"document.getElementById('room-name').textContent == {room!r} && document.querySelector('#messages li')")
        return page

    def fill(self, page, kind, name, password):
        """The form with which one comes in."""
        page.click(f"#kind-{kind} input")
        page.evaluate(f"document.getElementById('entry-name').value = {name!r}; document.getElementById('entry-password').focus();"
                      "document.getElementById('entry-password').value = ''")
        page.type(password)

    def registered(self, broker, name="ada", **options):
        """A page with a new account in it."""
        page = self.open(broker, **options)
        self.fill(page, "register", name, PASSWORD)
        return self.inside(page, name)

    def logged_in(self, broker, name="ada", password=PASSWORD, **options):
        page = self.open(broker, **options)
        self.fill(page, "password", name, password)
        return self.inside(page, name)

    def log_out(self, page):
        page.click("#log-out")
        page.until("document.readyState == 'complete' && document.activeElement?.id == 'entry-name'")

    def toasted(self, page, text):
        page.until(f"document.getElementById('toasts').innerText.includes({text!r})")

    def hears(self, page, **frame):
        """Puts a frame into the page's socket, as if the broker had sent it."""
        page.evaluate("(() => { const { send } = WebSocket.prototype;"
                      "WebSocket.prototype.send = function (text) { window.socket = this; send.call(this, text); }; })()")
        page.evaluate("document.getElementById('input').focus()")
        page.type("/ping")
        page.until("window.socket")
        page.evaluate(f"socket.onmessage({{ data: {json.dumps(json.dumps(frame))} }})")

    def shows(self, page, text):
        page.until(f"document.getElementById('messages').innerText.includes({text!r})")

    def bodies(self, page):
        """What was said, without what the page adds."""
        return page.evaluate("[...document.querySelectorAll('.message .text')].map(text => [...text.childNodes]"
                             ".filter(node => !node.classList?.contains('marks')).map(node => node.textContent).join(''))")

    def restores(self, page, name):
        page.call("Page.reload")
        page.until(f"document.readyState == 'complete' && document.getElementById('me-name')?.textContent == '{name}'")
