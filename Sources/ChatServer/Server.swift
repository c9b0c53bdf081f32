public import ChatConfiguration
import ChatCore
import ChatProtocol
import ChatStore
import Glibc
public import LibUV
import Logging
import TLS

/// Why a broker could not start: one line that names the cause.
public struct ServerError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// A broker: loops on threads of their own, listening, until it is told to stop.
///
/// Made and used on one thread, which is not one of the loops'; ``requestShutdown()`` is for any thread.
public final class Server {
    /// Where it listens, with the ports chosen where 0 was asked for.
    public var addresses: [SocketAddress] { listeners.filter { $0.kind == .shared }.map(\.address) }
    /// Where people with terminals come in.
    public var lineAddresses: [SocketAddress] { listeners.filter { $0.kind != .shared }.map(\.address) }
    private var listeners: [ListenerAddress] = []
    /// Whether listeners take TLS.
    public let speaksTLS: Bool
    private let configuration: Configuration
    private var shared: SharedRuntime
    private let log: Logger
    private var threads: [LoopThread] = []
    private let logPipe: LinePipe

    /// Prepares a broker; nothing listens yet.
    ///
    /// - Throws: ``ServerError`` if the certificate or key cannot be used.
    public init(_ configuration: Configuration) throws(ServerError) {
        do throws(UVError) {
            logPipe = try LinePipe(to: STDERR_FILENO)
        } catch {
            throw ServerError("cannot log: \(error)")
        }
        let log = Self.makeLog(configuration, logPipe)
        var configuration = configuration
        let tls: TLSContext?
        do throws(TLSError) {
            tls = try Self.makeTLS(configuration.tls)
        } catch {
            throw ServerError(error.description)
        }
        speaksTLS = tls != nil
        Self.raiseDescriptorLimit(for: &configuration, log)
        self.configuration = configuration
        self.log = log
        let loopCount = configuration.runtime.loops == 0 ? ProcessLimits.processorCount : configuration.runtime.loops
        shared = try SharedRuntime(configuration, loopCount: loopCount, tls: tls, log: log)
    }

    private static func makeLog(_ configuration: Configuration, _ pipe: LinePipe) -> Logger {
        var log = Logger(label: "broker") { LineLogHandler(label: $0, to: pipe) }
        log.logLevel = Logger.Level(rawValue: configuration.runtime.logLevel.rawValue) ?? .info
        return log
    }

    private static func makeTLS(_ settings: Configuration.TLS) throws(TLSError) -> TLSContext? {
        guard settings.isEnabled else { return nil }
        return try TLSContext.server(
            certificateFile: settings.certificateFile, privateKeyFile: settings.privateKeyFile,
            alpn: [ProtocolName.native, ProtocolName.http],
            clientAuthorityFile: settings.clientAuthoritiesFile.isEmpty ? nil : settings.clientAuthoritiesFile,
            minimumVersion: settings.minimumVersion == .tls13 ? .tls13 : .tls12)
    }

    /// Connections of each loop at present.
    public var connectionCounts: [Int] { shared.census.countsByLoop }

    // MARK: Life

    /// Starts the loops and listens; returns once connections are accepted.
    ///
    /// - Throws: ``ServerError``: an address in use or not to be had, or a refusal of the system. Nothing runs then.
    public func start() throws(ServerError) {
        try openStorage()
        do throws(ServerError) {
            var asked = try Self.resolve(configuration.listen)
            for index in shared.boxes.indices {
                let bound = try startLoop(index, listeningAt: asked)
                // The first loop chooses the ports; the others listen at the same ones.
                if index == 0 {
                    listeners = bound
                    asked = bound
                }
            }
        } catch {
            stopLoops()
            throw error
        }
        log.notice("broker \(Release.version) runs \(shared.boxes.count) \(shared.boxes.count == 1 ? "loop" : "loops")")
        for listener in listeners {
            log.notice("listening on \(listener.address) for \(kinds(at: listener).joined(separator: " and "))")
        }
    }

    /// Why nothing can be stored at present, in one line; nil if it can, or if nothing is to be.
    public var storageProblem: String? { shared.storage?.currentProblem }

    private func openStorage() throws(ServerError) {
        guard configuration.storage.enabled else { return log.notice("history is off: nothing outlives the process") }
        shared.storage = try ServerStorage(
            configuration, map: shared.map, boxes: shared.boxes, now: ShardDriver.wallClock(), log: log)
    }

    /// Serves until SIGINT, SIGTERM or SIGHUP, then shuts down; a second signal ends at once. At SIGUSR1 each loop logs what it has.
    ///
    /// - Throws: ``ServerError`` if it cannot start.
    public func run() throws(ServerError) {
        defer { logPipe.close() }
        try start()
        var refusal: String?
        do throws(UVError) {
            let loop = try EventLoop()
            let signals = try SignalNumber.endings.map { (signal) throws(UVError) in
                try SignalWatcher(loop: loop, signal: signal) { loop.stop() }
            }
            let reporter = try SignalWatcher(loop: loop, signal: SignalNumber.report) { [shared] in
                shared.boxes.forEach { $0.orders.post([.report]) }
                shared.storage?.report(to: shared.log)
            }
            do throws(UVError) {
                try writeReadyFile()
            } catch {
                refusal = "cannot write the ready file \(configuration.runtime.readyFile): \(error)"
                throw error
            }
            loop.run()
            log.notice("shutting down; a second signal ends at once")
            // The second watchers are there before the first ones go, so that no signal finds none.
            let second = try SignalNumber.endings.map { [shared] (signal) throws(UVError) in
                try SignalWatcher(loop: loop, signal: signal) { shared.boxes.forEach { $0.orders.post([.stop]) } }
            }
            for signal in signals { signal.close() }
            requestShutdown()
            // The signal watchers need a running loop while the others end; the last one to end stops it.
            let joined = Mailbox<Bool>()
            try joined.attach(to: loop) { _ in loop.stop() }
            let threads = threads
            let waiter = try LoopThread(name: "shutdown", stackByteCount: 256 * 1024) {
                for thread in threads { thread.join() }
                joined.post([true])
            }
            loop.run()
            waiter.join()
            for signal in second { signal.close() }
            reporter.close()
            joined.close()
            loop.close()
        } catch {
            shutDown()
            throw ServerError(refusal ?? "cannot serve: \(error)")
        }
        shared.accounts?.stop()
        threads = []
        shared.storage?.store.close()
        removeReadyFile()
        log.notice("stopped")
    }

    /// Accepts no more, tells every client, and ends the loops once the clients are gone or the time is up. From any thread; returns at once.
    public func requestShutdown() {
        for boxes in shared.boxes { boxes.orders.post([.shutDown]) }
    }

    /// Shuts down and waits until the loops have ended.
    public func shutDown() {
        requestShutdown()
        for thread in threads { thread.join() }
        threads = []
        shared.accounts?.stop()
        shared.storage?.store.close()
    }

    private func stopLoops() {
        for boxes in shared.boxes { boxes.orders.post([.stop]) }
        for thread in threads { thread.join() }
        threads = []
        shared.accounts?.stop()
        shared.storage?.store.close()
    }

    // MARK: Loops

    private func startLoop(_ index: Int, listeningAt addresses: [ListenerAddress]) throws(ServerError) -> [ListenerAddress] {
        let outcome = Mailbox<StartOutcome>()
        var result: StartOutcome?
        do throws(UVError) {
            let loop = try EventLoop()
            try outcome.attach(to: loop) {
                result = $0.last
                loop.stop()
            }
            let shared = shared
            threads.append(
                try LoopThread(name: "loop-\(index)", stackByteCount: 1 << 20) {
                    Self.serve(index, shared, addresses, outcome)
                })
            loop.run()
            outcome.close()
            loop.close()
        } catch {
            throw ServerError("cannot start a loop: \(error)")
        }
        switch result {
        case .success(let bound): return bound
        case .failure(let error): throw error
        case nil: preconditionFailure("the waiting ends with an outcome")
        }
    }

    /// The life of one loop, on its thread.
    private static func serve(_ index: Int, _ shared: SharedRuntime, _ addresses: [ListenerAddress], _ outcome: Mailbox<StartOutcome>) {
        let driver: ShardDriver
        do throws(UVError) {
            driver = try ShardDriver(index: index, shared: shared)
        } catch {
            outcome.post([.failure(ServerError("cannot make an event loop: \(error)"))])
            return
        }
        do throws(ServerError) {
            outcome.post([.success(try driver.listen(at: addresses))])
            driver.run()
        } catch {
            driver.close()
            outcome.post([.failure(error)])
        }
    }

    private static func resolve(_ listen: Configuration.Listen) throws(ServerError) -> [ListenerAddress] {
        var listeners: [ListenerAddress] = []
        for (addresses, kind) in [
            (listen.addresses, ListenerKind.shared), (listen.lineAddresses, .line), (listen.lineTlsAddresses, .lineOverTLS),
        ] {
            for address in addresses { listeners.append(ListenerAddress(address: try resolve(address), kind: kind)) }
        }
        return listeners
    }

    private static func resolve(_ address: ListenAddress) throws(ServerError) -> SocketAddress {
        do throws(UVError) {
            return try SocketAddress(host: address.host, port: address.port)
        } catch {
            throw ServerError("\(address) is no address: \(error)")
        }
    }

    /// Descriptors of a process that are no connections: loops, listeners, files.
    private static let descriptorReserve = 64

    /// Allows as many open files as the system lets us, and not more connections than that.
    private static func raiseDescriptorLimit(for configuration: inout Configuration, _ log: Logger) {
        do throws(UVError) {
            let limit = Int(clamping: try ProcessLimits.raiseDescriptorLimit().soft)
            let most = max(1, limit - descriptorReserve)
            guard configuration.limits.connectionsMax > most else { return }
            log.info("at most \(most) connections, because the system allows \(limit) open files")
            configuration.limits.connectionsMax = most
        } catch {
            log.warning("cannot raise the limit of open files: \(error)")
        }
    }

    // MARK: The ready file

    /// What a client may speak at an address.
    private func kinds(at listener: ListenerAddress) -> [String] {
        switch listener.kind {
        case .line: return ["line"]
        case .lineOverTLS: return ["line-tls"]
        case .shared:
            let isClearTextAccepted = listener.address.isLoopback || configuration.listen.allowClearTextOffLoopback
            return (isClearTextAccepted ? ["native", "http"] : []) + (speaksTLS ? ["tls"] : [])
        }
    }

    /// Writes the chosen addresses where `runtime.ready_file` says, if it says so.
    private func writeReadyFile() throws(UVError) {
        let path = configuration.runtime.readyFile
        guard !path.isEmpty else { return }
        let entries = listeners.map { ReadyFile.Listener(address: $0.address.description, kinds: kinds(at: $0)) }
        try ReadyFile.write(ReadyFile(version: Release.version, listeners: entries), to: path)
    }

    private func removeReadyFile() {
        guard !configuration.runtime.readyFile.isEmpty else { return }
        ReadyFile.remove(configuration.runtime.readyFile)
    }
}

/// What became of a loop's start: the addresses it listens at, or why it does not.
private typealias StartOutcome = Result<[ListenerAddress], ServerError>
