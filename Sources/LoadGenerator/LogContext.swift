import Bytes
import ChatProtocol

/// What the connections of one loop that share a log have to know of it.
final class LogContext {
    /// Index of the room or pair in the run.
    let index: Int
    let address: RoomAddress
    private let addressOctets: SharedBytes
    private let publisherNames: [SharedBytes]

    init(index: Int, plan: LoadPlan) {
        self.index = index
        address = plan.logAddress(index)
        var writer = ByteWriter(minimumCapacity: 80)
        address.append(to: &writer)
        addressOctets = writer.finish()
        publisherNames = (0..<plan.publishersPerLog).map { publisher in
            var writer = ByteWriter(minimumCapacity: 32)
            plan.identity.account(plan.account(log: index, member: publisher)).append(to: &writer)
            return writer.finish()
        }
    }

    var publisherCount: Int { publisherNames.count }

    /// Whether the octets are the address of this log.
    @inline(__always)
    func isAddress(_ octets: RawSpan) -> Bool { addressOctets.withBytes { equalWords($0, octets) } }

    /// Whether the octets are the name of a publisher of this log.
    @inline(__always)
    func isPublisher(_ publisher: Int, _ octets: RawSpan) -> Bool { publisherNames[publisher].withBytes { equalWords($0, octets) } }
}

/// Whether two spans hold the same octets, compared eight at a time.
@inline(__always)
func equalWords(_ left: RawSpan, _ right: RawSpan) -> Bool {
    guard left.byteCount == right.byteCount else { return false }
    var difference: UInt64 = 0
    var offset = 0
    while offset + 8 <= left.byteCount {
        difference |= left.bigEndian(at: offset, byteCount: 8) ^ right.bigEndian(at: offset, byteCount: 8)
        offset += 8
    }
    let rest = left.byteCount - offset
    return difference | (left.bigEndian(at: offset, byteCount: rest) ^ right.bigEndian(at: offset, byteCount: rest)) == 0
}
