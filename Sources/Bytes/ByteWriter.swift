/// Writes octets once, front to back, into a chunk that ``finish()`` then shares without a copy.
///
/// Storage doubles when it is full, so writing n octets costs O(n). All numbers are big-endian (network order).
public struct ByteWriter: ~Copyable {
    @usableFromInline var chunk: ByteChunk
    // The chunk's first octet and its capacity, kept here so that an append is a comparison and a store.
    @usableFromInline var start: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    @usableFromInline var used = 0

    /// Octets written so far.
    @inlinable
    public var count: Int { used }

    /// - Parameter minimumCapacity: octets that can be written before the storage grows.
    public init(minimumCapacity: Int = 256) {
        capacity = max(minimumCapacity, 16)
        chunk = ByteChunk.allocate(byteCount: capacity)
        start = UnsafeMutableRawPointer(chunk.start)
    }

    /// Makes room for `byteCount` more octets.
    @inlinable
    public mutating func reserve(_ byteCount: Int) {
        if byteCount > capacity - used { grow(byteCount) }
    }

    @usableFromInline
    @inline(never)
    mutating func grow(_ byteCount: Int) {
        capacity = max(used + byteCount, 2 * capacity)
        let larger = ByteChunk.allocate(byteCount: capacity)
        let largerStart = UnsafeMutableRawPointer(larger.start)
        largerStart.copyMemory(from: start, byteCount: used)
        chunk = larger
        start = largerStart
    }

    /// Appends one octet.
    @inlinable
    public mutating func append(_ octet: UInt8) {
        reserve(1)
        start.storeBytes(of: octet, toByteOffset: used, as: UInt8.self)
        used += 1
    }

    /// Appends the octets of a span.
    @inlinable
    public mutating func append(_ span: RawSpan) {
        reserve(span.byteCount)
        span.withUnsafeBytes { source in
            guard let first = source.baseAddress else { return }
            (start + used).copyMemory(from: first, byteCount: source.count)
        }
        used += span.byteCount
    }

    /// Appends shared octets.
    @inlinable
    public mutating func append(_ bytes: SharedBytes) {
        reserve(bytes.count)
        bytes.withUnsafeBytes { source in
            guard let first = source.baseAddress else { return }
            (start + used).copyMemory(from: first, byteCount: source.count)
        }
        used += bytes.count
    }

    /// Appends the UTF-8 octets of a text.
    public mutating func append(utf8 text: String) {
        var text = text
        text.withUTF8 { octets in
            reserve(octets.count)
            guard let first = octets.baseAddress else { return }
            (start + used).copyMemory(from: first, byteCount: octets.count)
            used += octets.count
        }
    }

    /// Appends the `byteCount` (0 to 8) least significant octets of `value`, most significant first.
    @inlinable
    public mutating func appendBigEndian(_ value: UInt64, byteCount: Int) {
        // A shift by 64 or more gives 0, which is what 0 octets need.
        appendLeading(value << UInt64(64 - 8 * byteCount), byteCount: byteCount)
    }

    /// Appends the `byteCount` (0 to 8) most significant octets of `value`.
    @inlinable
    public mutating func appendLeading(_ value: UInt64, byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= 8, "a number has at most 8 octets")
        // One store for every width: what is behind the number is overwritten by the next append.
        reserve(8)
        start.storeBytes(of: value.bigEndian, toByteOffset: used, as: UInt64.self)
        used += byteCount
    }

    /// Writes `value` over the `byteCount` octets at `offset`, which must have been written: for lengths known only afterwards.
    public mutating func overwriteBigEndian(_ value: UInt64, byteCount: Int, at offset: Int) {
        precondition(byteCount >= 0 && offset >= 0 && offset + byteCount <= used, "overwriting what was not written")
        if byteCount == 8 { return start.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self) }
        for index in 0..<byteCount {
            let octet = UInt8(truncatingIfNeeded: value >> UInt64(8 * (byteCount - 1 - index)))
            start.storeBytes(of: octet, toByteOffset: offset + index, as: UInt8.self)
        }
    }

    /// Lends the octets written so far.
    @inlinable
    public func withBytes<Result, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: start, count: used).bytes)
    }

    /// The octets written from `start` on, while the writer goes on behind them. They must not be overwritten any more.
    func shared(from start: Int) -> SharedBytes {
        SharedBytes(chunk: chunk, offset: start, count: used - start)
    }

    /// The octets written, without a copy; the writer is used up.
    @inlinable
    public consuming func finish() -> SharedBytes {
        SharedBytes(chunk: chunk, offset: 0, count: used)
    }
}
