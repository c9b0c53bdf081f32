import Bytes
import ChatProtocol

/// Reads what a native client sends: the preface, then frames (docs/PROTOCOL.md, *Transport* and *Frames*).
///
/// It holds no octets: the caller keeps what is incomplete and offers it again with more behind it.
public struct NativeDialect: Sendable {
    private var isOpened: Bool

    /// - Parameter isOpened: whether there is no preface, because the frames come within the messages of a WebSocket.
    public init(isOpened: Bool = false) { self.isOpened = isOpened }

    /// Takes one input from the front of `octets`.
    ///
    /// - Returns: the input and the number of octets it took; nil if more octets are needed. After `.fatal` and `.foreign` there is no further input.
    public mutating func next(in octets: RawSpan, limits: DialectLimits) -> (input: DialectInput, byteCount: Int)? {
        guard isOpened else { return open(octets) }
        guard let header = FrameHeader(octets) else { return nil }
        do throws(FrameError) {
            try header.validate(payloadByteCountMax: limits.payloadByteCountMax)
        } catch {
            return (.fatal(error.code, reason: error.reason), FrameHeader.byteCount)
        }
        let frameByteCount = FrameHeader.byteCount + header.payloadByteCount
        guard octets.byteCount >= frameByteCount else { return nil }
        let payload = octets.extracting(FrameHeader.byteCount..<frameByteCount)
        return (Self.read(header, payload, limits), frameByteCount)
    }

    private static func read(_ header: FrameHeader, _ payload: RawSpan, _ limits: DialectLimits) -> DialectInput {
        do throws(PayloadError) {
            let command = try FrameDecoder.command(header, payload: payload, bodyByteCountMax: limits.bodyByteCountMax)
            return .command(command, requestID: header.requestID, isRetry: header.flags.contains(.retry))
        } catch {
            if error.code == .unknownType && header.requestID == 0 {
                // Nobody waits for an answer. A critical frame must not be passed over, any other must be.
                return header.flags.contains(.critical) ? .fatal(.unknownType, reason: error.reason) : .skipped
            }
            return .fault(error, type: header.type, requestID: header.requestID)
        }
    }

    private mutating func open(_ octets: RawSpan) -> (input: DialectInput, byteCount: Int)? {
        guard Preface.canBegin(octets) else { return (.foreign, 0) }
        do throws(FrameError) {
            guard let preface = try Preface.parse(octets) else { return nil }
            isOpened = true
            return (.opened(preface), Preface.byteCount)
        } catch {
            return (.fatal(error.code, reason: error.reason), 0)
        }
    }
}
