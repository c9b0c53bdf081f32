/// What a person pressed.
enum Key: Equatable {
    case text(Character)
    /// Text pasted as a whole; line ends in it are line feeds.
    case paste(String)
    case enter, tab, backspace, delete, escape
    case left, right, up, down, home, end, wordLeft, wordRight
    /// Control and a letter, such as `a`.
    case control(Character)
    /// Alt (Meta) and a character.
    case alt(Character)
    case unknown
}

/// Turns the octets of a terminal in raw mode into keys, whatever pieces they come in (ECMA-48, xterm's control sequences).
struct KeyDecoder {
    /// Octets of one paste kept; the rest of it is dropped.
    static let pasteByteCountMax = 65_536

    private var pending: [UInt8] = []
    private var pasted: [UInt8]?

    /// Whether an escape has come that may yet be the beginning of more.
    var isWaiting: Bool { pasted == nil && pending.first == 0x1B }

    mutating func feed(_ octets: some Sequence<UInt8>) -> [Key] {
        pending += octets
        var keys: [Key] = []
        while let (key, count) = next() {
            pending.removeFirst(count)
            if let key { keys.append(key) }
        }
        return keys
    }

    /// No more octets came for a while: an escape stands for itself.
    mutating func flush() -> [Key] {
        guard isWaiting else { return [] }
        pending.removeFirst()
        return [.escape] + feed([])
    }

    /// The key at the front and its octets; nil if more are needed.
    private mutating func next() -> (Key?, Int)? {
        if pasted != nil { return nextOfPaste() }
        guard let first = pending.first else { return nil }
        switch first {
        case 0x1B: return escapeSequence()
        case 0x0D, 0x0A: return (.enter, 1)
        case 0x09: return (.tab, 1)
        case 0x7F, 0x08: return (.backspace, 1)
        case 0x00..<0x20:
            return (first < 0x1B && first > 0 ? .control(Character(Unicode.Scalar(first + 0x60))) : .unknown, 1)
        default: return character(from: 0).map { (.text($0.0), $0.1) }
        }
    }

    /// A whole scalar from `index` on; a broken one is taken octet by octet.
    private func character(from index: Int) -> (Character, Int)? {
        let first = pending[index]
        let length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
        guard pending.count >= index + length else { return nil }
        guard let text = String(validating: pending[index..<(index + length)], as: UTF8.self), let character = text.first else {
            return ("\u{FFFD}", 1)
        }
        return (character, length)
    }

    private mutating func escapeSequence() -> (Key?, Int)? {
        guard pending.count > 1 else { return nil }
        switch pending[1] {
        case UInt8(ascii: "["): return controlSequence()
        case UInt8(ascii: "O"):
            guard pending.count > 2 else { return nil }
            return (Self.key(final: pending[2], parameters: []), 3)
        case 0x1B: return (.escape, 1)
        case 0x7F, 0x08: return (.alt("\u{7F}"), 2)
        case 0x00..<0x20: return (.unknown, 2)
        default: return character(from: 1).map { (.alt($0.0), 1 + $0.1) }
        }
    }

    private mutating func controlSequence() -> (Key?, Int)? {
        guard let end = pending.indices.dropFirst(2).first(where: { (0x40...0x7E).contains(pending[$0]) }) else {
            // No sequence is that long: what began one was something else.
            return pending.count > 32 ? (.unknown, 2) : nil
        }
        let parameters = String(decoding: pending[2..<end], as: UTF8.self).split(separator: ";").map { Int($0) ?? 0 }
        if pending[end] == UInt8(ascii: "~"), parameters.first == 200 {
            pasted = []
            return (nil, end + 1)
        }
        return (Self.key(final: pending[end], parameters: parameters), end + 1)
    }

    private static func key(final: UInt8, parameters: [Int]) -> Key {
        // Modifiers: 1 + Shift 1, Alt 2, Control 4.
        let isWordwise = parameters.count > 1 && (parameters[1] - 1) & 6 != 0
        switch final {
        case UInt8(ascii: "A"): return .up
        case UInt8(ascii: "B"): return .down
        case UInt8(ascii: "C"): return isWordwise ? .wordRight : .right
        case UInt8(ascii: "D"): return isWordwise ? .wordLeft : .left
        case UInt8(ascii: "H"): return .home
        case UInt8(ascii: "F"): return .end
        case UInt8(ascii: "~"):
            switch parameters.first {
            case 1, 7: return .home
            case 4, 8: return .end
            case 3: return .delete
            default: return .unknown
            }
        default: return .unknown
        }
    }

    private static let pasteEnd: [UInt8] = [0x1B, 0x5B, 0x32, 0x30, 0x31, 0x7E]

    private mutating func nextOfPaste() -> (Key?, Int)? {
        guard !pending.isEmpty, var text = pasted else { return nil }
        let end = pending.indices.first { pending[$0...].starts(with: Self.pasteEnd) }
        // Octets that may be the beginning of the end stay until it is decided.
        let safe = end ?? max(0, pending.count - Self.pasteEnd.count + 1)
        text += pending[..<safe].prefix(Self.pasteByteCountMax - min(text.count, Self.pasteByteCountMax))
        guard end != nil else {
            pasted = text
            return safe > 0 ? (nil, safe) : nil
        }
        pasted = nil
        return (.paste(Self.normalised(String(decoding: text, as: UTF8.self))), safe + Self.pasteEnd.count)
    }

    /// Terminals send a line end of a paste as CR.
    private static func normalised(_ text: String) -> String {
        String(text.map { $0 == "\r" || $0 == "\r\n" ? "\n" : $0 })
    }
}
