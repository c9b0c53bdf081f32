"""RFC 6455 sections 5 to 8 and RFC 7692 against /echo, which runs the codec of every WebSocket: a table of what is sent and what must come."""
import os
import unittest

from broker import Broker, certificate
from harness import Case
from wire import Wire, deflated, frame, inflated

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
MESSAGE_MAX = 4 * 65_536        # octets of a message: four times max_frame


def close(code, reason=b""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def echo(opcode, payload):
    return 0x80 | opcode, payload


EDGES = "\x7f\x80\u07ff\u0800\ud7ff\ue000\ufffd\uffff\U00010000\U0010ffff".encode()
SPLIT = "κόσμε 👍".encode()

# Name, what is sent, what must come back before the end. A number: the code of the Close frame that must be last.
CASES = [
    # 5.2 Base framing: lengths.
    *[(f"{kind} of {n} octets", frame(opcode, b"x" * n), [echo(opcode, b"x" * n)])
      for kind, opcode in (("a text", TEXT), ("a binary message", BINARY)) for n in (0, 1, 125, 126, 127, 128, 65_535, 65_536, MESSAGE_MAX)],
    ("a text longer than is taken", frame(TEXT, b"x" * (MESSAGE_MAX + 1)), [1009]),
    ("fragments longer than is taken", frame(BINARY, b"x" * MESSAGE_MAX, final=False) + frame(0, b"x"), [1009]),
    ("126 where 7 bits do", frame(BINARY, b"x" * 125, width=2), [1002]),
    ("127 where 7 bits do", frame(BINARY, b"x", width=8), [1002]),
    ("127 where 16 bits do", frame(BINARY, b"x" * 300, width=8), [1002]),
    ("the top bit of the length", bytes([0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4]), [1002]),
    ("a length of 2^62", bytes([0x82, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]), [1009]),
    # 5.2 Base framing: reserved bits and opcodes.
    *[(f"RSV {bits:#x} on {name}", frame(opcode, b"x", bits=bits), [1002])
      for bits in (0x40, 0x20, 0x10, 0x70) for name, opcode in (("a text", TEXT), ("a binary message", BINARY), ("a ping", PING), ("a close", CLOSE))],
    *[(f"opcode {opcode:#x}", frame(opcode, b"x"), [1002]) for opcode in (3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF)],
    ("a good message, and a bad opcode", frame(TEXT, b"x") + frame(3), [echo(TEXT, b"x"), 1002]),
    # 5.1 and 5.3 Masking.
    *[(f"{name} that is not masked", frame(opcode, payload, masked=False), [1002])
      for name, opcode, payload in (("a text", TEXT, b"x"), ("an empty text", TEXT, b""), ("a ping", PING, b""), ("a close", CLOSE, b"\x03\xe8"))],
    ("every octet, masked", frame(BINARY, bytes(range(256)) * 3), [echo(BINARY, bytes(range(256)) * 3)]),
    # 5.4 Fragmentation.
    ("two fragments", frame(TEXT, b"Hel", final=False) + frame(0, b"lo"), [echo(TEXT, b"Hello")]),
    ("fragments of one octet", frame(BINARY, b"0", final=False) + b"".join(frame(0, b"%d" % (i % 10), final=False) for i in range(1, 99)) + frame(0, b"9"),
     [echo(BINARY, b"".join(b"%d" % (i % 10) for i in range(100)))]),
    ("empty fragments", frame(TEXT, final=False) + frame(0, final=False) + frame(0, b"x", final=False) + frame(0), [echo(TEXT, b"x")]),
    ("fragments with nothing in them", frame(BINARY, final=False) + frame(0), [echo(BINARY, b"")]),
    ("a ping between fragments", frame(TEXT, b"a", final=False) + frame(PING, b"p") + frame(0, b"b"), [echo(PONG, b"p"), echo(TEXT, b"ab")]),
    ("a pong between fragments", frame(TEXT, b"a", final=False) + frame(PONG, b"p") + frame(0, b"b"), [echo(TEXT, b"ab")]),
    ("a close between fragments", frame(TEXT, b"a", final=False) + close(1000) + frame(0, b"b"), [1000]),
    ("a continuation of nothing", frame(0, b"x"), [1002]),
    ("an unfinished continuation of nothing", frame(0, b"x", final=False), [1002]),
    ("a continuation after a message", frame(TEXT, b"a") + frame(0, b"b"), [echo(TEXT, b"a"), 1002]),
    ("a message within a message", frame(TEXT, b"a", final=False) + frame(TEXT, b"b"), [1002]),
    ("a binary message within a text", frame(TEXT, b"a", final=False) + frame(BINARY, b"b"), [1002]),
    # 5.5 Control frames.
    ("a ping", frame(PING, b"p"), [echo(PONG, b"p")]),
    ("an empty ping", frame(PING), [echo(PONG, b"")]),
    ("a ping of octets that are no text", frame(PING, b"\xff\x00"), [echo(PONG, b"\xff\x00")]),
    ("a ping of 125 octets", frame(PING, b"p" * 125), [echo(PONG, b"p" * 125)]),
    ("a ping of 126 octets", frame(PING, b"p" * 126), [1002]),
    ("a fragmented ping", frame(PING, b"p", final=False), [1002]),
    ("a fragmented close", frame(CLOSE, b"\x03\xe8", final=False), [1002]),
    ("a close of 126 octets", frame(CLOSE, b"\x03\xe8" + b"x" * 124), [1002]),
    ("ten pings", b"".join(frame(PING, b"%d" % i) for i in range(10)), [echo(PONG, b"%d" % i) for i in range(10)]),
    ("a pong nobody asked for, and a text", frame(PONG, b"p") + frame(TEXT, b"x"), [echo(TEXT, b"x")]),
    # 5.6 Data frames, 6 Sending and receiving.
    ("messages in a row", frame(TEXT, b"a") + frame(BINARY, b"\0") + frame(TEXT, b"b"), [echo(TEXT, b"a"), echo(BINARY, b"\0"), echo(TEXT, b"b")]),
    ("octets that are no text, in binary", frame(BINARY, b"\xff\xc0\x80"), [echo(BINARY, b"\xff\xc0\x80")]),
    # 7 Closing.
    ("an empty close", frame(CLOSE), [1000]),
    *[(f"close code {code}", close(code), [code]) for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)],
    *[(f"close code {code}", close(code), [1002]) for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)],
    ("half a close code", frame(CLOSE, b"\x03"), [1002]),
    ("a close with a reason", close(1000, b"bye"), [1000]),
    ("a close with a reason of 123 octets", close(1000, b"x" * 123), [1000]),
    ("a close whose reason is no text", close(1000, b"\xff"), [1007]),
    ("what follows a close", close(1000) + frame(TEXT, b"x") + frame(3), [1000]),
    # 8.1 UTF-8.
    ("characters at their limits", frame(TEXT, EDGES), [echo(TEXT, EDGES)]),
    *[(f"a text cut behind octet {n}", frame(TEXT, SPLIT[:n], final=False) + frame(0, SPLIT[n:]), [echo(TEXT, SPLIT)]) for n in range(len(SPLIT) + 1)],
    *[(f"text {octets.hex(' ')}", frame(TEXT, octets), [1007])
      for octets in (b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc3", b"\xc3(", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
                     b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff", b"ok\xff")],
    ("a bad character in a later fragment", frame(TEXT, b"\xc3", final=False) + frame(0, b"("), [1007]),
    ("a bad character in an unfinished message", frame(TEXT, b"ok\xff", final=False), [1007]),
    ("a text that ends within a character", frame(TEXT, b"a\xe2\x82", final=False) + frame(0), [1007]),
]

LONG = b"again and again, " * 1_000
COMPRESSED = [
    # 7.2 and 6 of RFC 7692. A payload that is given as a tuple is what the answer must say, compressed or not.
    ("a compressed text", frame(TEXT, deflated(LONG), bits=0x40), [(TEXT, LONG)]),
    ("a compressed binary message", frame(BINARY, deflated(b"\xff" * 5_000), bits=0x40), [(BINARY, b"\xff" * 5_000)]),
    ("an empty compressed message", frame(TEXT, b"\x00", bits=0x40), [(TEXT, b"")]),
    ("Hello of section 7.2.3.1", frame(TEXT, bytes.fromhex("f248cdc9c90700"), bits=0x40), [(TEXT, b"Hello")]),
    ("a stored block of section 7.2.3.3", frame(TEXT, bytes.fromhex("000500faff48656c6c6f00"), bits=0x40), [(TEXT, b"Hello")]),
    ("a final block of section 7.2.3.4", frame(TEXT, bytes.fromhex("f348cdc9c9070000"), bits=0x40), [(TEXT, b"Hello")]),
    ("two blocks of section 7.2.3.5", frame(TEXT, bytes.fromhex("f24805000000ffffcac9c90700"), bits=0x40), [(TEXT, b"Hello")]),
    ("in fragments", frame(TEXT, deflated(LONG)[:9], final=False, bits=0x40) + frame(0, deflated(LONG)[9:]), [(TEXT, LONG)]),
    ("in fragments with a ping", frame(TEXT, deflated(LONG)[:9], final=False, bits=0x40) + frame(PING, b"p") + frame(0, deflated(LONG)[9:]),
     [echo(PONG, b"p"), (TEXT, LONG)]),
    ("the same again: no context is taken over", 3 * frame(TEXT, deflated(LONG), bits=0x40), 3 * [(TEXT, LONG)]),
    ("not compressed, where it could be", frame(TEXT, b"x"), [(TEXT, b"x")]),
    ("a window of 9 bits", frame(TEXT, deflated(LONG, window=9), bits=0x40), [(TEXT, LONG)]),
    ("without any compression", frame(BINARY, deflated(os.urandom(1), level=0), bits=0x40), None),
    ("RSV1 of a continuation", frame(TEXT, b"a", final=False) + frame(0, b"b", bits=0x40), [1002]),
    ("RSV1 of a ping", frame(PING, b"p", bits=0x40), [1002]),
    ("RSV1 of a close", frame(CLOSE, b"\x03\xe8", bits=0x40), [1002]),
    ("RSV2 of a text", frame(TEXT, b"x", bits=0x20), [1002]),
    ("no compressed data", frame(TEXT, b"\xff\xff\xff", bits=0x40), [1007]),
    ("a reserved type of block", frame(BINARY, b"\x07", bits=0x40), [1007]),
    ("text that is not UTF-8", frame(TEXT, deflated(b"\xc3("), bits=0x40), [1007]),
    ("text that ends within a character", frame(TEXT, deflated(b"\xe2\x82"), bits=0x40), [1007]),
    ("as long as is taken", frame(BINARY, deflated(b"x" * MESSAGE_MAX), bits=0x40), [(BINARY, b"x" * MESSAGE_MAX)]),
    ("longer than is taken", frame(BINARY, deflated(b"x" * (MESSAGE_MAX + 1)), bits=0x40), [1009]),
    ("ten million zeros", frame(BINARY, deflated(bytes(10_000_000), level=9), bits=0x40), [1009]),
]

# What a client offers, and what is agreed on; None: nothing is, and the WebSocket opens. A number: the status of the refusal.
AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
OFFERS = [
    ("permessage-deflate", AGREED),
    ("permessage-deflate; client_max_window_bits", AGREED),
    ("permessage-deflate; client_max_window_bits=10; client_no_context_takeover", AGREED),
    ("permessage-deflate; server_max_window_bits=10", AGREED + "; server_max_window_bits=10"),
    ('permessage-deflate; server_max_window_bits="15"', AGREED + "; server_max_window_bits=15"),
    ("Permessage-Deflate; Server_No_Context_Takeover", AGREED),
    ("x-webkit-deflate-frame, permessage-deflate", AGREED),
    ("permessage-deflate; what=1, permessage-deflate", AGREED),
    ("permessage-deflate; what", None),
    ("permessage-deflate; server_max_window_bits", None),
    ("permessage-deflate; server_max_window_bits=8", None),
    ("permessage-deflate; server_max_window_bits=16", None),
    ("permessage-deflate; server_max_window_bits=010", None),
    ("permessage-deflate; client_max_window_bits=7", None),
    ("permessage-deflate; server_no_context_takeover=1", None),
    ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", None),
    ("permessage-bzip2", None),
    ("permessage-deflate; =", 400),
    ("permessage-deflate; server_max_window_bits=\"10", 400),
    ("permessage deflate", 400),
]


class Conformance(Case, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = Broker(cls.loops, certificate(), web_echo="true", web_compression="true")
        cls.addClassCleanup(cls.broker.stop)

    def wire(self, extensions=None):
        wire = Wire(self.broker.host, self.broker.port, self.web_tls)
        self.addCleanup(wire.close)
        head = wire.upgrade("/echo", Sec_WebSocket_Extensions=extensions)
        self.assertTrue(head.startswith("HTTP/1.1 101 "), head)
        return wire

    def check(self, name, octets, expected, extensions, pieces):
        wire = self.wire(extensions)
        for piece in pieces(octets):
            wire.send(piece)
        if expected is None:
            return self.assertEqual(wire.frame()[0] & 0xF, BINARY)
        for item in expected:
            came = wire.frame()
            self.assertIsNotNone(came, f"{name}: closed without a word")
            if isinstance(item, int):
                self.assertEqual(came[0], 0x88, name)
                self.assertEqual(int.from_bytes(came[1][:2], "big"), item, f"{name}: {came[1][2:]}")
                self.assertLessEqual(len(came[1]), 125)
                wire.sock.settimeout(10)
                return self.assertIsNone(wire.frame(), f"{name}: something behind the Close frame")
            if extensions and came[0] & 0x40:
                came = came[0] & ~0x40, inflated(came[1])
            self.assertEqual((came[0] | 0x80, came[1]), (item[0] | 0x80, item[1]), name)
        # And it goes on.
        wire.send(frame(PING, b"still there?"))
        self.assertEqual(wire.frame(), echo(PONG, b"still there?"), name)
        wire.close()

    def test_frames(self):
        for name, octets, expected in CASES:
            with self.subTest(name):
                self.check(name, octets, expected, None, lambda octets: [octets])

    def test_frames_in_pieces(self):
        """However the octets come, the outcome is the same."""
        def pieces(octets):
            yield from (octets[index:index + 1] for index in range(min(len(octets), 30)))
            yield octets[30:]
        for name, octets, expected in CASES[::3]:
            if len(octets) < 1000:
                with self.subTest(name):
                    self.check(name, octets, expected, None, pieces)

    def test_compressed_messages(self):
        for name, octets, expected in COMPRESSED:
            with self.subTest(name):
                self.check(name, octets, expected, "permessage-deflate; client_max_window_bits", lambda octets: [octets])

    def test_what_is_agreed_on(self):
        for offer, agreed in OFFERS:
            with self.subTest(offer):
                wire = Wire(self.broker.host, self.broker.port, self.web_tls)
                head = wire.upgrade("/echo", Sec_WebSocket_Extensions=offer)
                wire.close()
                if isinstance(agreed, int):
                    self.assertTrue(head.startswith(f"HTTP/1.1 {agreed} "), head)
                    continue
                self.assertTrue(head.startswith("HTTP/1.1 101 "), head)
                line = [line for line in head.split("\r\n") if line.lower().startswith("sec-websocket-extensions:")]
                self.assertEqual(line, [f"Sec-WebSocket-Extensions: {agreed}"] if agreed else [])

    def test_a_small_window_is_kept_to(self):
        """A client that asks for less than the broker compresses with is sent nothing compressed."""
        wire = self.wire("permessage-deflate; server_max_window_bits=9")
        wire.send(frame(TEXT, deflated(LONG), bits=0x40))
        self.assertEqual(wire.frame(), echo(TEXT, LONG))

    def test_there_are_enough_cases(self):
        self.assertGreaterEqual(len(CASES) + len(COMPRESSED) + len(OFFERS), 150)


class ConformanceTwoLoopsTLS(Conformance):
    secure = True
    loops = 2


if __name__ == "__main__":
    unittest.main()
