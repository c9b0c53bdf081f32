import Bytes
import Testing
import Transport

/// The table of section 3.3 of the protocol, octet by octet.
struct ProtocolSnifferTests {
    private static let layers: [ProtocolSniffer.Layer] = [.clear(allowsLine: true), .clear(allowsLine: false), .decrypted]
    private static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI"]

    private func sniff(_ octets: [UInt8], _ layer: ProtocolSniffer.Layer) -> ProtocolSniffer.Verdict {
        ProtocolSniffer.sniff(octets.span.bytes, on: layer)
    }

    @Test func needsAnOctetAtLeast() {
        for layer in Self.layers { #expect(sniff([], layer) == .needMore) }
    }

    /// Every first octet, followed by zeros, which continue no protocol.
    @Test func decidesOnEveryFirstOctet() {
        for octet in UInt8.min...UInt8.max {
            let octets = [octet] + [UInt8](repeating: 0, count: 7)
            let isText =
                [0x09, 0x0A, 0x0D, 0xFF].contains(octet) || (0x20...0x7E).contains(octet) || (0xC2...0xF4).contains(octet)
            #expect(sniff(octets, .clear(allowsLine: true)) == (isText ? .line : .unknown), "\(octet)")
            #expect(sniff(octets, .clear(allowsLine: false)) == .unknown, "\(octet)")
            #expect(sniff(octets, .decrypted) == .unknown, "\(octet)")
        }
    }

    /// Alone, the first octet decides unless a protocol begins with it.
    @Test func waitsOnlyForWhatCanStillBecomeAProtocol() {
        let prefixes = Set([0x16, 0xB3] + Self.methods.map { $0.utf8.first! })
        for octet in UInt8.min...UInt8.max {
            for layer in Self.layers {
                let isPrefix = prefixes.contains(octet) && !(octet == 0x16 && layer == .decrypted)
                #expect((sniff([octet], layer) == .needMore) == isPrefix, "\(octet)")
            }
        }
    }

    @Test func knowsTLSOutsideTLSOnly() {
        let hello: [UInt8] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01]
        for layer in Self.layers {
            for count in 1...hello.count {
                let expected: ProtocolSniffer.Verdict = layer == .decrypted ? .unknown : count < 2 ? .needMore : .tls
                #expect(sniff(Array(hello[..<count]), layer) == expected)
            }
        }
        #expect(sniff([0x16, 0x02], .clear(allowsLine: true)) == .unknown)
    }

    @Test func knowsTheNativePreface() {
        let preface: [UInt8] = [0xB3, 0x43, 0x42, 0x50, 1, 1, 0, 0]
        for layer in Self.layers {
            for count in 1...preface.count {
                #expect(sniff(Array(preface[..<count]), layer) == (count < 4 ? .needMore : .native))
            }
            for index in 1..<4 {
                var other = preface
                other[index] ^= 1
                #expect(sniff(other, layer) == .unknown)
            }
        }
    }

    @Test(arguments: methods)
    func knowsRequestsHoweverTheyAreCut(method: String) {
        let request = Array("\(method) /chat HTTP/1.1\r\n".utf8)
        for layer in Self.layers {
            for count in 1...request.count {
                #expect(sniff(Array(request[..<count]), layer) == (count <= method.utf8.count ? .needMore : .http))
            }
            // One octet of the method wrong: text, where text is spoken.
            for index in 0...method.utf8.count {
                var other = request
                other[index] = UInt8(ascii: "_")
                #expect(sniff(other, layer) == (layer == .clear(allowsLine: true) ? .line : .unknown))
            }
        }
    }

    @Test func decidesWithinTheOctetsAnnounced() {
        for text in Self.methods.map({ $0 + " /index.html" }) + ["hello there", "GETAWAY NOW", "PRIMATES!", "\u{C2}\u{A0}\u{C2}\u{A0}"] {
            let octets = Array(text.utf8.prefix(ProtocolSniffer.byteCountMax))
            #expect(sniff(octets, .clear(allowsLine: true)) != .needMore, "\(text)")
        }
    }
}
