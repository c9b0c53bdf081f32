/// What a payload or a group is held against: the sets of one frame type, and the criticality of all tags.
struct FieldRules: Sendable {
    // For the pass over a regular payload: tags 0 to 63, and 64 to 127.
    let expected: (low: UInt64, high: UInt64)
    let required: (low: UInt64, high: UInt64)
    let critical: (low: UInt64, high: UInt64)
    let requiredCount: UInt64
    // For the judgement of an irregular one.
    let allExpected: UInt128
    let allRequired: UInt128
    let allCritical: UInt128
    let assigned: UInt128

    init(required: FieldSet, optional: FieldSet) {
        allRequired = required.bits
        allExpected = required.bits | optional.bits
        allCritical = Schema.critical.bits
        assigned = Schema.assigned.bits
        precondition(allExpected & ~assigned == 0, "a frame with a field that is not in the table of fields")
        expected = Self.halves(allExpected)
        self.required = Self.halves(allRequired)
        critical = Self.halves(allCritical)
        requiredCount = UInt64(allRequired.nonzeroBitCount)
    }

    init(_ type: FrameType) {
        guard let frame = Schema.frame(type.rawValue) else { preconditionFailure("every frame type has its row") }
        self.init(required: frame.required, optional: frame.optional)
    }

    private static func halves(_ bits: UInt128) -> (low: UInt64, high: UInt64) {
        (UInt64(truncatingIfNeeded: bits), UInt64(truncatingIfNeeded: bits >> 64))
    }

    static let publish = FieldRules(.publish)
    static let directMessage = FieldRules(.directMessage)
    static let deliver = FieldRules(.deliver)
    static let event = FieldRules(required: [], optional: Schema.eventFields)
    static let roomRecord = FieldRules(required: [.room, .head, .members, .policy], optional: [.title, .topic])
    static let deviceRecord = FieldRules(required: [.timestamp, .until, .agent, .session, .state], optional: [])
    static let memberRecord = FieldRules(required: [.user, .role, .state], optional: [])
}
