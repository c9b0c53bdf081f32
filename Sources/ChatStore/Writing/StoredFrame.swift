internal import Bytes
internal import ChatProtocol

/// One DELIVER frame of a batch, and where its parts are, counted from the start of the frame.
struct StoredFrame {
    /// Frames of a batch for which room is made at once.
    private static let usualCount = 8

    /// Its place in the batch.
    let range: Range<Int>
    let view: DeliverView

    var fromRange: Range<Int> { shifted(view.fromRange) }
    var bodyRange: Range<Int>? { view.bodyRange.map(shifted) }
    /// The message that says something else because of this event.
    var target: UInt64? { view.kind == .edit ? view.reference : nil }

    /// The place in the batch of a part of the frame.
    func place(of part: Range<Int>) -> Range<Int> { range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound }

    private func shifted(_ range: Range<Int>) -> Range<Int> {
        range.lowerBound + FrameHeader.byteCount..<range.upperBound + FrameHeader.byteCount
    }

    /// The frames of a batch. They are the broker's own, so what is not a DELIVER frame is its mistake, and traps.
    static func split(_ batch: SharedBytes) -> [StoredFrame] {
        batch.withBytes { octets in
            var frames: [StoredFrame] = []
            frames.reserveCapacity(usualCount)
            var start = 0
            while start < octets.byteCount {
                guard let header = FrameHeader(octets, at: start), header.type == FrameType.deliver.rawValue,
                    header.frameByteCount <= octets.byteCount - start,
                    let view = try? DeliverView(octets.extracting(start + FrameHeader.byteCount..<start + header.frameByteCount))
                else { preconditionFailure("a batch holds whole DELIVER frames") }
                frames.append(StoredFrame(range: start..<start + header.frameByteCount, view: view))
                start += header.frameByteCount
            }
            return frames
        }
    }
}
