import Bytes
import ChatProtocol
import Testing

/// Every limit of every field in every frame, at its greatest value and one above.
struct LimitTests {
    private struct Case {
        var value: [UInt8]
        var code: ResultCode?
    }

    @Test(arguments: FrameType.allCases)
    func everyFieldIsHeldToItsLimits(_ type: FrameType) throws {
        for (frame, sender) in FrameSchema.senders where frame.type == type {
            for field in Schema.fields where frame.required.contains(field) || frame.optional.contains(field) {
                // Kinds and policies of clients are sets, not ranges, and users are names: they have tests of their own.
                if field.tag == Field.users.tag { continue }
                if sender == .client, field.tag == Field.kind.tag || field.tag == Field.policy.tag { continue }
                for sample in cases(field, in: type) {
                    // No acknowledgement at all is only for requests without an id.
                    if sender == .client, field.tag == Field.acknowledgement.tag, sample.value.isEmpty { continue }
                    var payload = SchemaPayload.required(frame)
                    if type == .join, field.tag == Field.seq.tag { payload.set(.epoch, [1]) }
                    if type == .join, field.tag == Field.epoch.tag { payload.set(.seq, [1]) }
                    if sender == .client, field.tag == Field.reference.tag { payload.set(.kind, [1]) }
                    payload.set(field, sample.value)
                    let error = Frame(type: type.rawValue, payload: payload.octets).error(from: sender)
                    let isBody = field.tag == Field.body.tag && sender == .client
                    let code = isBody && sample.code == .badValue ? .bodyTooLarge : sample.code
                    #expect(error?.code == code, "\(frame.name) \(field.name) \(sample.value.count) octets")
                    if code != nil { #expect(error?.field == UInt64(field.tag)) }
                }
            }
        }
    }

    private func cases(_ field: Field, in type: FrameType) -> [Case] {
        let maximum = Int(field.maximum)
        func run(_ octet: UInt8, _ count: Int) -> [UInt8] { [UInt8](repeating: octet, count: count) }
        switch field.type {
        case .number, .enumeration:
            return [
                Case(value: SchemaPayload.number(field.maximum)), Case(value: SchemaPayload.number(field.maximum + 1), code: .badValue),
                Case(value: []), Case(value: [0], code: .malformed), Case(value: [0, 1], code: .malformed),
                Case(value: run(0xFF, 7), code: .badValue), Case(value: run(0xFF, 8), code: .malformed),
                Case(value: run(0, 8), code: .malformed),
            ]
        case .flag: return [Case(value: []), Case(value: [0], code: .malformed), Case(value: [1], code: .malformed)]
        case .text:
            return [
                Case(value: []), Case(value: run(0x61, maximum)), Case(value: run(0x61, maximum + 1), code: .badValue),
                Case(value: run(0xFF, maximum + 1), code: .badValue), Case(value: [0x1B], code: .badText),
                Case(value: run(0x61, maximum - 1) + [0x80], code: .badText),
            ]
        case .name:
            return [
                Case(value: run(0x61, 32)), Case(value: run(0x61, 33), code: .badName), Case(value: [], code: .badName),
                Case(value: [0x41], code: .badName),
            ]
        case .address:
            return [
                Case(value: run(0x61, 64)), Case(value: run(0x61, 65), code: .badName), Case(value: [], code: .badName),
                Case(value: run(0x61, 81), code: .badName),
            ]
        case .bytes:
            let below = field.minimum > 0 ? [Case(value: run(7, Int(field.minimum) - 1), code: .badValue)] : [Case(value: [])]
            return below + [Case(value: run(7, maximum)), Case(value: run(7, maximum + 1), code: .badValue)]
        case .texts:
            let item = SchemaPayload.length(64) + run(0x61, 64)
            return [
                Case(value: []), Case(value: Array(repeatElement(item, count: maximum).joined())), Case(value: run(0, maximum)),
                Case(value: run(0, maximum + 1), code: .badValue),
                Case(value: SchemaPayload.length(65) + run(0x61, 65), code: .badValue), Case(value: [2, 0x61], code: .malformed),
                Case(value: [0x40, 1, 0x61], code: .malformed), Case(value: [1, 0x7F], code: .badText),
            ]
        case .groups:
            func members(_ count: Int) -> [UInt8] { (0..<count).flatMap { [14] + SchemaPayload.group($0, in: type) } }
            return [
                Case(value: []), Case(value: members(maximum)), Case(value: members(maximum + 1), code: .badValue),
                Case(value: [15] + SchemaPayload.group(1, in: type), code: .malformed),
            ]
        case .frames:
            let frame = SchemaPayload.deliver(1)
            let another = [0, 0, 0, FrameType.ping.rawValue, 0, 0, 0, 0]
            return [
                Case(value: []), Case(value: frame + frame), Case(value: frame.dropLast(), code: .malformed),
                Case(value: Array(frame.prefix(7)), code: .malformed), Case(value: frame + another, code: .malformed),
                Case(value: run(0, maximum + 1), code: .badValue),
            ]
        }
    }

    @Test func bodiesAreHeldToTheLimitOfTheBroker() {
        for limit in [0, 1, 100, 16_384] {
            for (count, code) in [(limit, nil), (limit + 1, ResultCode.bodyTooLarge)] as [(Int, ResultCode?)] {
                var payload = SchemaPayload()
                payload.set(.room, Array("lobby".utf8))
                payload.set(.body, [UInt8](repeating: 0x61, count: count))
                let frame = Frame(type: FrameType.publish.rawValue, payload: payload.octets)
                #expect(frame.error(from: .client, bodyByteCountMax: limit)?.code == code)
            }
        }
    }

    @Test func kindsOfClientsSayOrChange() {
        for kind in UInt64(0)...300 {
            var payload = SchemaPayload()
            payload.set(.room, Array("lobby".utf8))
            payload.set(.kind, SchemaPayload.number(kind))
            payload.set(.body, [])
            let error = Frame(type: FrameType.publish.rawValue, payload: payload.octets).error(from: .client)
            switch kind {
            case 0, 7: #expect(error == nil)
            case 1...6:
                #expect(error?.code == .missingField)
                #expect(error?.field == 7)
            default: #expect(error?.code == .badValue)
            }
        }
    }

    private func error(of kind: UInt8, reference: [UInt8]? = [9], body: [UInt8]?) -> PayloadError? {
        var payload = SchemaPayload()
        payload.set(.room, Array("lobby".utf8))
        payload.set(.kind, SchemaPayload.number(UInt64(kind)))
        if let reference { payload.set(.reference, reference) }
        if let body { payload.set(.body, body) }
        return Frame(type: FrameType.publish.rawValue, payload: payload.octets).error(from: .client)
    }

    @Test func changesHaveABodyOrNone() {
        func octets(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x61, count: count) }
        #expect(error(of: 1, body: []) == nil)
        #expect(error(of: 1, body: octets(16_384)) == nil)
        #expect(error(of: 1, body: octets(16_385))?.code == .bodyTooLarge)
        for kind in [UInt8(3), 4] {
            #expect(error(of: kind, body: octets(1)) == nil)
            #expect(error(of: kind, body: octets(32)) == nil)
            #expect(error(of: kind, body: [0x1B])?.code == .badText)
            for count in [0, 33] {
                #expect(error(of: kind, body: octets(count))?.code == .badValue)
                #expect(error(of: kind, body: octets(count))?.field == 16)
            }
        }
        for kind in [UInt8(1), 3, 4] {
            #expect(error(of: kind, body: nil)?.code == .missingField)
            #expect(error(of: kind, body: nil)?.field == 16)
        }
        for kind in [UInt8(2), 5, 6] {
            #expect(error(of: kind, body: nil) == nil)
            #expect(error(of: kind, body: [])?.code == .badValue)
            #expect(error(of: kind, body: octets(1))?.field == 16)
        }
    }

    @Test func usersAreNamesAndNotTooMany() {
        func error(_ items: [[UInt8]]) -> PayloadError? {
            var payload = SchemaPayload()
            payload.set(.users, items.flatMap { SchemaPayload.length($0.count) + $0 })
            return Frame(type: FrameType.presence.rawValue, payload: payload.octets).error(from: .client)
        }
        let name: [UInt8] = Array("bob".utf8)
        for count in [0, 1, 256] { #expect(error(Array(repeating: name, count: count)) == nil) }
        #expect(error(Array(repeating: name, count: 257))?.code == .badValue)
        #expect(error([[UInt8](repeating: 0x61, count: 32)]) == nil)
        for item in [[], [0x41], [UInt8](repeating: 0x61, count: 33), Array("a b".utf8), Array("@a+b".utf8)] as [[UInt8]] {
            #expect(error([name, item])?.code == .badName)
            #expect(error([name, item])?.field == 0x41)
        }
        #expect(error([[0x1B]])?.code == .badText)
        #expect(error([[UInt8](repeating: 0x61, count: 65)])?.code == .badValue)
    }

    @Test func onlyChangesReferToAnEvent() {
        for kind in [UInt8(0), 7] {
            #expect(error(of: kind, reference: nil, body: [0x61]) == nil)
            #expect(error(of: kind, body: [0x61])?.code == .badValue)
            #expect(error(of: kind, body: [0x61])?.field == 7)
        }
    }

    @Test func policiesOfClientsAreBits() {
        for policy in UInt64(0)...300 {
            var payload = SchemaPayload()
            payload.set(.room, Array("room".utf8))
            payload.set(.policy, SchemaPayload.number(policy))
            #expect(
                Frame(type: FrameType.create.rawValue, payload: payload.octets).error(from: .client)?.code
                    == (policy < 64 ? nil : .badValue))
        }
    }

    @Test func theFirstFaultyValueInTagOrderIsReported() {
        var payload = SchemaPayload()
        payload.set(.room, [0x41])
        payload.set(.messageID, [1])
        payload.set(.mediaType, [0xFF])
        payload.set(.body, [0x00])
        payload.set(.acknowledgement, [4])
        for (field, code) in [
            (Field.room, ResultCode.badName), (.messageID, .badValue), (.mediaType, .badText), (.body, .badText),
            (.acknowledgement, .badValue),
        ] {
            let error = Frame(type: FrameType.publish.rawValue, payload: payload.octets).error(from: .client)
            #expect(error?.code == code)
            #expect(error?.field == UInt64(field.tag))
            payload.set(field, SchemaPayload.sample(field, in: .publish))
            if field.tag == Field.messageID.tag { payload.set(field, [UInt8](repeating: 1, count: 8)) }
        }
        #expect(Frame(type: FrameType.publish.rawValue, payload: payload.octets).error(from: .client) == nil)
    }

    @Test func theLargestEventFitsADeliver() {
        let conversation = "@" + String(repeating: "a", count: 32) + "+" + String(repeating: "b", count: 32)
        guard let room = try? RoomAddress(conversation), let from = try? AccountName(String(repeating: "a", count: 32)) else {
            return #expect(Bool(false))
        }
        let largest = ProtocolLimits.integerMax
        let content = EventContent(
            kind: .edit, messageID: MessageID(.max), reference: largest, thread: largest, reply: largest,
            mediaType: String(repeating: "m", count: 64), meta: SharedBytes([UInt8](repeating: 1, count: 1024)),
            body: String(repeating: "b", count: 16_384))
        var writer = ByteWriter()
        FrameEncoder.appendDeliver(room: room, seq: largest, timestamp: largest, from: from, content: content, to: &writer)
        #expect(writer.count <= ProtocolLimits.payloadByteCountMax)
    }
}
