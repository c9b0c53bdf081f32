/// Hands out small runs of octets, written one after another into chunks of a few KiB: many replies cost one allocation, and those that
/// follow each other in one queue become one slice there (``OutboundQueue``).
///
/// A chunk lives as long as the last run in it, so this is for what soon leaves. Confined to one thread; what it hands out is not.
public struct ByteArena: ~Copyable {
    private static let chunkByteCount = 4096
    /// A chunk with less room is not begun again, so that few runs have to be moved to a larger one while they are written.
    private static let roomMin = 256

    private var writer = ByteWriter(minimumCapacity: chunkByteCount)

    public init() {}

    /// The octets that `body` appends. It must not touch those before.
    public mutating func write(_ body: (inout ByteWriter) -> Void) -> SharedBytes {
        if writer.capacity - writer.count < Self.roomMin { writer = ByteWriter(minimumCapacity: Self.chunkByteCount) }
        let start = writer.count
        body(&writer)
        return writer.shared(from: start)
    }
}
