public import LibUV
public import TLS

/// Why a stream cannot go on.
public enum StreamError: Error, Sendable, CustomStringConvertible {
    /// The connection failed: reset, unreachable, and the like.
    case transport(UVError)
    /// TLS failed: certificate, alert, malformed record, and the like.
    case tls(TLSError)

    public var description: String {
        switch self {
        case .transport(let error): error.description
        case .tls(let error): "TLS: \(error)"
        }
    }
}

/// What has become of a queue that was to be sent.
public enum FlushResult: Sendable {
    /// Everything has been handed to the kernel; the queue is empty.
    case drained
    /// The kernel takes no more, or the handshake is under way: `secureStreamCanWrite` will be called; flushing before that is harmless.
    case blocked
    /// The stream cannot go on; the delegate is not told again. The owner closes it.
    case failed(StreamError)
    /// The stream has been shut down or closed or has failed before; the queue is left as it was.
    case closed
}
