import Bytes
import ChatDialects
import ChatProtocol

/// What the wire costs.
enum CodecBenchmarks {
    static var all: [Benchmark] {
        [
            Benchmark(name: "codec: decode a PUBLISH", operationCount: 100, prepare: decodePublish),
            Benchmark(name: "codec: split and decode a PUBLISH, 32 in a read", operationCount: 32, prepare: splitAndDecode),
            Benchmark(name: "codec: encode a DELIVER", operationCount: 100, prepare: encodeDeliver),
            Benchmark(name: "codec: read a DELIVER in place", operationCount: 100, prepare: viewDeliver),
        ]
    }

    private static func decodePublish() -> () -> Void {
        let frame = Samples.publishFrame(1)
        return {
            frame.withBytes { octets in
                guard let header = FrameHeader(octets) else { preconditionFailure("a whole frame") }
                let payload = octets.extracting(FrameHeader.byteCount..<octets.byteCount)
                for _ in 0..<100 {
                    keep(must { () throws(PayloadError) in try FrameDecoder.command(header, payload: payload, bodyByteCountMax: 16_384) })
                }
            }
        }
    }

    /// As a connection does it: 32 frames of one read.
    private static func splitAndDecode() -> () -> Void {
        var writer = ByteWriter(minimumCapacity: 8_192)
        for number in 0..<32 { writer.append(Samples.publishFrame(number)) }
        let read = writer.finish()
        let limits = DialectLimits(payloadByteCountMax: 65_536, bodyByteCountMax: 16_384)
        var preface = ByteWriter(minimumCapacity: 16)
        Preface.client.append(to: &preface)
        var dialect = NativeDialect()
        preface.finish().withBytes { keep(dialect.next(in: $0, limits: limits)) }
        return {
            read.withBytes { octets in
                var used = 0
                while used < octets.byteCount, let next = dialect.next(in: octets.extracting(used..<octets.byteCount), limits: limits) {
                    keep(next.input)
                    used += next.byteCount
                }
                precondition(used == octets.byteCount, "whole frames")
            }
        }
    }

    private static func encodeDeliver() -> () -> Void {
        let content = Samples.content(1)
        return {
            var writer = ByteWriter(minimumCapacity: 32_768)
            for seq in 0..<100 { Samples.appendDeliver(seq: UInt64(seq), content, to: &writer) }
            keep(writer.finish())
        }
    }

    /// What the load generator does with each.
    private static func viewDeliver() -> () -> Void {
        let frame = Samples.deliverFrame(1)
        return {
            frame.withBytes { octets in
                let payload = octets.extracting(FrameHeader.byteCount..<octets.byteCount)
                for _ in 0..<100 { keep(must { () throws(PayloadError) in try DeliverView(payload) }) }
            }
        }
    }
}
