"""The golden, negative and tolerated vectors against the client."""
import unittest

import cbp
from cbp import Fault, encode_frame, frame_from_json, frame_to_json
from vectors import GOLDEN, NEGATIVE, TOLERATED, judge


class Vectors(unittest.TestCase):
    def test_the_document_has_its_vectors(self):
        numbers = [int(name.split()[0]) for name, *_ in GOLDEN]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertGreaterEqual(len(numbers), 76)
        self.assertGreater(len(NEGATIVE), 90)
        self.assertGreater(len(TOLERATED), 10)

    def test_golden_sizes(self):
        for name, size, octets, _ in GOLDEN:
            with self.subTest(name):
                self.assertEqual(len(octets), size)

    def test_golden_decode(self):
        for name, _, octets, value in GOLDEN:
            with self.subTest(name):
                frame = judge(octets)
                if value["t"].startswith("#"):
                    self.assertIsNone(frame)
                    continue
                wanted = [(k, v) for k, v in value.items() if not k.startswith("#")]
                self.assertEqual(list(frame_to_json(frame).items()), wanted)       # the order too

    def test_golden_encode(self):
        for name, _, octets, value in GOLDEN:
            with self.subTest(name):
                self.assertEqual(encode_frame(frame_from_json(value)).hex(), octets.hex())

    def test_golden_through_the_stream(self):
        """All golden frames in one stream, cut into pieces of every size from 1 to 9."""
        stream = b"".join(octets for _, _, octets, _ in GOLDEN)
        for size in range(1, 10):
            decoder, found = cbp.Decoder(), 0
            for at in range(0, len(stream), size):
                decoder.feed(stream[at:at + size])
                while decoder.next():
                    found += 1
            self.assertEqual(found, len(GOLDEN))

    def test_negative_by_this_decoder(self):
        for octets, sender, code, what in NEGATIVE:
            with self.subTest(what, octets=octets.hex()):
                with self.assertRaises(Fault) as caught:
                    judge(octets)
                self.assertEqual(caught.exception.code, code)
                fatal = code in (105, 113) or (code == 102 and "GOODBYE" in what)
                self.assertEqual(caught.exception.fatal, fatal)

    def test_tolerated_by_this_decoder(self):
        for octets, _, code, what in TOLERATED:
            with self.subTest(what, octets=octets.hex()):
                self.assertEqual(code, 0)
                judge(octets)
