import Bytes

/// MQTT 3.1.1 with QoS 0 and a clean session, OASIS standard of 29 October 2014.
enum MQTTWire: PeerWire {
    static let scheme = "mqtt"
    static let portDefault: UInt16 = 1883
    /// PINGREQ, 3.12.
    static let ping: [UInt8] = [0xC0, 0]

    static func room(_ index: Int, run: RunIdentity) -> [UInt8] { Array("load/\(run.text)/\(index)".utf8) }

    /// CONNECT, 3.1: level 4, clean session, no keep-alive.
    static func greeting(connection: Int, run: RunIdentity) -> [UInt8] {
        packet(0x10, text(Array("MQTT".utf8)) + [4, 0x02, 0, 0] + text(Array("\(run.text)-\(connection)".utf8)))
    }

    /// SUBSCRIBE, 3.8, with packet identifier 1.
    static func subscription(to room: [UInt8]) -> [UInt8] { packet(0x82, [0, 1] + text(room) + [0]) }

    /// PUBLISH, 3.3: with QoS 0 there is no packet identifier.
    static func publication(to room: [UInt8], bodyByteCount: Int) -> (head: [UInt8], tail: [UInt8]) {
        ([0x30] + remainingLength(2 + room.count + bodyByteCount) + text(room), [])
    }

    static func unit(in bytes: RawSpan, at offset: Int) throws(WireFailure) -> WireUnit? {
        var byteCount = 0
        var start = offset + 1
        var shift = 0
        repeat {
            guard start < bytes.byteCount else { return nil }
            guard shift < 28 else { throw WireFailure(text: "a remaining length of more than four octets") }
            byteCount |= Int(bytes.byte(at: start) & 0x7F) << shift
            shift += 7
            start += 1
        } while bytes.byte(at: start - 1) & 0x80 != 0
        let end = start + byteCount
        guard bytes.byteCount >= end else { return nil }
        func unit(_ meaning: WireUnit.Meaning) -> WireUnit { WireUnit(byteCount: end - offset, meaning: meaning) }
        switch bytes.byte(at: offset) {
        case 0x30 where byteCount >= 2:
            let body = start + 2 + Int(bytes.bigEndian(at: start, byteCount: 2))
            guard body <= end else { throw WireFailure(text: "a topic that is longer than its packet") }
            return unit(.delivery(room: (start + 2)..<body, body: body..<end))
        case 0x20 where byteCount == 2:
            guard bytes.byte(at: start + 1) == 0 else { throw WireFailure(text: "CONNACK \(bytes.byte(at: start + 1))") }
            return unit(.answer)
        case 0x90 where byteCount == 3:
            guard bytes.byte(at: start + 2) == 0 else { throw WireFailure(text: "SUBACK \(bytes.byte(at: start + 2))") }
            return unit(.answer)
        case 0xD0:
            return unit(.answer)
        case let type:
            throw WireFailure(text: "packet of type \(type) and \(byteCount) octets")
        }
    }

    private static func packet(_ type: UInt8, _ octets: [UInt8]) -> [UInt8] { [type] + remainingLength(octets.count) + octets }

    /// 1.5.3: text with its length before it.
    private static func text(_ octets: [UInt8]) -> [UInt8] { [UInt8(octets.count >> 8), UInt8(octets.count & 0xFF)] + octets }

    /// 2.2.3: seven bits an octet, the lowest first.
    private static func remainingLength(_ value: Int) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value & 0x7F | 0x80)] + remainingLength(value >> 7)
    }
}
