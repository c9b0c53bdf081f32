public import Bytes
public import ChatProtocol

/// Reads what a native client sends: the preface, then frames (docs/PROTOCOL.md, *Transport* and *Frames*).
///
/// It holds no octets: the caller keeps what is incomplete and offers it again with more behind it.
public struct NativeDialect: Sendable {
    private var isOpened = false

    public init() {}

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
        for index in 0..<min(octets.byteCount, Preface.magic.count) where octets.byte(at: index) != Preface.magic[index] {
            return (.foreign, 0)
        }
        guard octets.byteCount >= Preface.byteCount else { return nil }
        let highest = octets.byte(at: 4)
        let lowest = octets.byte(at: 5)
        guard lowest <= highest else { return (.fatal(.badPreface, reason: "the lowest version is above the highest"), Preface.byteCount) }
        isOpened = true
        let isSpoken = lowest <= Preface.version && Preface.version <= highest
        return (.opened(versionChosen: isSpoken ? Preface.version : 0, clientHighest: highest), Preface.byteCount)
    }
}
