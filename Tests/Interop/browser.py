"""A headless Chromium, driven by its DevTools protocol: pages that do what a person does."""
import atexit
import contextlib
import functools
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

from broker import PATIENCE
from websocket import Socket

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
KEYS = {"Enter": ("\r", 13), "Tab": ("\t", 9), "Escape": ("", 27), "ArrowUp": ("", 38), "ArrowDown": ("", 40), "ArrowRight": ("", 39),
        "ArrowLeft": ("", 37), "Delete": ("", 46), "Home": ("", 36), "End": ("", 35)}
ALT, CONTROL, SHIFT = 1, 2, 8


class Browser:
    """One browser with a profile of its own."""

    def __init__(self, *flags):
        self.directory = tempfile.TemporaryDirectory(prefix="cbp-browser-", ignore_cleanup_errors=True)
        # Timers of pages that are not in front are not to wait.
        flags += ("--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding")
        # Certificates are those of tests, and a name that is not localhost is one of another machine to the browser.
        self.process = subprocess.Popen(
            [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--ignore-certificate-errors", "--host-resolver-rules=MAP chat.test 127.0.0.1", "--lang=en-GB", *flags,
             "--remote-debugging-port=0", f"--user-data-dir={self.directory.name}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"ws://127\.0\.0\.1:(\d+)/", line):
                self.port = int(found.group(1))
                return
        raise RuntimeError("the browser ended")

    def context(self):
        """A profile of its own: its pages share nothing with those of others."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/json/version", timeout=PATIENCE) as answer:
            path = json.load(answer)["webSocketDebuggerUrl"].split(str(self.port), 1)[1]
        if not hasattr(self, "control"):
            self.control = Control(self.port, path)
        return self.control.call("Target.createBrowserContext")["browserContextId"]

    def page(self, url, context=None):
        """A page, of this context if it is given."""
        if context:
            target = self.control.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
            return Page(self.port, f"/devtools/page/{target}", url)
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            target = json.load(answer)
        return Page(self.port, target["webSocketDebuggerUrl"].split(str(self.port), 1)[1], url)

    def stop(self):
        if hasattr(self, "control"):
            self.control.close()
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stderr.close()
        self.directory.cleanup()


@functools.cache
def shared_browser(which="first"):
    """One browser for the tests of this process, or one more of another name."""
    browser = Browser()
    atexit.register(browser.stop)
    return browser


class Control:
    """A connection to the browser or to a page of it."""

    def __init__(self, port, path):
        self.socket = Socket("127.0.0.1", port, path, subprotocol=None)
        self.number = 0

    def call(self, method, **parameters):
        self.number += 1
        self.socket.send(id=self.number, method=method, params=parameters)
        while True:
            message = json.loads(self.socket.frame()[1])
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message.get("result", {})
            self.heard(message)

    def heard(self, message):
        pass

    def close(self):
        self.socket.close()


class Page(Control):
    """One page. What it logs, and what goes wrong in it, is kept in `complaints`; that a broker was away while it was is no complaint."""

    def __init__(self, port, path, url):
        super().__init__(port, path)
        self.complaints = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")
        # Each page believes to be the one in front.
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        self.call("Page.navigate", url=url)

    def heard(self, message):
        if message.get("method") not in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
            return
        entry = message["params"].get("entry", {})
        if not any(part in entry.get("text", "") for part in ("WebSocket connection to", "net::ERR_CONNECTION")):
            self.complaints.append(message["params"])

    def evaluate(self, script, waits=False):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=waits)
        if "exceptionDetails" in result:
            raise AssertionError(f"{script[:200]}: {result['exceptionDetails']}")
        return result.get("result", {}).get("value")

    def until(self, condition):
        """Waits until an expression is true; the page tells when it changes."""
        deadline = time.monotonic() + PATIENCE
        while True:
            # A page that is just being replaced by another has no answer.
            with contextlib.suppress(RuntimeError):
                if self.call("Runtime.evaluate", expression=f"Boolean({condition})", returnByValue=True)["result"].get("value"):
                    return
                self.call("Runtime.evaluate", awaitPromise=True, expression="new Promise(r => setTimeout(r, 20))")
            if time.monotonic() > deadline:
                raise AssertionError(f"not in time: {condition}; the page shows {self.evaluate('document.body.innerText')!r}")

    def text(self, identifier):
        return self.evaluate(f"document.getElementById('{identifier}').innerText")

    def focused(self):
        return self.evaluate("document.activeElement?.id")

    def click(self, selector):
        self.until(f"document.querySelector({json.dumps(selector)})")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def press(self, key, modifiers=0):
        text, code = KEYS.get(key, (key, ord(key[0].upper())))
        text = "" if modifiers & (ALT | CONTROL) else text
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text, windowsVirtualKeyCode=code, modifiers=modifiers)

    def write(self, text):
        """Types into what has the focus."""
        self.call("Input.insertText", text=text)

    def type(self, text):
        """Types into what has the focus, and Enter."""
        self.write(text)
        self.press("Enter")

    def shape(self, width, height, is_phone=False, scheme="light", scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=is_phone)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme},
                                                          {"name": "prefers-reduced-motion", "value": "reduce"}])

    def settle(self):
        """Waits until what was changed is drawn."""
        self.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r())))", waits=True)
