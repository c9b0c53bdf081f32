import CLibUV

/// An attempt to connect, up to its completion.
///
/// A failure is told when the failed stream's handle is gone. That makes the completion asynchronous even when the system refuses at once.
/// libuv and the stream each hold a reference until they are through with it.
final class ConnectRequest: PendingRequest, TCPStreamDelegate {
    private let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
    private var completion: ((Result<TCPStream, UVError>) -> Void)?
    private var stream: TCPStream?
    private var error = UVError.cancelled

    init(
        loop: EventLoop, target: SocketAddress, source: SocketAddress?, completion: @escaping (Result<TCPStream, UVError>) -> Void
    ) {
        self.completion = completion
        super.init()
        do throws(UVError) {
            let stream = try TCPStream(loop: loop, connectingTo: target)
            self.stream = stream
            stream.delegate = self
        } catch {
            preconditionFailure("uv_tcp_init cannot fail without a socket: \(error)")
        }
        do throws(UVError) {
            try start(target: target, source: source)
        } catch {
            self.error = error
            stream?.close()
        }
    }

    deinit {
        request.deallocate()
    }

    private func start(target: SocketAddress, source: SocketAddress?) throws(UVError) {
        guard let stream else { return }
        try stream.adopt(SocketDescriptor.open(connectingTo: target, from: source))
        try UVError.check(target.withSocketAddress { address, _ in uv_tcp_connect(request, stream.tcp, address, streamDidConnect) })
        request.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    fileprivate func finish(status: Int32) {
        guard let stream, stream.isOpen else { return }
        if status < 0 {
            error = UVError(code: status)
            stream.close()
            return
        }
        stream.delegate = nil
        self.stream = nil
        let completion = completion
        self.completion = nil
        completion?(.success(stream))
    }

    override func cancel() {
        completion = nil
        stream?.close()
    }

    func stream(_ stream: TCPStream, didRead bytes: RawSpan) {}
    func streamDidReachEnd(_ stream: TCPStream) {}
    func stream(_ stream: TCPStream, didFail error: UVError) {}
    func streamDidWrite(_ stream: TCPStream) {}

    func streamDidClose(_ stream: TCPStream) {
        self.stream = nil
        let completion = completion
        self.completion = nil
        completion?(.failure(error))
    }
}

private let streamDidConnect: @convention(c) (UnsafeMutablePointer<uv_connect_t>?, Int32) -> Void = { request, status in
    Unmanaged<ConnectRequest>.fromOpaque(request!.pointee.data).takeRetainedValue().finish(status: status)
}
