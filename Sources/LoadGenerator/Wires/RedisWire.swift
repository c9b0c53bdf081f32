import Bytes

/// Publish/subscribe of Redis over RESP3, in which a subscriber may publish, <https://github.com/redis/redis-specifications>.
enum RedisWire: PeerWire {
    static let scheme = "redis"
    static let portDefault: UInt16 = 6379
    static let ping = command(["PING"].map { Array($0.utf8) })

    static func room(_ index: Int, run: RunIdentity) -> [UInt8] { Array("load:\(run.text):\(index)".utf8) }

    static func greeting(connection: Int, run: RunIdentity) -> [UInt8] { command([Array("HELLO".utf8), Array("3".utf8)]) }

    static func subscription(to room: [UInt8]) -> [UInt8] { command([Array("SUBSCRIBE".utf8), room]) }

    static func publication(to room: [UInt8], bodyByteCount: Int) -> (head: [UInt8], tail: [UInt8]) {
        let head = Array("*3\r\n".utf8) + bulk(Array("PUBLISH".utf8)) + bulk(room) + Array("$\(bodyByteCount)\r\n".utf8)
        return (head, Array("\r\n".utf8))
    }

    static func unit(in bytes: RawSpan, at offset: Int) throws(WireFailure) -> WireUnit? {
        switch bytes.byte(at: offset) {
        case UInt8(ascii: ">"):
            return try push(in: bytes, at: offset)
        case UInt8(ascii: "-"), UInt8(ascii: "!"):
            guard let line = try bytes.line(from: offset) else { return nil }
            throw WireFailure(text: bytes.shown(line))
        case let type:
            guard let end = try end(ofValueIn: bytes, at: offset, depth: 0) else { return nil }
            // HELLO is answered by a map, PING by a simple string, PUBLISH by the number of receivers.
            let isAnswer = type == UInt8(ascii: "%") || type == UInt8(ascii: "+")
            return WireUnit(byteCount: end - offset, meaning: isAnswer ? .answer : .nothing)
        }
    }

    /// `>3 message <channel> <body>`, or `>3 subscribe <channel> <count>`.
    private static func push(in bytes: RawSpan, at offset: Int) throws(WireFailure) -> WireUnit? {
        guard let line = try bytes.line(from: offset), let kind = try string(in: bytes, at: line.upperBound + 2) else { return nil }
        guard bytes.begins(kind, with: "message"), let room = try string(in: bytes, at: kind.upperBound + 2) else {
            guard let end = try end(ofValueIn: bytes, at: offset, depth: 0) else { return nil }
            return WireUnit(byteCount: end - offset, meaning: bytes.begins(kind, with: "subscribe") ? .answer : .nothing)
        }
        guard let body = try string(in: bytes, at: room.upperBound + 2) else { return nil }
        return WireUnit(byteCount: body.upperBound + 2 - offset, meaning: .delivery(room: room, body: body))
    }

    /// The contents of the bulk string at `offset`.
    @inline(__always)
    private static func string(in bytes: RawSpan, at offset: Int) throws(WireFailure) -> Range<Int>? {
        guard offset < bytes.byteCount else { return nil }
        guard bytes.byte(at: offset) == UInt8(ascii: "$") else { throw WireFailure(text: "a bulk string was expected") }
        guard let line = try bytes.line(from: offset) else { return nil }
        let start = line.upperBound + 2
        let count = try bytes.decimal(in: (offset + 1)..<line.upperBound)
        return bytes.byteCount >= start + count + 2 ? start..<(start + count) : nil
    }

    /// Where the value that begins at `offset` ends.
    private static func end(ofValueIn bytes: RawSpan, at offset: Int, depth: Int) throws(WireFailure) -> Int? {
        guard depth < 8 else { throw WireFailure(text: "values within values") }
        guard offset < bytes.byteCount, let line = try bytes.line(from: offset) else { return nil }
        let type = bytes.byte(at: offset)
        switch type {
        case UInt8(ascii: "$"):
            return try string(in: bytes, at: offset).map { $0.upperBound + 2 }
        case UInt8(ascii: "*"), UInt8(ascii: ">"), UInt8(ascii: "~"), UInt8(ascii: "%"):
            var left = try bytes.decimal(in: (offset + 1)..<line.upperBound) * (type == UInt8(ascii: "%") ? 2 : 1)
            var position = line.upperBound + 2
            while left > 0 {
                guard let end = try end(ofValueIn: bytes, at: position, depth: depth + 1) else { return nil }
                position = end
                left -= 1
            }
            return position
        default:
            return line.upperBound + 2
        }
    }

    private static func command(_ words: [[UInt8]]) -> [UInt8] {
        Array("*\(words.count)\r\n".utf8) + words.flatMap(bulk)
    }

    private static func bulk(_ word: [UInt8]) -> [UInt8] { Array("$\(word.count)\r\n".utf8) + word + Array("\r\n".utf8) }
}
