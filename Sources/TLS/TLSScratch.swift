/// Buffers that the TLS engines of one loop borrow while there is something in them, so that an idle connection holds none.
///
/// Confined to its loop. A buffer holds one sealed record of the greatest size, or the plaintext of one.
public final class TLSScratch {
    /// Octets of a buffer: a record of 16 KiB (RFC 8446, section 5.1), its header and expansion (section 5.2), and an alert behind it.
    static let bufferByteCount = 17 * 1024

    /// Octets of plaintext in one record at most (RFC 8446, section 5.1).
    public static let recordByteCountMax = 16 * 1024

    /// Buffers kept although nobody borrows them: one for what is sealed, one for what is opened, one for a callback inside a callback.
    private static let keptCountMax = 3

    private var kept: [UnsafeMutableRawPointer] = []
    /// Buffers that somebody borrows now.
    private(set) var borrowedCount = 0

    public init() {}

    deinit {
        for buffer in kept { buffer.deallocate() }
    }

    func borrow() -> UnsafeMutableRawPointer {
        borrowedCount += 1
        return kept.popLast() ?? .allocate(byteCount: TLSScratch.bufferByteCount, alignment: 16)
    }

    func giveBack(_ buffer: UnsafeMutableRawPointer) {
        borrowedCount -= 1
        if kept.count < TLSScratch.keptCountMax {
            kept.append(buffer)
        } else {
            buffer.deallocate()
        }
    }
}
