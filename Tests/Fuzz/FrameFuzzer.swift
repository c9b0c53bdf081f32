import Bytes
import ChatProtocol

/// One run of libFuzzer (LLVM's manual, *libFuzzer*): the input is a stream of frames as one side receives it. Whatever it holds, each
/// frame gives a value or a typed error; a value is encoded again, decoded again, and is the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count).bytes
    fuzzText(octets)
    if let preface = try? Preface.parse(octets) { _ = Preface.broker(answering: preface) }
    var offset = 0
    while let header = FrameHeader(octets, at: offset) {
        do throws(FrameError) {
            try header.validate(payloadByteCountMax: ProtocolLimits.payloadByteCountMax)
        } catch {
            precondition(error.code.isFatal, "what is wrong with a header is fatal")
            return 0
        }
        guard header.frameByteCount <= octets.byteCount - offset else { return 0 }
        let payload = octets.extracting((offset + FrameHeader.byteCount)..<(offset + header.frameByteCount))
        fuzzCommand(header, payload)
        fuzzServerFrame(header, payload)
        offset += header.frameByteCount
    }
    return 0
}

private func fuzzCommand(_ header: FrameHeader, _ payload: RawSpan) {
    do throws(PayloadError) {
        let command = try FrameDecoder.command(header, payload: payload, bodyByteCountMax: 4096)
        var writer = ByteWriter()
        FrameEncoder.append(command, requestID: header.requestID, isRetry: header.flags.contains(.retry), to: &writer)
        let encoded = writer.finish()
        let again = try encoded.withBytes { (frame: RawSpan) throws(PayloadError) in
            guard let header = FrameHeader(frame) else { preconditionFailure("a frame has a header") }
            return try FrameDecoder.command(header, payload: frame.extracting(8..<frame.byteCount), bodyByteCountMax: 4096)
        }
        precondition(again == command, "what is encoded decodes to the same")
    } catch {
        precondition(!error.code.isFatal, "what is wrong with a payload is not fatal")
    }
}

private func fuzzServerFrame(_ header: FrameHeader, _ payload: RawSpan) {
    _ = try? DeliverView(payload)
    do throws(PayloadError) {
        let frame = try FrameDecoder.serverFrame(header, payload: payload)
        var writer = ByteWriter()
        switch frame {
        case .reply(let reply): FrameEncoder.append(reply, requestID: header.requestID, to: &writer)
        case .event(let event): FrameEncoder.append(event, to: &writer)
        }
        let encoded = writer.finish()
        let again = try encoded.withBytes { (octets: RawSpan) throws(PayloadError) in
            guard let header = FrameHeader(octets) else { preconditionFailure("a frame has a header") }
            let end = header.frameByteCount
            return try FrameDecoder.serverFrame(header, payload: octets.extracting(8..<end))
        }
        // Records that have grown in encoding, because absent numbers are written as 0, may need a second frame.
        if case .reply(.items(let items)) = frame, case .reply(.items(let first)) = again {
            precondition(items.records.starts(with: first.records), "what is encoded decodes to the same")
        } else {
            precondition(again == frame, "what is encoded decodes to the same")
        }
    } catch {
        precondition(!error.code.isFatal, "what is wrong with a payload is not fatal")
    }
}

private func fuzzText(_ octets: RawSpan) {
    let text = octets.text(in: 0..<octets.byteCount)
    let byTheBook = text?.unicodeScalars.allSatisfy { TextRules.isAcceptable($0) } ?? false
    precondition(TextRules.isAcceptable(octets) == byTheBook, "texts are judged as the standard library judges them")
    _ = try? RoomAddress(octets)
    if let text {
        let clipped = TextRules.clipped(text, byteCountMax: 16)
        precondition(clipped.utf8.count <= 16, "a clipped text is within its limit")
    }
}
