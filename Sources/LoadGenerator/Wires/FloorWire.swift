import Bytes

/// The wire of `Benchmarks/floor`: four octets of length of what follows, one of type, four of room, and the rest is the body.
enum FloorWire: PeerWire {
    static let scheme = "floor"
    static let portDefault: UInt16 = 7399
    static let ping = frame("?", [0, 0, 0, 0])

    static func room(_ index: Int, run: RunIdentity) -> [UInt8] { bigEndian(index) }
    static func greeting(connection: Int, run: RunIdentity) -> [UInt8] { ping }
    static func subscription(to room: [UInt8]) -> [UInt8] { frame("+", room) }

    static func publication(to room: [UInt8], bodyByteCount: Int) -> (head: [UInt8], tail: [UInt8]) {
        (bigEndian(5 + bodyByteCount) + [UInt8(ascii: "!")] + room, [])
    }

    static func unit(in bytes: RawSpan, at offset: Int) throws(WireFailure) -> WireUnit? {
        guard bytes.byteCount - offset >= 9 else { return nil }
        let byteCount = Int(bytes.bigEndian(at: offset, byteCount: 4))
        guard byteCount >= 5, byteCount <= 1 << 20 else { throw WireFailure(text: "a frame of \(byteCount) octets") }
        let end = offset + 4 + byteCount
        guard bytes.byteCount >= end else { return nil }
        let isDelivery = bytes.byte(at: offset + 4) == UInt8(ascii: "!")
        return WireUnit(
            byteCount: 4 + byteCount, meaning: isDelivery ? .delivery(room: (offset + 5)..<(offset + 9), body: (offset + 9)..<end) : .answer
        )
    }

    private static func frame(_ type: Unicode.Scalar, _ room: [UInt8]) -> [UInt8] { bigEndian(5) + [UInt8(ascii: type)] + room }

    private static func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
}
