import ChatClient
import ChatCore
import ChatProtocol
import Glibc
import LibUV

/// Runs one scripted verb: connects, lets the verb ask, and turns the first bad news, the time limit or the verb's own end into a status.
final class VerbRunner {
    let loop: EventLoop
    let client: ChatClient
    let isJSON: Bool
    /// Notices that are not dealt with here: events above all.
    var onNotice: ((ClientNotice) -> Void)?
    /// Whether a lost connection is said and waited for rather than left to the time limit.
    var isFollowing = false

    /// Who the verb acts as; nil: a guest that gets a name.
    private let account: AccountName?
    private let timeoutMilliseconds: UInt64
    /// The standard input of a verb that reads it; closed with the runner.
    var input: PlainConsole?
    private let timer: Timer
    private var watchers: [SignalWatcher] = []
    private var status: ExitStatus?
    private var hasBeenReady = false
    /// Publishes sent whose outcome is not known yet: what a time limit then means.
    private var openPublishCount = 0
    /// Something was said: a verb that then cannot tell its number has not merely failed.
    private var hasPublished = false
    private let isErrorColoured: Bool

    /// Runs a verb to its end and returns its status.
    ///
    /// - Parameters:
    ///   - profile: The log-in to use; nil: the one that is remembered, if there is one.
    ///   - credentials: How to log in; nil: by the profile's token, or as a guest.
    ///   - capabilities: What HELLO offers.
    ///   - start: Asks for what is wanted; it is sent once the connection is ready. Ends by ``finish(_:)``.
    static func run(
        _ options: VerbOptions, profile: Profile? = nil, credentials: ClientCredentials? = nil, capabilities: [String] = [],
        _ start: (VerbRunner) throws -> Void
    ) throws -> ExitStatus {
        let url = try options.connection.url(options.url)
        options.connection.warnIfInsecure(url)
        let loop = try EventLoop()
        defer { loop.close() }
        let client = try ChatClient.make(
            loop: loop, url: url, options: options.connection, profile: profile, credentials: credentials, capabilities: capabilities)
        defer { client.close() }
        let runner = try VerbRunner(loop: loop, client: client, options: options)
        defer { runner.close() }
        try start(runner)
        // What is refused without asking anybody has ended the verb already.
        if runner.status == nil {
            client.start()
            loop.run()
        }
        return runner.status ?? .unreachable
    }

    private init(loop: EventLoop, client: ChatClient, options: VerbOptions) throws {
        self.loop = loop
        self.client = client
        isJSON = options.connection.json
        account = client.accountToBe(options.connection)
        isErrorColoured = options.connection.isColoured(.error)
        timeoutMilliseconds = options.timeoutMilliseconds
        timer = Timer(loop: loop)
        watchers = try [SIGINT, SIGTERM, SIGHUP].map { signal in
            // Somebody who insists does not wait for a broker that takes its time.
            try SignalWatcher(loop: loop, signal: signal) { [unowned self] in status == nil ? finish(.signal(signal)) : loop.stop() }
        }
        client.onNotice = { [unowned self] in didNotice($0) }
        timer.start(afterMilliseconds: timeoutMilliseconds) { [unowned self] in didTimeOut() }
    }

    private func close() {
        input?.close()
        onNotice = nil
        timer.close()
        for watcher in watchers { watcher.close() }
    }

    /// The verb has what it wants and now only listens: no time limit any more.
    func stopClock() { timer.stop() }

    /// The verb is through. The first status counts.
    func finish(_ status: ExitStatus) {
        guard self.status == nil else { return }
        self.status = status
        timer.stop()
        client.leave()
    }

    // MARK: Asking

    /// Asks, and ends the verb with what went wrong; what went right goes to `onSuccess`.
    func ask(_ request: ClientRequest, onSuccess: @escaping (ClientOutcome) -> Void) {
        if request.isPublish { openPublishCount += 1 }
        // The verb's own time limit is what counts, not one for each request.
        client.request(request, deadlineMilliseconds: timeoutMilliseconds + 1000) { [unowned self] outcome in
            if request.isPublish { openPublishCount -= 1 }
            if case .published = outcome { hasPublished = true }
            switch outcome {
            case .refused(let failure): refuse(failure, for: request)
            // The end of the session is told next, with its cause.
            case .notSent(.sessionEnded): break
            case .notSent(let reason):
                let limit = client.welcome?.bodyByteCountMax
                fail(FailureText.sentence(reason, for: request, bodyByteCountMax: limit), ExitStatus(reason))
            case .unknown(let doubt): fail(FailureText.sentence(doubt, for: request), .unknown(request))
            default: onSuccess(outcome)
            }
        }
    }

    func refuse(_ failure: Failure, for request: ClientRequest?) {
        guard status == nil else { return }
        if isJSON { print(NoticeJSON.error(failure)) }
        let limit = client.welcome?.bodyByteCountMax
        sayError(FailureText.sentence(failure, for: request, isConversation: false, bodyByteCountMax: limit))
        finish(.refused)
    }

    func fail(_ reason: String, _ status: ExitStatus) {
        guard self.status == nil else { return }
        if isJSON { print(NoticeJSON.error(reason)) }
        sayError(reason)
        finish(status)
    }

    /// A room or a conversation from the command line.
    func address(_ text: String) throws(StartFailure) -> RoomAddress { try RoomAddress.argument(text, of: account) }

    // MARK: Output

    /// A line on standard output. When nobody reads it any more the verb is through; when it cannot be kept, it has failed.
    func print(_ line: String) {
        if StandardStream.output.writeLine(line) { return }
        if errno == EPIPE { return finish(.ok) }
        let error = UVError(systemErrorNumber: errno)
        if status == nil { sayError("cannot write: \(error)") }
        finish(hasPublished ? .outcomeUnknown : .usage)
    }

    private func sayError(_ text: String) {
        let line = StyledText("broker-cli: " + text, .error)
        StandardStream.error.writeLine(line.rendered(isColoured: isErrorColoured))
    }

    // MARK: Notices

    private func didNotice(_ notice: ClientNotice) {
        switch notice {
        case .ready: hasBeenReady = true
        case .nameRefused(let wish, let failure): refuse(failure, for: .rename(wish))
        case .ended(let loss): didEnd(loss)
        case .connectionLost, .recovered, .resent:
            guard isFollowing else { break }
            let text = NoticeText(events: EventText(account: client.account, isOneLine: true))
            for line in text.lines(notice) { StandardStream.error.writeLine(line.rendered(isColoured: isErrorColoured)) }
        default: break
        }
        if status == nil { onNotice?(notice) }
    }

    private func didEnd(_ loss: ConnectionLoss) {
        if status == nil {
            fail(FailureText.sentence(loss), ExitStatus(loss, hasBeenReady: hasBeenReady))
        }
        loop.stop()
    }

    private func didTimeOut() {
        if openPublishCount > 0, hasBeenReady {
            fail("timed out; whether the message was accepted is unknown", .outcomeUnknown)
        } else {
            fail("timed out", .timedOut)
        }
        // Who did not answer in time is not waited for once more.
        loop.stop()
    }
}
