import Bytes
import ChatProtocol
import Foundation
import Testing

/// The codec against docs/PROTOCOL.md.
struct DocumentTests {
    @Test func documentHasVectors() {
        #expect(Document.examples.count >= 50)
        #expect(Document.negative.count >= 100)
        #expect(Document.tolerated.count >= 15)
    }

    @Test(arguments: Document.examples)
    func exampleDecodesToItsJSONAndEncodesToItsOctets(_ example: Document.Example) throws {
        #expect(example.octets.count == example.octetCount)
        let members = example.json
        let frame = Frame(example.octets)
        let header = frame.header
        #expect(header.frameByteCount == example.octets.count)
        guard let schema = Schema.frame(header.type) else {
            #expect(members["t"] as? String == "#\(header.type)")
            return
        }
        let value = try frame.value(from: Frame.Sender(schema.direction))
        let known = members.filter { !$0.key.hasPrefix("#") }
        #expect(NSDictionary(dictionary: json(value, header: header)) == NSDictionary(dictionary: known))
        // What the encoder leaves out is what the decoder skips; the schema alone writes that too.
        let written = SchemaPayload(json: members)
        #expect(Array(example.octets[8...]) == written.octets)
        if known.count == members.count {
            let encoded = Frame(
                value, requestID: header.requestID, isRetry: header.flags.contains(.retry), more: header.flags.contains(.more))
            #expect(encoded.octets == example.octets)
        }
    }

    @Test(arguments: Document.negative)
    func negativeVectorGetsItsCode(_ line: Document.Line) {
        #expect(code(of: line) == line.code)
    }

    @Test(arguments: Document.tolerated)
    func toleratedVectorIsAccepted(_ line: Document.Line) {
        #expect(code(of: line) == 0)
    }

    /// What a receiver makes of a frame: the code of its first fault, or 0.
    private func code(of line: Document.Line) -> UInt16 {
        let frame = Frame(line.octets)
        let header = frame.header
        do throws(FrameError) {
            try header.validate(payloadByteCountMax: ProtocolLimits.payloadByteCountMax)
        } catch {
            return error.code.rawValue
        }
        #expect(header.frameByteCount == line.octets.count)
        guard let error = frame.error(from: line.isFromClient ? .client : .broker) else { return 0 }
        if error.code == .unknownType, header.requestID == 0, !header.flags.contains(.critical) { return 0 }
        return error.code.rawValue
    }

    @Test func fieldsAreThoseOfTheTable() {
        let types: [String: [FieldType]] = [
            "uint": [.number], "enum": [.enumeration], "bool": [.flag], "text": [.text], "name": [.name], "addr": [.address],
            "bytes": [.bytes], "list.text": [.texts], "list.group": [.groups],
            "frames": [.frames],
        ]
        let rows = Document.table("### 18.2 Fields")
        #expect(rows.map { $0[2] } == Schema.fields.map(\.name))
        for (row, field) in zip(rows, Schema.fields) {
            #expect(UInt8(row[0].dropFirst(2), radix: 16) == field.tag)
            #expect(UInt8(row[1], radix: 16) == (field.isCritical ? field.tag | 0x80 : field.tag), "\(field.name)")
            #expect(types[row[3]] == [field.type], "\(field.name)")
            guard let limit = UInt64(row[4].filter(\.isNumber)) else { continue }
            #expect(field.maximum == limit, "\(field.name)")
            #expect(field.minimum == (row[4].hasPrefix("=") ? limit : 0), "\(field.name)")
        }
    }

    @Test func framesAreThoseOfTheTable() {
        let rows = Document.table("### 18.1 Frames")
        #expect(rows.map { $0[1] } == Schema.frames.map(\.name))
        for (row, frame) in zip(rows, Schema.frames) {
            #expect(UInt8(row[0].dropFirst(2), radix: 16) == frame.type.rawValue)
            #expect(["C": .client, "S": .broker, "C, S": .both][row[2]] == frame.direction, "\(frame.name)")
            #expect(names(row[3]) == Schema.fields.filter(frame.required.contains).map(\.name), "\(frame.name)")
            #expect(names(row[4]) == Schema.fields.filter(frame.optional.contains).map(\.name), "\(frame.name)")
        }
        #expect(Schema.frames.map(\.type) == FrameType.allCases)
    }

    private func names(_ cell: String) -> [String] {
        cell.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
