import Bytes
import ChatProtocol
import Testing

/// Which fields a frame must, may and must not have, from the table alone.
struct PresenceTests {
    @Test(arguments: FrameType.allCases)
    func eachRequiredFieldIsMissed(_ type: FrameType) throws {
        for (frame, sender) in FrameSchema.senders where frame.type == type {
            let complete = SchemaPayload.required(frame)
            #expect(Frame(type: type.rawValue, payload: complete.octets).error(from: sender) == nil)
            for field in Schema.fields where frame.required.contains(field) {
                var payload = complete
                payload.fields[UInt64(field.tag)] = nil
                let error = Frame(type: type.rawValue, payload: payload.octets).error(from: sender)
                #expect(error?.code == .missingField)
                #expect(error?.field == UInt64(field.tag))
            }
        }
    }

    @Test(arguments: FrameType.allCases)
    func eachOptionalFieldIsAccepted(_ type: FrameType) throws {
        for (frame, sender) in FrameSchema.senders where frame.type == type {
            var all = SchemaPayload.required(frame)
            for field in Schema.fields where frame.optional.contains(field) {
                all.set(field, SchemaPayload.sample(field, in: type))
                var payload = SchemaPayload.required(frame)
                payload.set(field, SchemaPayload.sample(field, in: type))
                // A cursor of one half, and what each kind needs, have tests of their own.
                if field.tag == Field.kind.tag, sender == .client { payload.set(field, [7]) }
                if field.tag == Field.reference.tag, sender == .client { payload.set(.kind, [1]) }
                if type == .join, field.tag == Field.seq.tag { payload.set(.epoch, [1]) }
                if type == .join, field.tag == Field.epoch.tag { payload.set(.seq, [1]) }
                #expect(Frame(type: type.rawValue, payload: payload.octets).error(from: sender) == nil, "\(frame.name) \(field.name)")
            }
            if frame.optional.contains(.kind), sender == .client { all.set(.kind, [1]) }
            #expect(Frame(type: type.rawValue, payload: all.octets).error(from: sender) == nil)
        }
    }

    @Test(arguments: FrameType.allCases)
    func foreignFieldsAreRefusedIfCriticalAndSkippedIfNot(_ type: FrameType) throws {
        for (frame, sender) in FrameSchema.senders where frame.type == type {
            let complete = SchemaPayload.required(frame)
            let value = try Frame(type: type.rawValue, payload: complete.octets).value(from: sender)
            for tag in UInt64(1)...126 {
                let field = Schema.fields.first { UInt64($0.tag) == tag }
                if let field, frame.required.contains(field) || frame.optional.contains(field) { continue }
                for isCritical in [false, true] where field == nil || field?.isCritical == isCritical {
                    var payload = complete
                    // The value is one that no field accepts: it is not looked at.
                    payload.fields[tag] = [UInt8(tag) | (isCritical ? 0x80 : 0), 9] + [0, 0x1B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
                    let decoded = Frame(type: type.rawValue, payload: payload.octets)
                    if isCritical {
                        #expect(decoded.error(from: sender)?.code == .unsupportedField)
                        #expect(decoded.error(from: sender)?.field == tag)
                    } else {
                        #expect(try decoded.value(from: sender) == value)
                    }
                }
            }
            for escaped in [0, 16, 64, 1 << 30 - 1] {
                let tag = UInt64(127 + escaped)
                var payload = complete
                payload.fields[tag] = [0x7F] + SchemaPayload.length(escaped) + [1, 0xFF]
                #expect(try Frame(type: type.rawValue, payload: payload.octets).value(from: sender) == value)
                payload.fields[tag]?[0] = 0xFF
                let error = Frame(type: type.rawValue, payload: payload.octets).error(from: sender)
                #expect(error?.code == .unsupportedField)
                #expect(error?.field == tag)
            }
        }
    }

    @Test(arguments: FrameType.allCases)
    func aKnownTagWithTheOtherCriticalityIsMalformed(_ type: FrameType) throws {
        for (frame, sender) in FrameSchema.senders where frame.type == type {
            for field in Schema.fields {
                var payload = SchemaPayload.required(frame)
                payload.set(field, SchemaPayload.sample(field, in: type))
                payload.fields[UInt64(field.tag)]?[0] ^= 0x80
                let error = Frame(type: type.rawValue, payload: payload.octets).error(from: sender)
                #expect(error?.code == .malformed)
                #expect(error?.field == UInt64(field.tag))
            }
        }
    }

    @Test(arguments: FrameType.allCases)
    func fieldsTwiceOrOutOfOrderAreMalformed(_ type: FrameType) throws {
        for (frame, sender) in FrameSchema.senders where frame.type == type {
            let payload = SchemaPayload.required(frame)
            let fields = payload.fields.sorted { $0.key < $1.key }.map(\.value)
            for index in fields.indices {
                var twice = fields
                twice.insert(fields[index], at: index)
                #expect(Frame(type: type.rawValue, payload: Array(twice.joined())).error(from: sender)?.code == .malformed)
                guard index > 0 else { continue }
                var swapped = fields
                swapped.swapAt(index - 1, index)
                #expect(Frame(type: type.rawValue, payload: Array(swapped.joined())).error(from: sender)?.code == .malformed)
            }
            let whole = payload.octets
            for end in 0..<whole.count {
                let error = Frame(type: type.rawValue, payload: Array(whole[..<end])).error(from: sender)
                // Cut between two fields, what follows is missing; cut elsewhere, the payload is malformed.
                #expect(error?.code == .malformed || error?.code == .missingField)
            }
        }
    }

    @Test func framesOfTheOtherSideAreOutOfState() {
        for frame in Schema.frames where frame.direction != .both {
            let other: Frame.Sender = frame.direction == .client ? .broker : .client
            #expect(Frame(type: frame.type.rawValue, payload: [0xFF]).error(from: other)?.code == .badState)
        }
    }

    @Test func typesThatAreNotImplementedAreUnknown() {
        for type in UInt8.min...UInt8.max where FrameType(rawValue: type) == nil {
            #expect(Frame(type: type, payload: [0xFF]).error(from: .client)?.code == .unknownType)
            #expect(Frame(type: type, payload: [0xFF]).error(from: .broker)?.code == .unknownType)
        }
    }

    @Test func requestsThatNeedAnAnswerNeedAnID() {
        for type in [FrameType.hello, .authenticate, .authenticateStep, .ping] {
            #expect(Frame(type: type.rawValue, requestID: 0, payload: [0xFF]).error(from: .client)?.code == .badValue)
        }
        #expect(Frame(type: FrameType.ping.rawValue, requestID: 0, payload: []).error(from: .broker)?.code == .badValue)
        #expect(Frame(type: FrameType.pong.rawValue, requestID: 0, payload: []).error(from: .client) == nil)
        #expect(Frame(type: FrameType.list.rawValue, requestID: 0, payload: []).error(from: .client) == nil)
    }
}
