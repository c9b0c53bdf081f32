import CLibUV
import Glibc

/// Turns names into addresses without holding up the loop: `getaddrinfo(3)` on a thread of libuv's pool.
public enum AddressResolver {
    /// Finds the addresses of `host`, which may be a name or a numeric address, in the order in which they should be tried (RFC 6724).
    ///
    /// `completion` is called once, on the loop and never before this returns, unless the request is cancelled first. It gets at least one address,
    /// or the error: `EAI_NONAME` for an unknown name, `EAI_AGAIN` for a failure that may pass, ``UVError/cancelled`` if the loop is closed meanwhile.
    @discardableResult
    public static func resolve(
        loop: EventLoop, host: String, port: UInt16, completion: @escaping (Result<[SocketAddress], UVError>) -> Void
    ) -> PendingRequest {
        ResolveRequest(loop: loop, host: host, port: port, completion: completion)
    }
}

/// One resolution under way; libuv holds a reference to it until the callback.
private final class ResolveRequest: PendingRequest {
    private let loop: EventLoop
    private let port: UInt16
    private let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)
    private var completion: ((Result<[SocketAddress], UVError>) -> Void)?

    init(loop: EventLoop, host: String, port: UInt16, completion: @escaping (Result<[SocketAddress], UVError>) -> Void) {
        self.loop = loop
        self.port = port
        self.completion = completion
        super.init()
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        let status = uv_getaddrinfo(loop.pointer, request, nameDidResolve, host, nil, &hints)
        if status < 0 {
            failLater(UVError(code: status))
        } else {
            request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        }
    }

    deinit {
        request.deallocate()
    }

    override func cancel() {
        completion = nil
    }

    /// The completion must not come before the call that asked for it has returned.
    private func failLater(_ error: UVError) {
        let timer = Timer(loop: loop)
        timer.start(afterMilliseconds: 0) {
            timer.close()
            self.finish(.failure(error))
        }
    }

    fileprivate func finish(status: Int32, list: UnsafeMutablePointer<addrinfo>?) {
        defer { uv_freeaddrinfo(list) }
        if loop.isClosing { return finish(.failure(.cancelled)) }
        if status < 0 { return finish(.failure(UVError(code: status))) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next {
            if let pointer = entry.pointee.ai_addr, let address = SocketAddress(UnsafePointer(pointer))?.withPort(port),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
            next = entry.pointee.ai_next
        }
        finish(addresses.isEmpty ? .failure(UVError(code: UV_EAI_NODATA.rawValue)) : .success(addresses))
    }

    private func finish(_ result: Result<[SocketAddress], UVError>) {
        let completion = completion
        self.completion = nil
        completion?(result)
    }
}

private let nameDidResolve: @convention(c) (UnsafeMutablePointer<uv_getaddrinfo_t>?, Int32, UnsafeMutablePointer<addrinfo>?) -> Void = {
    request, status, list in
    Unmanaged<ResolveRequest>.fromOpaque(request!.pointee.data).takeRetainedValue().finish(status: status, list: list)
}
