import Bytes

/// IRC, RFC 2812, with IRCv3's `echo-message`, so that who says something hears it too.
enum IRCWire: PeerWire {
    static let scheme = "irc"
    static let portDefault: UInt16 = 6667
    /// InspIRCd completes log-ins once a second.
    static let underwayCountMax = 1_000
    static let ping = Array("PING load\r\n".utf8)

    static func room(_ index: Int, run: RunIdentity) -> [UInt8] { Array("#\(run.text)-\(index)".utf8) }

    /// Answered by the end of the message of the day, or by the word that there is none.
    static func greeting(connection: Int, run: RunIdentity) -> [UInt8] {
        Array("CAP REQ :echo-message\r\nNICK l\(run.text)-\(connection)\r\nUSER load 0 * :load\r\nCAP END\r\n".utf8)
    }

    /// Answered by the end of the list of names.
    static func subscription(to room: [UInt8]) -> [UInt8] { Array("JOIN ".utf8) + room + Array("\r\n".utf8) }

    static func publication(to room: [UInt8], bodyByteCount: Int) -> (head: [UInt8], tail: [UInt8]) {
        (Array("PRIVMSG ".utf8) + room + Array(" :".utf8), Array("\r\n".utf8))
    }

    static func pong(_ token: RawSpan) -> [UInt8] { Array("PONG \(token.shown(0..<token.byteCount))\r\n".utf8) }

    static func unit(in bytes: RawSpan, at offset: Int) throws(WireFailure) -> WireUnit? {
        guard let line = try bytes.line(from: offset) else { return nil }
        func unit(_ meaning: WireUnit.Meaning) -> WireUnit { WireUnit(byteCount: line.upperBound + 2 - offset, meaning: meaning) }
        var rest = line
        if !line.isEmpty, bytes.byte(at: line.lowerBound) == UInt8(ascii: ":") {
            rest = min(bytes.word(in: line).upperBound + 1, line.upperBound)..<line.upperBound
        }
        let command = bytes.word(in: rest)
        let parameters = min(command.upperBound + 1, line.upperBound)..<line.upperBound
        if bytes.begins(command, with: "PRIVMSG") {
            let room = bytes.word(in: parameters)
            let body = (room.upperBound + 2)..<max(room.upperBound + 2, line.upperBound)
            guard body.upperBound == line.upperBound else { throw WireFailure(text: bytes.shown(line)) }
            return unit(.delivery(room: room, body: body))
        }
        if bytes.begins(command, with: "PONG") { return unit(.answer) }
        if bytes.begins(command, with: "PING") { return unit(.ping(token: parameters)) }
        guard command.count == 3, let number = try? bytes.decimal(in: command) else {
            if bytes.begins(command, with: "ERROR") || bytes.begins(command, with: "KICK") { throw WireFailure(text: bytes.shown(line)) }
            return unit(.nothing)
        }
        switch number {
        // RPL_ENDOFMOTD, ERR_NOMOTD, RPL_ENDOFNAMES
        case 376, 422, 366: return unit(.answer)
        case 400..<600: throw WireFailure(text: bytes.shown(line))
        default: return unit(.nothing)
        }
    }
}
