import Bytes
import ChatCore
import LibUV
import TLS
import Transport

/// Opens one transport: resolves the host, tries its addresses one after another, and agrees on TLS where the URL wants it.
///
/// It ends in exactly one completion, unless it is cancelled. Confined to its loop.
final class Connector: SecureStreamDelegate {
    private let loop: EventLoop
    private let url: BrokerURL
    private let context: TLSContext?
    private let scratch: TLSScratch
    private let timer: Timer
    private var completion: ((Result<SecureStream, ConnectionLoss>) -> Void)?
    private var pending: PendingRequest?
    private var addresses: ArraySlice<SocketAddress> = []
    private var stream: SecureStream?
    private var lastFailure = "no address"

    /// - Parameters:
    ///   - context: how TLS is spoken; nil for a URL in the clear.
    ///   - deadlineMilliseconds: for everything together.
    init(
        loop: EventLoop, url: BrokerURL, context: TLSContext?, scratch: TLSScratch, deadlineMilliseconds: UInt64,
        completion: @escaping (Result<SecureStream, ConnectionLoss>) -> Void
    ) {
        self.loop = loop
        self.url = url
        self.context = context
        self.scratch = scratch
        self.completion = completion
        timer = Timer(loop: loop)
        timer.start(afterMilliseconds: deadlineMilliseconds) { [unowned self] in finish(.failure(.timeout)) }
        pending = AddressResolver.resolve(loop: loop, host: url.host, port: url.port) { [unowned self] in didResolve($0) }
    }

    /// Stops; the completion is not called any more.
    func cancel() {
        completion = nil
        pending?.cancel()
        pending = nil
        stream?.delegate = nil
        stream?.close()
        stream = nil
        timer.close()
    }

    private func didResolve(_ result: Result<[SocketAddress], UVError>) {
        switch result {
        case .failure(let error): finish(.failure(.unreachable("\(url.host): \(error)")))
        case .success(let found):
            addresses = found[...]
            tryNext()
        }
    }

    private func tryNext() {
        guard let address = addresses.popFirst() else { return finish(.failure(.unreachable(lastFailure))) }
        pending = TCPStream.connect(loop: loop, to: address) { [unowned self] result in
            switch result {
            case .failure(let error):
                lastFailure = "\(address): \(error)"
                tryNext()
            case .success(let stream): didConnect(SecureStream(stream: stream, scratch: scratch))
            }
        }
    }

    private func didConnect(_ stream: SecureStream) {
        guard let context else { return finish(.success(stream)) }
        self.stream = stream
        stream.delegate = self
        do throws(StreamError) {
            try stream.startReading()
            try stream.startClientTLS(context: context, serverName: url.host)
        } catch {
            finish(.failure(ConnectionLoss(error)))
        }
    }

    private func finish(_ result: Result<SecureStream, ConnectionLoss>) {
        let completion = completion
        if case .success = result { stream = nil }
        cancel()
        completion?(result)
    }

    // MARK: Until TLS is agreed on, this is the stream's delegate

    func secureStreamDidHandshake(_ stream: SecureStream) {
        stream.delegate = nil
        finish(.success(stream))
    }

    func secureStream(_ stream: SecureStream, didFail error: StreamError) {
        finish(.failure(ConnectionLoss(error)))
    }

    func secureStreamDidReachEnd(_ stream: SecureStream) {
        finish(.failure(.tls("the peer closed the connection during the TLS handshake")))
    }

    func secureStream(_ stream: SecureStream, didRead plaintext: RawSpan) {}
    func secureStreamCanWrite(_ stream: SecureStream) {}
    func secureStreamDidClose(_ stream: SecureStream) {}
}

extension ConnectionLoss {
    init(_ error: StreamError) {
        switch error {
        case .transport(let error): self = .transport("\(error)")
        case .tls(let error): self = .tls("\(error)")
        }
    }
}
