import Bytes
import ChatProtocol

/// A generator that gives the same numbers for the same seed (SplitMix64), so that a failure can be repeated.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func upTo(_ bound: Int) -> Int { Int.random(in: 0...bound, using: &self) }

    mutating func chance(_ percent: Int) -> Bool { upTo(99) < percent }
}

/// One frame in both forms, each built from the schema without the code under test.
struct TwofoldFrame {
    var type: FrameType
    var flags: UInt8 = 0
    var requestID: UInt32
    var payload: [UInt8]
    /// Members in canonical order: `t`, `id`, flags, fields.
    var members: [(name: String, json: String)]

    var octets: [UInt8] {
        [
            UInt8(payload.count >> 16), UInt8(payload.count >> 8 & 255), UInt8(payload.count & 255), type.rawValue, flags,
            UInt8(requestID >> 16), UInt8(requestID >> 8 & 255), UInt8(requestID & 255),
        ] + payload
    }

    var json: String { "{" + members.map { "\"\($0.name)\":\($0.json)" }.joined(separator: ",") + "}" }
}

/// Makes frames of every type out of the tables: good ones, and ones with values at and beyond their bounds.
struct TwofoldFrames {
    var random: SeededRandom
    /// How often, of a hundred, a value is one that no frame may have, and a field is there that is not expected.
    var badPercent = 0

    init(seed: UInt64, badPercent: Int = 0) {
        random = SeededRandom(seed: seed)
        self.badPercent = badPercent
    }

    mutating func frame(_ schema: FrameSchema) -> TwofoldFrame {
        let requestID = schema.type == .deliver ? 0 : UInt32(random.chance(90) ? 1 + random.upTo(0xFF_FFFE) : 0)
        var frame = TwofoldFrame(type: schema.type, requestID: requestID, payload: [], members: [("t", "\"\(schema.name.lowercased())\"")])
        if requestID != 0 { frame.members.append(("id", "\(requestID)")) }
        if schema.type == .publish, random.chance(20) {
            frame.flags = 2
            frame.members.append(("retry", "true"))
        }
        for field in Schema.fields {
            let percent =
                schema.required.contains(field) ? 100 - badPercent : schema.optional.contains(field) ? 50 : badPercent / 4
            guard random.chance(percent) else { continue }
            add(field, to: &frame.payload, &frame.members)
        }
        return frame
    }

    private mutating func add(_ field: Field, to payload: inout [UInt8], _ members: inout [(name: String, json: String)]) {
        let (octets, json) = value(field)
        payload += [field.isCritical ? field.tag | 0x80 : field.tag] + Self.length(octets.count) + octets
        members.append((field.name, json))
    }

    private mutating func value(_ field: Field) -> (octets: [UInt8], json: String) {
        let isBad = random.chance(badPercent)
        switch field.type {
        case .number, .enumeration:
            var number = (random.next() % (field.maximum + 1)) >> UInt64(random.upTo(40))
            if field.name == "kind" { number = random.chance(50) ? 0 : 7 }
            if field.name == "policy" { number &= 63 }
            if random.chance(10) { number = field.maximum }
            if isBad { number = field.maximum + 1 + UInt64(random.upTo(3)) }
            return (Self.number(number), "\(number)")
        case .flag: return ([], "true")
        case .text: return string(text(isBad ? Int(field.maximum) + 1 : random.upTo(Int(min(field.maximum, 200))), exactly: isBad))
        case .name: return string(isBad ? "Bad Name" : name())
        case .address: return string(isBad ? "@a" : random.chance(80) ? name() : "@alice+bob")
        case .bytes:
            let count = isBad ? Int(field.maximum) + 1 : Int(field.minimum) + random.upTo(Int(min(field.maximum - field.minimum, 100)))
            let octets = (0..<count).map { _ in UInt8(random.upTo(255)) }
            return (octets, "\"\(Base64.url.text(octets.span.bytes))\"")
        case .texts:
            let items = (0..<(isBad ? Int(field.maximum) + 1 : random.upTo(3))).map { _ in string(text(random.upTo(40))) }
            return (items.flatMap { Self.length($0.octets.count) + $0.octets }, "[" + items.map(\.json).joined(separator: ",") + "]")
        // No client sends it.
        case .frames: return ([], "[]")
        case .groups:
            let groups = (0..<random.upTo(3)).map { _ in group() }
            return (groups.flatMap { Self.length($0.octets.count) + $0.octets }, "[" + groups.map(\.json).joined(separator: ",") + "]")
        }
    }

    private mutating func group() -> (octets: [UInt8], json: String) {
        var payload: [UInt8] = []
        var members: [(name: String, json: String)] = []
        for field in [Field.seq, .head, .user, .title, .detach, .session] where random.chance(60) { add(field, to: &payload, &members) }
        return (payload, "{" + members.map { "\"\($0.name)\":\($0.json)" }.joined(separator: ",") + "}")
    }

    private func string(_ text: String) -> (octets: [UInt8], json: String) { (Array(text.utf8), Self.quoted(text)) }

    private mutating func name() -> String {
        String((0...random.upTo(20)).map { _ in Array("abcdefghijklmnopqrstuvwxyz0123456789").randomElement(using: &random) ?? "a" })
    }

    private mutating func text(_ byteCountMax: Int, exactly: Bool = false) -> String {
        if exactly { return String(repeating: "x", count: byteCountMax) }
        var text = ""
        let pieces = ["a", "Z", "\"", "\\", "/", "\n", "\t", "é", "€", "𝄞", "\u{2028}", " ", "👩‍🚀", badPercent > 0 ? "\u{1b}" : "b"]
        while text.utf8.count < byteCountMax {
            let piece = pieces.randomElement(using: &random) ?? "a"
            if text.utf8.count + piece.utf8.count > byteCountMax { break }
            text += piece
        }
        return text
    }

    /// A string with no escapes but those that must be.
    static func quoted(_ text: String) -> String {
        var json = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": json += "\\\""
            case "\\": json += "\\\\"
            case "\n": json += "\\n"
            case "\t": json += "\\t"
            case "\u{1b}": json += "\\u001b"
            default: json.unicodeScalars.append(scalar)
            }
        }
        return json + "\""
    }

    static func length(_ count: Int) -> [UInt8] {
        switch count {
        case ..<64: [UInt8(count)]
        case ..<16_384: [0x40 | UInt8(count >> 8), UInt8(count & 0xFF)]
        default: [0x80 | UInt8(count >> 24), UInt8(count >> 16 & 0xFF), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF)]
        }
    }

    static func number(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }.drop { $0 == 0 }.map { $0 }
    }
}
