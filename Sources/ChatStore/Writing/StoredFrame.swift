internal import Bytes
internal import ChatProtocol

/// One DELIVER frame of a batch, and where its parts are, counted from the start of the frame.
struct StoredFrame {
    let bytes: SharedBytes
    let view: DeliverView

    var fromRange: Range<Int> { shifted(view.fromRange) }
    var bodyRange: Range<Int>? { view.bodyRange.map(shifted) }
    /// The message that says something else because of this event.
    var target: UInt64? { view.kind == .edit ? view.reference : nil }

    private func shifted(_ range: Range<Int>) -> Range<Int> {
        range.lowerBound + FrameHeader.byteCount..<range.upperBound + FrameHeader.byteCount
    }

    /// The frames of a batch. They are the broker's own, so what is not a DELIVER frame is its mistake, and traps.
    static func split(_ batch: SharedBytes) -> [StoredFrame] {
        var frames: [StoredFrame] = []
        var offset = 0
        while offset < batch.count {
            let start = offset
            batch.withBytes { octets in
                guard let header = FrameHeader(octets, at: start), header.type == FrameType.deliver.rawValue,
                    header.frameByteCount <= octets.byteCount - start,
                    let view = try? DeliverView(octets.extracting(start + FrameHeader.byteCount..<start + header.frameByteCount))
                else { preconditionFailure("a batch holds whole DELIVER frames") }
                offset = start + header.frameByteCount
                frames.append(StoredFrame(bytes: batch[start..<offset], view: view))
            }
        }
        return frames
    }
}
