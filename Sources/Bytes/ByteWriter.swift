/// Writes octets once, front to back, into a chunk that ``finish()`` then shares without a copy.
///
/// Storage doubles when it is full, so writing n octets costs O(n). All numbers are big-endian (network order).
public struct ByteWriter: ~Copyable {
    @usableFromInline var chunk: ByteChunk
    /// Octets written so far.
    public private(set) var count: Int

    /// - Parameter minimumCapacity: octets that can be written before the storage grows.
    public init(minimumCapacity: Int = 256) {
        chunk = ByteChunk.allocate(byteCount: max(minimumCapacity, 16))
        count = 0
    }

    /// Makes room for `byteCount` more octets.
    public mutating func reserve(_ byteCount: Int) {
        let needed = count + byteCount
        guard needed > chunk.header else { return }
        let larger = ByteChunk.allocate(byteCount: max(needed, 2 * chunk.header))
        larger.start.update(from: chunk.start, count: count)
        chunk = larger
    }

    public mutating func append(_ octet: UInt8) {
        reserve(1)
        chunk.start[count] = octet
        count += 1
    }

    public mutating func append(_ span: RawSpan) {
        reserve(span.byteCount)
        span.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            UnsafeMutableRawPointer(chunk.start + count).copyMemory(from: start, byteCount: source.count)
        }
        count += span.byteCount
    }

    public mutating func append(_ bytes: SharedBytes) {
        reserve(bytes.count)
        bytes.withUnsafeBytes { source in
            UnsafeMutableRawPointer(chunk.start + count).copyMemory(from: source.baseAddress!, byteCount: source.count)
        }
        count += bytes.count
    }

    /// Appends the `byteCount` least significant octets of `value`, most significant first.
    public mutating func appendBigEndian(_ value: UInt64, byteCount: Int) {
        reserve(8)
        let shifted = byteCount == 0 ? 0 : value << UInt64(64 - 8 * byteCount)
        UnsafeMutableRawPointer(chunk.start + count).storeBytes(of: shifted.bigEndian, as: UInt64.self)
        count += byteCount
    }

    /// Writes `value` over the `byteCount` octets at `offset`, which must have been written: for lengths known only afterwards.
    public mutating func overwriteBigEndian(_ value: UInt64, byteCount: Int, at offset: Int) {
        precondition(offset >= 0 && offset + byteCount <= count, "overwriting what was not written")
        for index in 0..<byteCount {
            chunk.start[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (byteCount - 1 - index)))
        }
    }

    /// Lends the octets written so far.
    public func withBytes<Result, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: UnsafeRawPointer(chunk.start), count: count).bytes)
    }

    /// The octets written, without a copy; the writer is used up.
    public consuming func finish() -> SharedBytes {
        SharedBytes(chunk: chunk, offset: 0, count: count)
    }
}
