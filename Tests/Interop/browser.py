"""A headless Chromium, driven by its DevTools protocol: pages that do what a person does."""
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

from websocket import PATIENCE, Socket

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One browser with a profile of its own."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="cbp-browser-", ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--remote-debugging-port=0", f"--user-data-dir={self.directory.name}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"ws://127\.0\.0\.1:(\d+)/", line):
                self.port = int(found.group(1))
                return
        raise RuntimeError("the browser ended")

    def page(self, url):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            target = json.load(answer)
        return Page(self.port, target["webSocketDebuggerUrl"].split(str(self.port), 1)[1], url)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stderr.close()
        self.directory.cleanup()


class Page:
    """One page. What it logs, and what goes wrong in it, is kept in `complaints`."""

    def __init__(self, port, path, url):
        self.socket = Socket("127.0.0.1", port, path, subprotocol=None)
        self.number = 0
        self.complaints = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")
        self.call("Page.navigate", url=url)

    def call(self, method, **parameters):
        self.number += 1
        self.socket.send(id=self.number, method=method, params=parameters)
        while True:
            message = json.loads(self.socket.frame()[1])
            if message.get("id") == self.number:
                return message.get("result", {})
            if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
                self.complaints.append(message["params"])

    def evaluate(self, script):
        return self.call("Runtime.evaluate", expression=script, returnByValue=True).get("result", {}).get("value")

    def until(self, condition):
        """Waits until an expression is true; the page tells when it changes."""
        deadline = time.monotonic() + PATIENCE
        while not self.evaluate(condition):
            if time.monotonic() > deadline:
                raise AssertionError(f"not in time: {condition}; the page shows {self.evaluate('document.body.innerText')!r}")
            self.call("Runtime.evaluate", awaitPromise=True, expression="new Promise(r => setTimeout(r, 20))")

    def text(self, identifier):
        return self.evaluate(f"document.getElementById('{identifier}').innerText")

    def press(self, key):
        text = {"Enter": "\r", "Tab": "\t"}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text,
                      windowsVirtualKeyCode={"Enter": 13, "Tab": 9}.get(key, 0))

    def type(self, text):
        """Types into what has the focus, and Enter."""
        self.call("Input.insertText", text=text)
        self.press("Enter")

    def close(self):
        self.socket.sock.close()
