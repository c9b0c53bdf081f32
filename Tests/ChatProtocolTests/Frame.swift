import Bytes
import ChatProtocol
import Testing

/// A whole frame as octets, and a decoded one as a value: what most tests here go back and forth between.
struct Frame {
    enum Value: Equatable {
        case command(Command)
        case server(ServerFrame)
    }

    var octets: [UInt8]

    init(_ octets: [UInt8]) { self.octets = octets }

    /// Encodes a value.
    init(_ value: Value, requestID: UInt32, isRetry: Bool = false, more: Bool = false) {
        var writer = ByteWriter()
        switch value {
        case .command(let command): FrameEncoder.append(command, requestID: requestID, isRetry: isRetry, to: &writer)
        case .server(.reply(let reply)): FrameEncoder.append(reply, requestID: requestID, more: more, to: &writer)
        case .server(.event(let event)): FrameEncoder.append(event, to: &writer)
        }
        octets = writer.finish().array
    }

    /// A frame of that type around a payload.
    init(type: UInt8, flags: UInt8 = 0, requestID: UInt32 = 1, payload: [UInt8]) {
        var writer = ByteWriter()
        writer.appendBigEndian(UInt64(payload.count), byteCount: 3)
        writer.append(type)
        writer.append(flags)
        writer.appendBigEndian(UInt64(requestID), byteCount: 3)
        octets = writer.finish().array + payload
    }

    var header: FrameHeader {
        guard let header = FrameHeader(octets.span.bytes) else { preconditionFailure("a frame has a header") }
        return header
    }

    /// Decodes a frame from a client.
    func command(bodyByteCountMax: Int = 16_384) throws -> Command {
        try FrameDecoder.command(
            header, payload: octets.span.bytes.extracting(8..<octets.count), bodyByteCountMax: bodyByteCountMax)
    }

    /// Decodes a frame from a broker.
    func serverFrame() throws -> ServerFrame {
        try FrameDecoder.serverFrame(header, payload: octets.span.bytes.extracting(8..<octets.count))
    }

    /// Decodes a frame from the side that sends it.
    func value(from sender: Sender, bodyByteCountMax: Int = 16_384) throws -> Value {
        switch sender {
        case .client: .command(try command(bodyByteCountMax: bodyByteCountMax))
        case .broker: .server(try serverFrame())
        }
    }

    enum Sender: CaseIterable {
        case client, broker
    }

    /// The error that decoding gives, or nil.
    func error(from sender: Sender, bodyByteCountMax: Int = 16_384) -> PayloadError? {
        do {
            _ = try value(from: sender, bodyByteCountMax: bodyByteCountMax)
            return nil
        } catch let error as PayloadError {
            return error
        } catch {
            Issue.record("only typed errors leave the decoder, not \(error)")
            return nil
        }
    }
}

extension Frame.Sender {
    /// Who sends a frame type; the client where both do.
    init(_ direction: FrameSchema.Direction) { self = direction == .broker ? .broker : .client }
}
