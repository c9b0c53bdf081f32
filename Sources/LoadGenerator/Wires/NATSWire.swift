import Bytes

/// The NATS client protocol, <https://docs.nats.io/reference/reference-protocols/nats-protocol>.
enum NATSWire: PeerWire {
    static let scheme = "nats"
    static let portDefault: UInt16 = 4222
    static let ping = Array("PING\r\n".utf8)

    static func room(_ index: Int, run: RunIdentity) -> [UInt8] { Array("load.\(run.text).\(index)".utf8) }

    /// The PING is answered once CONNECT has been accepted.
    static func greeting(connection: Int, run: RunIdentity) -> [UInt8] {
        Array(#"CONNECT {"verbose":false,"pedantic":false,"echo":true,"lang":"swift","version":"1"}"#.utf8) + Array("\r\n".utf8) + ping
    }

    static func subscription(to room: [UInt8]) -> [UInt8] { Array("SUB ".utf8) + room + Array(" 1\r\n".utf8) + ping }

    static func publication(to room: [UInt8], bodyByteCount: Int) -> (head: [UInt8], tail: [UInt8]) {
        (Array("PUB ".utf8) + room + Array(" \(bodyByteCount)\r\n".utf8), Array("\r\n".utf8))
    }

    static func pong(_ token: RawSpan) -> [UInt8] { Array("PONG\r\n".utf8) }

    static func unit(in bytes: RawSpan, at offset: Int) throws(WireFailure) -> WireUnit? {
        guard let line = try bytes.line(from: offset) else { return nil }
        let next = line.upperBound + 2
        if bytes.begins(line, with: "MSG ") {
            // MSG <subject> <sid> <byte count>: without a reply subject, which nothing here asks for.
            let room = bytes.word(in: (line.lowerBound + 4)..<line.upperBound)
            let number = bytes.word(in: min(room.upperBound + 1, line.upperBound)..<line.upperBound)
            let byteCount = try bytes.decimal(in: min(number.upperBound + 1, line.upperBound)..<line.upperBound)
            guard bytes.byteCount >= next + byteCount + 2 else { return nil }
            return WireUnit(byteCount: next + byteCount + 2 - offset, meaning: .delivery(room: room, body: next..<(next + byteCount)))
        }
        if bytes.begins(line, with: "PONG") { return WireUnit(byteCount: next - offset, meaning: .answer) }
        if bytes.begins(line, with: "PING") { return WireUnit(byteCount: next - offset, meaning: .ping(token: line)) }
        if bytes.begins(line, with: "INFO") || bytes.begins(line, with: "+OK") {
            return WireUnit(byteCount: next - offset, meaning: .nothing)
        }
        throw WireFailure(text: bytes.shown(line))
    }
}
