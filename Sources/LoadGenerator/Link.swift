import Bytes
import LibUV

/// What the user of a ``Link`` is told.
protocol LinkDelegate: AnyObject {
    func link(didRead bytes: RawSpan)
    func linkDidOpen()
    func linkCanWrite()
    func linkDidReachEnd()
    func link(didFail reason: String)
    func linkDidClose()
}

/// A clear-text connection to the broker.
final class Link: TCPStreamDelegate {
    private let stream: TCPStream
    weak var delegate: (any LinkDelegate)?

    init(stream: TCPStream) {
        self.stream = stream
        stream.delegate = self
    }

    /// Writes what the kernel takes; the rest is handed over and told by `linkCanWrite`.
    func flush(_ queue: inout OutboundQueue) {
        guard !stream.isWriting else { return }
        do throws(UVError) {
            while !queue.isEmpty {
                let count = try stream.tryWrite(queue.slices)
                if count == 0 {
                    try stream.write(Array(queue.slices))
                    queue.removeAll()
                    return
                }
                queue.consume(count)
            }
        } catch {
            delegate?.link(didFail: error.description)
        }
    }

    func startReading() {
        do throws(UVError) { try stream.startReading() } catch { delegate?.link(didFail: error.description) }
    }
    func stopReading() { stream.stopReading() }
    func shutdown() { stream.shutdown() }
    func close() { stream.close() }

    func stream(_ stream: TCPStream, didRead bytes: RawSpan) { delegate?.link(didRead: bytes) }
    func streamDidReachEnd(_ stream: TCPStream) { delegate?.linkDidReachEnd() }
    func stream(_ stream: TCPStream, didFail error: UVError) { delegate?.link(didFail: error.description) }
    func streamDidWrite(_ stream: TCPStream) { delegate?.linkCanWrite() }
    func streamDidClose(_ stream: TCPStream) { delegate?.linkDidClose() }
}
