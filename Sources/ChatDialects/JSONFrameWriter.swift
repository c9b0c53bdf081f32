import Bytes
import ChatProtocol
import JSON

/// Names as JSON has them, prepared once.
enum JSONNames {
    /// `{"t":"deliver"` by frame type.
    static let openings: [SharedBytes] = (0..<256).map { type in
        guard let frame = Schema.frame(UInt8(type)) else { return .empty }
        return SharedBytes(utf8: "{\"t\":\"\(frame.name.lowercased())\"")
    }

    /// `"room":` by tag number.
    static let members: [SharedBytes] = (0..<128).map { tag in
        guard let field = Schema.field(tag: UInt8(tag)) else { return .empty }
        return SharedBytes(utf8: "\"\(field.name)\":")
    }

    private static let frames = Dictionary(uniqueKeysWithValues: Schema.frames.map { (SharedBytes(utf8: $0.name.lowercased()), $0) })

    static func frame(named name: SharedBytes) -> FrameSchema? { frames[name] }
}

/// Writes frames of this implementation's making as JSON objects, in their one canonical form: `t`, `id`, flags, then fields in ascending order
/// of their tags (docs/PROTOCOL.md, *JSON*).
enum JSONFrameWriter {
    /// Appends the object that a whole native frame stands for.
    static func append(frame octets: RawSpan, to writer: inout ByteWriter) {
        guard let header = FrameHeader(octets) else { preconditionFailure("a frame has a header") }
        let opening = JSONNames.openings[Int(header.type)]
        precondition(!opening.isEmpty, "a frame of the table")
        writer.reserve(2 * octets.byteCount + 64)
        writer.append(opening)
        if header.requestID != 0 {
            writer.append(utf8: ",\"id\":")
            JSONText.append(UInt64(header.requestID), to: &writer)
        }
        if header.flags.contains(.more) { writer.append(utf8: ",\"more\":true") }
        if header.flags.contains(.retry) { writer.append(utf8: ",\"retry\":true") }
        if header.flags.contains(.critical) { writer.append(utf8: ",\"critical\":true") }
        appendMembers(octets, FrameHeader.byteCount..<octets.byteCount, isFirst: false, to: &writer)
        writer.append(UInt8(ascii: "}"))
    }

    private static func appendMembers(_ octets: RawSpan, _ range: Range<Int>, isFirst: Bool, to writer: inout ByteWriter) {
        var walk = FieldWalk(range)
        var isFirst = isFirst
        while let (tag, value) = walk.nextField(in: octets) {
            guard let field = Schema.field(tag: tag) else { continue }
            if !isFirst { writer.append(UInt8(ascii: ",")) }
            isFirst = false
            writer.append(JSONNames.members[Int(tag)])
            append(field, octets, value, to: &writer)
        }
    }

    private static func append(_ field: Field, _ octets: RawSpan, _ value: Range<Int>, to writer: inout ByteWriter) {
        switch field.type {
        case .number, .enumeration: JSONText.append(octets.bigEndian(at: value.lowerBound, byteCount: value.count), to: &writer)
        case .flag: writer.append(utf8: "true")
        case .text, .name, .address: JSONText.append(string: octets.extracting(value), to: &writer)
        case .bytes:
            writer.append(UInt8(ascii: "\""))
            Base64.url.append(octets.extracting(value), to: &writer)
            writer.append(UInt8(ascii: "\""))
        case .texts:
            appendList(octets, value, to: &writer) { JSONText.append(string: octets.extracting($0), to: &$1) }
        case .groups:
            appendList(octets, value, to: &writer) { group, writer in
                writer.append(UInt8(ascii: "{"))
                appendMembers(octets, group, isFirst: true, to: &writer)
                writer.append(UInt8(ascii: "}"))
            }
        case .frames:
            writer.append(UInt8(ascii: "["))
            var offset = value.lowerBound
            while offset < value.upperBound, let header = FrameHeader(octets, at: offset) {
                if offset > value.lowerBound { writer.append(UInt8(ascii: ",")) }
                let end = min(offset + header.frameByteCount, value.upperBound)
                append(frame: octets.extracting(offset..<end), to: &writer)
                offset = end
            }
            writer.append(UInt8(ascii: "]"))
        }
    }

    private static func appendList(
        _ octets: RawSpan, _ list: Range<Int>, to writer: inout ByteWriter, _ body: (Range<Int>, inout ByteWriter) -> Void
    ) {
        writer.append(UInt8(ascii: "["))
        var walk = FieldWalk(list)
        var isFirst = true
        while let item = walk.nextItem(in: octets) {
            if !isFirst { writer.append(UInt8(ascii: ",")) }
            isFirst = false
            body(item, &writer)
        }
        writer.append(UInt8(ascii: "]"))
    }
}
