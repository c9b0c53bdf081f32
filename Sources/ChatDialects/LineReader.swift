import Bytes
import ChatProtocol

/// Takes lines out of what a person's terminal sends: LF, CR LF or CR NUL ends one, Telnet's commands (RFC 854) are swallowed, and no line is held
/// beyond its bound.
struct LineReader: Sendable {
    enum Item: Sendable, Equatable {
        case line(String)
        /// A line longer than ``byteCountMax``; what was more has been discarded.
        case tooLong
        /// A line that is not UTF-8.
        case notText
        /// A line with control characters, such as a terminal sends for a cursor key.
        case controlCharacters
        /// What must be answered for a Telnet client to go on.
        case answer([UInt8])
    }

    /// Octets of a line at most, without its end.
    static let byteCountMax = 8_192

    private enum State {
        case text
        case command
        case option(verb: UInt8)
        case subnegotiation
        case subnegotiationCommand
    }

    private enum Telnet {
        static let interpret: UInt8 = 0xFF
        static let begin: UInt8 = 0xFA
        static let end: UInt8 = 0xF0
        static let will: UInt8 = 0xFB
        static let wont: UInt8 = 0xFC
        static let `do`: UInt8 = 0xFD
        static let dont: UInt8 = 0xFE
        /// A client that was interrupted shows nothing more until this is answered (RFC 860).
        static let timingMark: UInt8 = 0x06
    }

    private var state = State.text
    private var line: [UInt8] = []
    private var isTooLong = false
    private var endsInCarriageReturn = false
    /// Whether the peer has said something that only Telnet clients say.
    private(set) var isTelnet = false

    /// Takes octets until they make an item; nil if all are used up.
    mutating func next(in octets: RawSpan, used: inout Int) -> Item? {
        while used < octets.byteCount {
            let octet = octets.byte(at: used)
            used += 1
            if let item = take(octet) { return item }
        }
        return nil
    }

    private mutating func take(_ octet: UInt8) -> Item? {
        switch state {
        case .text:
            if octet == Telnet.interpret {
                state = .command
                return nil
            }
            return takeText(octet)
        case .command:
            isTelnet = true
            switch octet {
            case Telnet.interpret:
                state = .text
                return takeText(octet)
            case Telnet.will...Telnet.dont: state = .option(verb: octet)
            case Telnet.begin: state = .subnegotiation
            default: state = .text
            }
            return nil
        case .option(let verb):
            state = .text
            guard verb == Telnet.do, octet == Telnet.timingMark else { return nil }
            return .answer([Telnet.interpret, Telnet.wont, Telnet.timingMark])
        case .subnegotiation:
            if octet == Telnet.interpret { state = .subnegotiationCommand }
            return nil
        case .subnegotiationCommand:
            state = octet == Telnet.end ? .text : .subnegotiation
            return nil
        }
    }

    private mutating func takeText(_ octet: UInt8) -> Item? {
        if octet == 0x0A || (octet == 0 && endsInCarriageReturn) { return finish() }
        endsInCarriageReturn = octet == 0x0D
        // One octet more, for the CR that may be part of the end.
        if line.count <= Self.byteCountMax { line.append(octet) } else { isTooLong = true }
        return nil
    }

    private mutating func finish() -> Item {
        if endsInCarriageReturn && !isTooLong { line.removeLast() }
        defer {
            line = []
            isTooLong = false
            endsInCarriageReturn = false
        }
        guard !isTooLong, line.count <= Self.byteCountMax else { return .tooLong }
        let octets = line.span.bytes
        guard octets.isWellFormedUTF8, let text = octets.text(in: 0..<octets.byteCount) else { return .notText }
        guard TextRules.isAcceptable(octets) else { return .controlCharacters }
        return .line(text)
    }
}
