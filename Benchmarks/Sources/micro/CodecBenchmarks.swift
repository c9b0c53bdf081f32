import Bytes
import ChatDialects
import ChatProtocol

/// What the wire costs.
enum CodecBenchmarks {
    static func all() -> [Benchmark] { [decodePublish(), splitAndDecode(), encodeDeliver(), viewDeliver()] }

    private static func decodePublish() -> Benchmark {
        let frame = Samples.publishFrame(1)
        return Benchmark(name: "codec: decode a PUBLISH", operationCount: 100) {
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
    private static func splitAndDecode() -> Benchmark {
        var writer = ByteWriter(minimumCapacity: 8_192)
        for number in 0..<32 { writer.append(Samples.publishFrame(number)) }
        let read = writer.finish()
        let limits = DialectLimits(payloadByteCountMax: 65_536, bodyByteCountMax: 16_384)
        var preface = ByteWriter(minimumCapacity: 16)
        Preface.client.append(to: &preface)
        var dialect = NativeDialect()
        preface.finish().withBytes { keep(dialect.next(in: $0, limits: limits)) }
        return Benchmark(name: "codec: split and decode a PUBLISH, 32 in a read", operationCount: 32) {
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

    private static func encodeDeliver() -> Benchmark {
        let content = Samples.content(1)
        return Benchmark(name: "codec: encode a DELIVER", operationCount: 100) {
            var writer = ByteWriter(minimumCapacity: 32_768)
            for seq in 0..<100 { Samples.appendDeliver(seq: UInt64(seq), content, to: &writer) }
            keep(writer.finish())
        }
    }

    /// What the load generator does with each.
    private static func viewDeliver() -> Benchmark {
        let frame = Samples.deliverFrame(1)
        return Benchmark(name: "codec: read a DELIVER in place", operationCount: 100) {
            frame.withBytes { octets in
                let payload = octets.extracting(FrameHeader.byteCount..<octets.byteCount)
                for _ in 0..<100 { keep(must { () throws(PayloadError) in try DeliverView(payload) }) }
            }
        }
    }
}
