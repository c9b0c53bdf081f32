import Bytes
import ChatProtocol
import Foundation

/// Builds payloads from the schema alone, good ones and bad ones, without the encoder under test.
struct SchemaPayload {
    /// Whole fields by tag number; what is built has them in ascending order.
    var fields: [UInt64: [UInt8]] = [:]

    /// Sets a field to the octets of a value.
    mutating func set(_ field: Field, _ value: [UInt8]) { fields[UInt64(field.tag)] = Self.field(field, value) }

    var octets: [UInt8] { fields.sorted { $0.key < $1.key }.flatMap(\.value) }

    static func field(_ field: Field, _ value: [UInt8]) -> [UInt8] {
        [field.isCritical ? field.tag | 0x80 : field.tag] + length(value.count) + value
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

    /// A value that the frame accepts for the field.
    static func sample(_ field: Field, in type: FrameType) -> [UInt8] {
        switch field.type {
        case .number, .enumeration: number(max(field.minimum, min(1, field.maximum)))
        case .flag: []
        case .text: Array("text".utf8)
        case .name: Array("alice".utf8)
        case .address: Array("lobby".utf8)
        case .bytes: [UInt8](repeating: 0xAB, count: Int(max(field.minimum, 3)))
        case .texts: length(3) + Array("one".utf8)
        case .groups: length(14) + group(0, in: type)
        case .frames: deliver(1)
        }
    }

    /// A record of 14 octets.
    static func group(_ number: Int, in type: FrameType) -> [UInt8] {
        let room = self.field(.room, Array("lobby".utf8))
        return switch type {
        case .resume: room + self.field(.seq, [1, 7]) + self.field(.epoch, [9])
        case .resumed: room + self.field(.code, [1]) + [0x50, 0x02, 0, 0]
        default: member(number)
        }
    }

    /// A DELIVER frame.
    static func deliver(_ seq: UInt64) -> [UInt8] {
        let payload =
            self.field(.room, Array("lobby".utf8)) + self.field(.seq, self.number(seq)) + self.field(.timestamp, [])
            + self.field(.from, Array("ada".utf8))
        return [0, 0, UInt8(payload.count), FrameType.deliver.rawValue, 0, 0, 0, 0] + payload
    }

    /// A record of 14 octets.
    static func member(_ number: Int) -> [UInt8] {
        let name = "m" + String(repeating: "0", count: 3 - min(3, "\(number % 1000)".count)) + "\(number % 1000)"
        return field(.user, Array(name.utf8)) + field(.role, [2]) + field(.state, []) + [0x50, 0x01, 0]
    }

    /// The required fields of a frame, and what its kind needs.
    static func required(_ frame: FrameSchema) -> SchemaPayload {
        var payload = SchemaPayload()
        for field in Schema.fields where frame.required.contains(field) { payload.set(field, sample(field, in: frame.type)) }
        if frame.type == .publish || frame.type == .directMessage { payload.set(.body, sample(.body, in: frame.type)) }
        return payload
    }

    /// The payload that a JSON object of the document stands for.
    init(json: [String: Any]) {
        for (name, value) in json {
            if name.hasPrefix("#"), let tag = UInt64(name.dropFirst()), let text = value as? String {
                let value = ChatProtocolTests.octets(base64url: text)
                let head = tag < 127 ? [UInt8(tag)] : [0x7F] + Self.length(Int(tag) - 127)
                fields[tag] = head + Self.length(value.count) + value
            } else if let field = Schema.field(named: name) {
                set(field, Self.value(field, value))
            }
        }
    }

    init() {}

    private static func value(_ field: Field, _ value: Any) -> [UInt8] {
        switch (field.type, value) {
        case (.number, let value as NSNumber), (.enumeration, let value as NSNumber): number(value.uint64Value)
        case (.flag, _): []
        case (.text, let text as String), (.name, let text as String), (.address, let text as String): Array(text.utf8)
        case (.bytes, let text as String): ChatProtocolTests.octets(base64url: text)
        case (.texts, let texts as [String]): texts.flatMap { length($0.utf8.count) + Array($0.utf8) }
        case (.frames, let frames as [[String: Any]]):
            frames.flatMap { frame in
                let octets = SchemaPayload(json: frame).octets
                return [0, UInt8(octets.count >> 8), UInt8(octets.count & 0xFF), FrameType.deliver.rawValue, 0, 0, 0, 0] + octets
            }
        case (.groups, let groups as [[String: Any]]):
            groups.flatMap { group in
                let octets = SchemaPayload(json: group).octets
                return length(octets.count) + octets
            }
        default: fatalError("no value for \(field.name): \(value)")
        }
    }
}
