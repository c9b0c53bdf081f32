import Bytes

/// What the connections of one loop that share a room of a peer have to know of it.
final class PeerRoom {
    /// Index of the room in the run.
    let index: Int
    let publisherCount: Int
    let subscription: SharedBytes
    private let name: SharedBytes
    private let head: SharedBytes
    private let tail: SharedBytes
    private let bodyByteCount: Int

    init(index: Int, wire: any PeerWire.Type, plan: LoadPlan) {
        self.index = index
        publisherCount = plan.publishersPerLog
        bodyByteCount = plan.configuration.bodyByteCount
        let name = wire.room(index, run: plan.identity)
        self.name = SharedBytes(name)
        subscription = SharedBytes(wire.subscription(to: name))
        let publication = wire.publication(to: name, bodyByteCount: bodyByteCount)
        head = SharedBytes(publication.head + [UInt8](repeating: 0, count: BodyStamp.byteCount))
        tail = SharedBytes(publication.tail)
    }

    /// Octets of a publish.
    var publicationByteCount: Int { head.count + bodyByteCount + tail.count }

    /// Whether the octets are the name of this room.
    @inline(__always)
    func isName(_ octets: RawSpan) -> Bool { name.withBytes { equalWords($0, octets) } }

    /// Appends what publishes the message of a stamp.
    func append(_ stamp: BodyStamp, filler: BodyFiller, to writer: inout ByteWriter) {
        writer.append(head)
        stamp.write(to: &writer, at: writer.count - BodyStamp.byteCount, bodyByteCount: bodyByteCount)
        writer.append(filler.octets(counter: stamp.counter, bodyByteCount: bodyByteCount).span.bytes)
        writer.append(tail)
    }
}
