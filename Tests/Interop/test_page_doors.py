"""One room, many doors: what is said through one is seen through all, in the same order."""
import json
import re
import unittest
from pathlib import Path

import browser
from broker import BINARY, PATIENCE
from page import PageCase
from program import Program

try:
    from websockets.sync.client import connect
except ImportError:
    connect = None

CLI = str(Path(BINARY).with_name("broker-cli"))


@unittest.skipUnless(connect, "the package websockets is not installed")
class Doors(PageCase, unittest.TestCase):
    def test_all_doors_see_the_same_in_the_same_order(self):
        broker = self.storing(listen_line_addresses="127.0.0.1:0", log_level="info")
        host, port = broker.address_of("line")
        first = self.in_room(self.entered(broker, "ada"), "tea")
        second = self.in_room(self.entered(broker, "bob", shown=browser.shared_browser("second")), "tea")
        program = self.enterContext(connect(f"ws://{broker.address}/ws", subprotocols=["cbp.json.v1"]))
        for id_, frame in enumerate(({"t": "hello", "agent": "websockets"}, {"t": "auth", "mech": "ANONYMOUS", "sasl": "cHJvZ3JhbQ"},
                                     {"t": "join", "room": "tea"}), 1):
            program.send(json.dumps({"id": id_} | frame))
        line = Program("nc", host, str(port))
        self.addCleanup(line.stop)
        line.until("username: ")
        line.type("nick")
        line.until("Welcome")
        line.type("/join tea")
        line.until("tea")
        cli = Program(CLI, "tail", "--url", f"broker://{broker.address}", "--room", "tea", "--follow", "--json", "--user", "clio")
        self.addCleanup(cli.stop)
        cli.until('"user":"nick"')

        def say(number):
            speaker = number % 4
            if speaker < 2:
                (first, second)[speaker].type(f"line {number}")
            elif speaker == 2:
                program.send(json.dumps({"t": "publish", "id": 100 + number, "room": "tea", "body": f"line {number}"}))
            else:
                line.type(f"line {number}")

        for number in range(20):
            say(number)
        expected = {f"line {number}" for number in range(20)}
        for page in (first, second):
            page.until("document.querySelectorAll('.message').length == 20 && !document.querySelector('.pending')")
        order = self.bodies(first)
        self.assertEqual(set(order), expected)
        self.assertEqual(self.bodies(second), order)
        heard = []
        while len(heard) < 20:
            frame = json.loads(program.recv(timeout=PATIENCE))
            if frame["t"] == "deliver" and "body" in frame:
                heard.append(frame["body"])
        self.assertEqual(heard, order)
        # What one said oneself in line mode is not echoed; the rest is there in order.
        others = [body for body in order if int(body.split()[1]) % 4 != 3]
        line.until(others[-1])
        said = re.findall(r"\w+: (line \d+)", line.seen.decode())
        self.assertEqual([body for body in said if body in others], others)
        cli.until(order[-1])
        told = [json.loads(part) for part in cli.seen.decode().splitlines() if part.startswith("{")]
        self.assertEqual([event["body"] for event in told if event.get("body") in expected], order)


if __name__ == "__main__":
    unittest.main()
