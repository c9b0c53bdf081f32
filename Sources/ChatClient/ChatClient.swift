import Bytes
public import ChatCore
public import ChatProtocol
public import LibUV
public import TLS
public import Transport

/// A ``ChatCore/ClientSession`` on a real connection: one broker, over TLS or in the clear, found again whenever it is lost.
///
/// Everything happens on the thread of the loop: calls, ``onNotice`` and completions. Nothing is told from within ``start()`` or
/// ``request(_:deadlineMilliseconds:completion:)`` before they have done their own work. To be closed before the loop.
public final class ChatClient {
    /// Longest time from the decision to connect to an open (and encrypted) transport.
    public static let connectMillisecondsMax: UInt64 = 10_000

    public let url: BrokerURL
    /// What the session tells, in order, completions left out.
    public var onNotice: ((ClientNotice) -> Void)?

    /// How to log in to an account; nil: as a guest. Set before ``start()``, together with the settings' `logsInToAccount`.
    public var credentials: ClientCredentials?

    private let loop: EventLoop
    private let context: TLSContext?
    private let scratch = TLSScratch()
    private let deadlineTimer: Timer
    private let reconnectTimer: Timer
    private var session: ClientSession
    private var connector: Connector?
    private var stream: SecureStream?
    private var outbound = OutboundQueue()
    /// The transport is to be closed as soon as everything is written.
    private var isClosing = false
    private var completions: [RequestToken: (ClientOutcome) -> Void] = [:]
    private var backlog: [ClientEffect] = []
    private var isPerforming = false
    private var isClosed = false

    /// A client that does nothing yet.
    ///
    /// - Parameter verification: how the broker's certificate is verified; of no effect for a URL in the clear.
    /// - Throws: if the authority file cannot be used.
    public init(
        loop: EventLoop, url: BrokerURL, verification: TLSVerification = .system, settings: ClientSettings
    ) throws(TLSError) {
        self.loop = loop
        self.url = url
        context = url.isSecure ? try TLSContext.client(verification: verification, alpn: ["cbp/1"]) : nil
        session = ClientSession(settings: settings)
        deadlineTimer = Timer(loop: loop)
        reconnectTimer = Timer(loop: loop)
    }

    public var phase: ClientSession.Phase { session.phase }
    public var account: AccountName? { session.account }
    public var welcome: Welcome? { session.welcome }
    public var attachedRooms: [RoomAddress] { session.attachedRooms }
    /// As ``ChatCore/ClientSession/isOwnArrival(_:)``.
    public func isOwnArrival(_ event: Event) -> Bool { session.isOwnArrival(event) }
    /// Requests whose completion has not been called.
    public var openRequestCount: Int { completions.count }

    /// Connects.
    public func start() {
        precondition(session.phase == .disconnected && connector == nil && stream == nil, "a client is started once")
        connect()
    }

    /// Asks for something. `completion` is called exactly once, unless the client is closed first.
    ///
    /// - Parameter deadlineMilliseconds: how long the user waits; nil: as the settings say.
    public func request(
        _ request: ClientRequest, deadlineMilliseconds: UInt64? = nil, completion: @escaping (ClientOutcome) -> Void
    ) {
        let (token, effects) = session.request(request, at: loop.nowMilliseconds, deadlineMilliseconds: deadlineMilliseconds)
        completions[token] = completion
        perform(effects)
    }

    /// Another wish for the log-in that was refused, or for the next one.
    public func chooseName(_ wish: String) {
        perform(session.chooseName(wish, at: loop.nowMilliseconds))
    }

    /// Ends the wait for the next attempt to connect, if there is one. A wait that the broker asked for is not to be ended.
    public func retryNow() {
        guard reconnectTimer.isActive else { return }
        reconnectTimer.stop()
        connect()
    }

    /// Says GOODBYE and, once earlier requests are answered, ends with ``ChatCore/ClientNotice/ended(_:)``.
    public func leave() {
        reconnectTimer.stop()
        if let connector {
            connector.cancel()
            self.connector = nil
        }
        perform(session.leave(at: loop.nowMilliseconds))
    }

    /// Lets go of everything at once, without a word to the broker; nothing is told any more.
    public func close() {
        isClosed = true
        onNotice = nil
        completions = [:]
        connector?.cancel()
        connector = nil
        stream?.close()
        stream = nil
        deadlineTimer.close()
        reconnectTimer.close()
    }

    // MARK: The transport

    private func connect() {
        connector = Connector(
            loop: loop, url: url, context: context, scratch: scratch, deadlineMilliseconds: Self.connectMillisecondsMax
        ) { [unowned self] result in
            connector = nil
            switch result {
            case .failure(let loss): lose(loss)
            case .success(let stream): didConnect(stream)
            }
        }
    }

    private func didConnect(_ stream: SecureStream) {
        self.stream = stream
        stream.delegate = self
        outbound = OutboundQueue()
        isClosing = false
        do throws(StreamError) {
            try stream.startReading()
        } catch {
            return lose(ConnectionLoss(error))
        }
        perform(session.connectionOpened(at: loop.nowMilliseconds, chance: UInt64.random(in: .min ... .max)))
    }

    /// The transport is of no more use.
    private func lose(_ cause: ConnectionLoss) {
        // Its owner until the handle is gone is the stream itself; what it still tells is not listened to.
        stream?.close()
        stream = nil
        outbound.removeAll()
        perform(session.connectionClosed(cause, at: loop.nowMilliseconds, chance: UInt64.random(in: .min ... .max)))
    }

    private func flush() {
        guard let stream else { return }
        switch stream.flush(&outbound) {
        case .drained:
            guard isClosing else { return }
            stream.shutdown()
            lose(.endOfStream)
        case .blocked: break
        case .closed: lose(.endOfStream)
        case .failed(let error): lose(ConnectionLoss(error))
        }
    }

    // MARK: Effects

    /// Carries out effects in order, also those that come of carrying them out.
    ///
    /// - Parameter isLast: false if more follow at once; then nothing is written yet.
    private func perform(_ effects: [ClientEffect], isLast: Bool = true) {
        backlog += effects
        guard !isPerforming else { return }
        isPerforming = true
        while !backlog.isEmpty, !isClosed {
            let batch = backlog
            backlog = []
            for effect in batch where !isClosed {
                carryOut(effect)
            }
        }
        isPerforming = false
        guard isLast, !isClosed else { return }
        if !outbound.isEmpty || isClosing { flush() }
        setDeadline()
    }

    private func carryOut(_ effect: ClientEffect) {
        switch effect {
        case .send(let bytes): outbound.append(bytes)
        case .close: isClosing = true
        case .abort: lose(.timeout)
        case .logIn(let step): answerLogIn(step)
        case .connect(let delay): reconnectTimer.start(afterMilliseconds: delay) { [unowned self] in connect() }
        case .notify(.completed(let token, let outcome)): completions.removeValue(forKey: token)?(outcome)
        case .notify(let notice): onNotice?(notice)
        }
    }

    /// Deriving a key from a password takes a good part of a second, in which a client that is not in yet has nothing else to do.
    private func answerLogIn(_ step: LogInStep) {
        guard let stream, let credentials else { return }
        var exporter: [UInt8]?
        if stream.tlsVersionName == "TLSv1.3" {
            exporter = (try? stream.exportKeyingMaterial(label: "EXPORTER-Channel-Binding", byteCount: 32)) ?? nil
        }
        backlog += session.answerLogIn(credentials.answer(step, exporter: exporter), at: loop.nowMilliseconds)
    }

    private func setDeadline() {
        guard let deadline = session.nextDeadline else { return deadlineTimer.stop() }
        let now = loop.nowMilliseconds
        deadlineTimer.start(afterMilliseconds: deadline > now ? deadline - now : 0) { [unowned self] in
            perform(session.timePassed(at: loop.nowMilliseconds))
        }
    }
}

extension ChatClient: SecureStreamDelegate {
    public func secureStream(_ stream: SecureStream, didRead plaintext: RawSpan) {
        guard stream === self.stream else { return }
        let now = loop.nowMilliseconds
        session.append(plaintext, at: now)
        while let effects = session.handleNext(at: now) { perform(effects, isLast: false) }
        perform([])
    }

    public func secureStreamDidHandshake(_ stream: SecureStream) {}

    public func secureStreamCanWrite(_ stream: SecureStream) {
        guard stream === self.stream else { return }
        flush()
    }

    public func secureStreamDidReachEnd(_ stream: SecureStream) {
        guard stream === self.stream else { return }
        lose(.endOfStream)
    }

    public func secureStream(_ stream: SecureStream, didFail error: StreamError) {
        guard stream === self.stream else { return }
        lose(ConnectionLoss(error))
    }

    public func secureStreamDidClose(_ stream: SecureStream) {}
}
