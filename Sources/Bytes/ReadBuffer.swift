/// What has been received of a stream and not yet used: the incomplete frame between two reads.
///
/// It grows with the octets received, never with a length announced, and holds no storage while it is empty.
public struct ReadBuffer {
    private var storage: [UInt8] = []
    private var used = 0

    public init() {}

    /// Octets held.
    public var count: Int { storage.count - used }

    public var isEmpty: Bool { count == 0 }

    /// Copies the octets of a span behind those held.
    public mutating func append(_ span: RawSpan) {
        if used > 0 {
            storage.removeFirst(used)
            used = 0
        }
        span.withUnsafeBytes { storage.append(contentsOf: $0) }
    }

    /// Lends the octets held.
    public func withBytes<Result, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(storage.span.bytes.extracting(used..<storage.count))
    }

    /// Forgets the first `byteCount` octets held.
    public mutating func consume(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count, "consuming what was not received")
        used += byteCount
        if used == storage.count { clear() }
    }

    /// Forgets everything and gives the storage back.
    public mutating func clear() {
        storage = []
        used = 0
    }
}
