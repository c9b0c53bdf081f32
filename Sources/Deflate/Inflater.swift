public import Bytes
import CZlib

/// Why a message cannot be decompressed.
public enum InflateError: Error, Sendable, Equatable {
    /// The octets are no deflated data, or end in its midst.
    case malformed
    /// There would be more than the octets allowed.
    case tooLong
}

/// Decompresses messages of WebSockets (RFC 7692 section 7.2.2), each for itself: no context is taken over, so one inflater serves all
/// connections of a loop. It holds about 40 KiB. Confined to one thread.
public final class Inflater {
    private let stream: UnsafeMutablePointer<z_stream>

    public init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = czlib_inflate_begin(stream)
        precondition(status == Z_OK, "zlib has memory for a window, and the version that it was compiled for")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// The plain octets of a message.
    ///
    /// - Parameter byteCountMax: plain octets at most. The result grows with what comes out; no more than 16 KiB are made beyond the bound.
    public func inflate(_ message: SharedBytes, byteCountMax: Int) throws(InflateError) -> SharedBytes {
        inflateReset(stream)
        var plain = ByteWriter(minimumCapacity: min(4 * message.count, 4096))
        var failure = message.withUnsafeBytes { take($0, &plain, byteCountMax) }
        // What the sender has cut off the end (RFC 7692 section 7.2.1).
        let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
        failure = failure ?? tail.withUnsafeBytes { take($0, &plain, byteCountMax) }
        if let failure { throw failure }
        return plain.finish()
    }

    private func take(_ octets: UnsafeRawBufferPointer, _ plain: inout ByteWriter, _ byteCountMax: Int) -> InflateError? {
        guard let first = octets.baseAddress else { return nil }
        // zlib only reads through this pointer.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: first.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(octets.count)
        let room = DeflateScratch.byteCount
        var failure: InflateError?
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { scratch in
            repeat {
                stream.pointee.next_out = scratch.baseAddress
                stream.pointee.avail_out = UInt32(room)
                let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
                let count = room - Int(stream.pointee.avail_out)
                plain.append(UnsafeRawBufferPointer(start: scratch.baseAddress, count: count).bytes)
                if plain.count > byteCountMax {
                    failure = .tooLong
                } else if status == Z_STREAM_END {
                    // A last block, behind which a sender may begin anew (RFC 7692 section 7.2.3.5).
                    inflateReset(stream)
                } else if status != Z_OK && status != Z_BUF_ERROR {
                    failure = .malformed
                } else if status == Z_BUF_ERROR && count == 0 {
                    break
                }
            } while failure == nil && (stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0)
        }
        return failure ?? (stream.pointee.avail_in > 0 ? .malformed : nil)
    }
}

enum DeflateScratch {
    /// Octets that are taken out of zlib at a time.
    static let byteCount = 16_384
}
