/// Octets that are written once and then shared by counted reference: the storage behind ``SharedBytes`` and ``ByteWriter``.
///
/// The header is the capacity in octets. A chunk is filled by exactly one ``ByteWriter``, and what a ``SharedBytes`` covers of it never changes.
@usableFromInline
final class ByteChunk: ManagedBuffer<Int, UInt8> {
    @usableFromInline
    static func allocate(byteCount: Int) -> ByteChunk {
        unsafeDowncast(ByteChunk.create(minimumCapacity: byteCount) { _ in byteCount }, to: ByteChunk.self)
    }

    @inlinable
    var start: UnsafeMutablePointer<UInt8> { withUnsafeMutablePointerToElements { $0 } }
}

/// An immutable run of octets in a shared, counted chunk.
///
/// Copying a value or taking a slice copies no octets, it retains the chunk; the chunk is freed with its last slice. One encoded
/// event is held this way by every recipient's queue, by the room's ring and by replies, on any loop. At most 2^32−1 octets.
public struct SharedBytes: @unchecked Sendable {
    // Unchecked, because `ManagedBuffer` is not Sendable: the octets covered by a slice never change, and the count of references is atomic.
    @usableFromInline let chunk: ByteChunk
    @usableFromInline let offset: UInt32
    @usableFromInline let length: UInt32

    @inlinable
    init(chunk: ByteChunk, offset: Int, count: Int) {
        self.chunk = chunk
        self.offset = UInt32(offset)
        self.length = UInt32(count)
    }

    /// No octets.
    public static let empty = SharedBytes(chunk: ByteChunk.allocate(byteCount: 0), offset: 0, count: 0)

    /// A copy of the octets of a span.
    public init(copying span: RawSpan) {
        var writer = ByteWriter(minimumCapacity: span.byteCount)
        writer.append(span)
        self = writer.finish()
    }

    /// A copy of an array's octets.
    public init(_ octets: [UInt8]) {
        self.init(copying: octets.span.bytes)
    }

    /// The UTF-8 octets of a string.
    public init(utf8 text: String) {
        self.init(Array(text.utf8))
    }

    /// Number of octets.
    @inlinable
    public var count: Int { Int(length) }

    /// Whether there are no octets.
    @inlinable
    public var isEmpty: Bool { length == 0 }

    /// Lends the octets for the length of the call.
    @inlinable
    public func withBytes<Result, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: UnsafeRawPointer(chunk.start) + Int(offset), count: Int(length)).bytes)
    }

    /// Lends the octets as a pointer, for the adapters that hand them to C; the chunk stays alive for the length of the call only.
    @inlinable
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: UnsafeRawPointer(chunk.start) + Int(offset), count: Int(length)))
    }

    /// The slice of the same chunk at `range`, counted from the start of this slice.
    @inlinable
    public subscript(range: Range<Int>) -> SharedBytes {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice outside the octets")
        return SharedBytes(chunk: chunk, offset: Int(offset) + range.lowerBound, count: range.count)
    }

    /// This slice and `next` as one, if `next` begins in the same chunk where this one ends; else nil.
    @inlinable
    func joined(with next: SharedBytes) -> SharedBytes? {
        guard chunk === next.chunk, UInt64(offset) + UInt64(length) == UInt64(next.offset) else { return nil }
        return SharedBytes(chunk: chunk, offset: Int(offset), count: count + next.count)
    }

    /// The octets as an array: a copy.
    public var array: [UInt8] {
        withUnsafeBytes { Array($0) }
    }
}

extension SharedBytes: Hashable {
    /// Whether both hold the same octets.
    public static func == (left: SharedBytes, right: SharedBytes) -> Bool {
        left.withUnsafeBytes { leftOctets in right.withUnsafeBytes { leftOctets.elementsEqual($0) } }
    }

    public func hash(into hasher: inout Hasher) {
        withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}
