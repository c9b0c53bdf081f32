public import Bytes
import CZlib

/// Compresses messages of WebSockets (RFC 7692 section 7.2.1), each for itself: the octets serve every connection that keeps to the window.
/// It holds about 70 KiB at a window of 12 bits. Confined to one thread.
public final class Deflater {
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameters:
    ///   - windowBits: 9 to 15: the greatest window that all who read can keep.
    ///   - level: 1, quick, to 9, small.
    public init(windowBits: Int = 12, level: Int = 3) {
        precondition((9...15).contains(windowBits) && (1...9).contains(level), "a window and a level of zlib")
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = czlib_deflate_begin(stream, Int32(level), Int32(windowBits), 5)
        precondition(status == Z_OK, "zlib has memory for a window, and the version that it was compiled for")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The compressed octets of a message.
    public func deflate(_ message: SharedBytes) -> SharedBytes {
        // An empty message is one octet (RFC 7692 section 7.2.3.6).
        guard !message.isEmpty else { return SharedBytes([0x00]) }
        deflateReset(stream)
        var compressed = ByteWriter(minimumCapacity: message.count / 2 + 16)
        message.withUnsafeBytes { octets in
            // zlib only reads through this pointer.
            stream.pointee.next_in = octets.baseAddress.map { UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: UInt8.self)) }
            stream.pointee.avail_in = UInt32(octets.count)
            let room = DeflateScratch.byteCount
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { scratch in
                repeat {
                    stream.pointee.next_out = scratch.baseAddress
                    stream.pointee.avail_out = UInt32(room)
                    let status = CZlib.deflate(stream, Z_SYNC_FLUSH)
                    precondition(status == Z_OK || status == Z_BUF_ERROR, "deflating what is in memory cannot fail")
                    compressed.append(UnsafeRawBufferPointer(start: scratch.baseAddress, count: room - Int(stream.pointee.avail_out)).bytes)
                } while stream.pointee.avail_out == 0
            }
        }
        let octets = compressed.finish()
        // A flush ends in 00 00 FF FF, which is not sent.
        return octets[0..<(octets.count - 4)]
    }
}
