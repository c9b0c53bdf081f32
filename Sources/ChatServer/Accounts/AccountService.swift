import ChatCore
import ChatProtocol
import Credentials
import Glibc
import LibUV
import Logging
import SASL
import Synchronization

/// The way from the loops to ``AccountJudge``: two threads, one for the accounts and one that derives keys from passwords, with a bound on
/// what waits for each.
///
/// ``ask(_:)`` is for any thread and never waits. Answers are delivered on the service's threads.
final class AccountService: Sendable {
    struct Request: Sendable {
        let loop: Int
        let question: CredentialQuestion
        let evidence: ChannelEvidence
    }

    /// What the service tells, on threads of its own.
    struct Listener: Sendable {
        let deliver: @Sendable (_ loop: Int, _ number: UInt64, CredentialAnswer) -> Void
        let suspended: @Sendable ([AccountName]) -> Void
    }

    private enum Order: Sendable {
        case judge(Request)
        case derived(Request, AccountName, isRight: Bool)
        case stop
    }

    private struct Derivation: Sendable {
        let request: Request
        let verifier: ScramVerifier
        let password: [UInt8]
        let account: AccountName
        let isGenuine: Bool
    }

    private enum DerivationOrder: Sendable {
        case derive(Derivation)
        case stop
    }

    private static let waitingMax = 4_096
    /// Each takes a good part of a second.
    private static let derivationsMax = 32
    private static let lookMilliseconds: UInt64 = 1_000

    private let orders = Mailbox<Order>()
    private let derivations = Mailbox<DerivationOrder>()
    private let waitingCount = Atomic<Int>(0)
    private let derivationCount = Atomic<Int>(0)
    private let threads = Guarded<[LoopThread]>([])
    private let listener: Listener

    private init(_ listener: Listener) { self.listener = listener }

    /// Opens the accounts and starts the threads.
    static func start(_ settings: AccountSettings, listener: Listener, log: Logger) throws(ServerError) -> AccountService {
        let service = AccountService(listener)
        var refusal: ServerError?
        do throws(UVError) {
            // Whoever starts the service waits in a loop of its own until the accounts are open.
            let loop = try EventLoop()
            let outcome = Mailbox<ServerError?>()
            try outcome.attach(to: loop) {
                refusal = $0.last ?? nil
                loop.stop()
            }
            let accounts = try LoopThread(name: "accounts", stackByteCount: 1 << 20) {
                service.serve(settings, log) { outcome.post([$0]) }
            }
            service.threads.withLock { $0.append(accounts) }
            let passwords = try LoopThread(name: "passwords", stackByteCount: 512 * 1024) { service.serveDerivations(log) }
            service.threads.withLock { $0.append(passwords) }
            loop.run()
            outcome.close()
            loop.close()
        } catch {
            throw ServerError("cannot start the threads of the accounts: \(error)")
        }
        if let refusal {
            service.stop()
            throw refusal
        }
        return service
    }

    /// Asks. False if too much waits: there is no answer then.
    func ask(_ request: Request) -> Bool {
        guard waitingCount.add(1, ordering: .relaxed).newValue <= Self.waitingMax else {
            waitingCount.subtract(1, ordering: .relaxed)
            return false
        }
        orders.post([.judge(request)])
        return true
    }

    /// Ends both threads and waits for them; questions that wait are not answered. A second call does nothing.
    func stop() {
        orders.post([.stop])
        derivations.post([.stop])
        for thread in threads.withLock({ $0 }) { thread.join() }
        threads.withLock { $0 = [] }
    }

    // MARK: The thread of the accounts

    private func serve(_ settings: AccountSettings, _ log: Logger, _ opened: (ServerError?) -> Void) {
        let judge: AccountJudge
        let loop: EventLoop
        do throws(ServerError) {
            judge = try AccountJudge(settings, log: log)
        } catch {
            return opened(error)
        }
        do throws(UVError) {
            loop = try EventLoop()
            try orders.attach(to: loop) { [unowned self] in obey($0, judge, loop) }
        } catch {
            return opened(ServerError("cannot make an event loop for the accounts: \(error)"))
        }
        let timer = Timer(loop: loop)
        timer.start(afterMilliseconds: Self.lookMilliseconds, repeatMilliseconds: Self.lookMilliseconds) { [listener] in
            let names = judge.lookForChanges()
            if !names.isEmpty { listener.suspended(names) }
        }
        opened(nil)
        loop.run()
        orders.close()
        timer.close()
        loop.close()
    }

    private func obey(_ orders: [Order], _ judge: AccountJudge, _ loop: EventLoop) {
        var requests: [Request] = []
        var isStopping = false
        for order in orders {
            switch order {
            case .judge(let request): requests.append(request)
            case .derived(let request, let account, let isRight):
                let answer = judge.finishPlain(
                    account, isRight: isRight, request.question.origin, request.evidence, monotonic: loop.nowMilliseconds,
                    wall: Self.wallClock())
                listener.deliver(request.loop, request.question.number, answer)
            case .stop: isStopping = true
            }
        }
        if !requests.isEmpty { answer(requests, judge, loop) }
        if isStopping { loop.stop() }
    }

    private func answer(_ requests: [Request], _ judge: AccountJudge, _ loop: EventLoop) {
        let verdicts = judge.judge(
            requests.map { ($0.question.subject, $0.question.origin, $0.evidence) }, monotonic: loop.nowMilliseconds,
            wall: Self.wallClock())
        waitingCount.subtract(requests.count, ordering: .relaxed)
        for (request, verdict) in zip(requests, verdicts) {
            switch verdict {
            case .answer(let answer): listener.deliver(request.loop, request.question.number, answer)
            case .derive(let verifier, let password, let account, let isGenuine):
                derive(Derivation(request: request, verifier: verifier, password: password, account: account, isGenuine: isGenuine))
            }
        }
    }

    private func derive(_ derivation: Derivation) {
        guard derivationCount.add(1, ordering: .relaxed).newValue <= Self.derivationsMax else {
            derivationCount.subtract(1, ordering: .relaxed)
            let request = derivation.request
            return listener.deliver(request.loop, request.question.number, .refused(.overloaded, reason: "too many log in at once"))
        }
        derivations.post([.derive(derivation)])
    }

    private static func wallClock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }

    // MARK: The thread of the passwords

    private func serveDerivations(_ log: Logger) {
        do throws(UVError) {
            let loop = try EventLoop()
            try derivations.attach(to: loop) { [unowned self] orders in
                for order in orders {
                    switch order {
                    case .derive(let derivation):
                        let isRight = derivation.verifier.accepts(password: derivation.password) && derivation.isGenuine
                        derivationCount.subtract(1, ordering: .relaxed)
                        self.orders.post([.derived(derivation.request, derivation.account, isRight: isRight)])
                    case .stop: return loop.stop()
                    }
                }
            }
            loop.run()
            derivations.close()
            loop.close()
        } catch {
            log.error("cannot make an event loop for passwords: \(error)")
        }
    }
}
