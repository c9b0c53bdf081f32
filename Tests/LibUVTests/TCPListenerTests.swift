import Bytes
import Glibc
import LibUV
import Testing

struct TCPListenerTests {
    @Test func addressInUseShowsAtConstruction() throws {
        try withLoop { loop in
            let first = try TCPListener(loop: loop, address: .loopback(port: 0), backlog: 1, sharing: .alone)
            #expect(first.localAddress.port != 0)
            #expect(throws: UVError.addressInUse) {
                try TCPListener(loop: loop, address: first.localAddress, backlog: 1, sharing: .alone)
            }
        }
    }

    // In a process of its own: one that another test starts holds copies of this process's sockets for a moment.
    @Test func portIsFreeAsSoonAsTheListenerIsClosed() async {
        await #expect(processExitsWith: .success) {
            try withLoop { loop in
                let address = try SocketAddress(host: "127.0.0.9", port: 0)
                let first = try TCPListener(loop: loop, address: address, backlog: 1, sharing: .alone)
                first.close()
                let second = try TCPListener(loop: loop, address: first.localAddress, backlog: 1, sharing: .alone)
                #expect(second.localAddress == first.localAddress)
            }
        }
    }

    @Test func addressOfAnotherMachineIsRefused() throws {
        try withLoop { loop in
            let foreign = try SocketAddress(host: "192.0.2.1", port: 0)
            #expect(throws: UVError.addressNotAvailable) {
                try TCPListener(loop: loop, address: foreign, backlog: 1, sharing: .alone)
            }
        }
    }

    @Test func acceptsMoreThanOneTurnTakes() throws {
        try withLoop { loop in
            let connectionCount = 150
            var accepted: [AcceptedSocket] = []
            var acceptCountsOfTurns: [Int] = []
            var connected: [TCPStream] = []
            loop.onTurnEnd = {
                acceptCountsOfTurns.append(accepted.count)
                if accepted.count == connectionCount && connected.count == connectionCount { loop.stop() }
            }
            // Nobody accepts until all connections wait in the backlog.
            let listener = try TCPListener(loop: loop, address: .loopback(port: 0), backlog: 256, sharing: .alone)
            for _ in 0..<connectionCount {
                TCPStream.connect(loop: loop, to: listener.localAddress) { result in
                    recordingErrors { connected.append(try result.get()) }
                    if connected.count == connectionCount {
                        listener.start(onAccept: { accepted.append($0) }, onError: { Issue.record($0) })
                    }
                }
            }
            loop.run()
            #expect(Set(accepted.map(\.peer)).count == connectionCount)
            #expect(acceptCountsOfTurns.contains(64) && acceptCountsOfTurns.contains(128))
        }
    }

    @Test func droppedSocketIsClosed() throws {
        try withLoop { loop in
            let listener = try listen(on: loop) { _ in }
            let recorder = Recorder()
            recorder.onEnd = { _ in loop.stop() }
            TCPStream.connect(loop: loop, to: listener.localAddress) { result in
                do {
                    let stream = try result.get()
                    stream.delegate = recorder
                    try stream.startReading()
                } catch {
                    Issue.record(error)
                }
            }
            loop.run()
            #expect(recorder.endCount == 1)
        }
    }

    @Test func closesInItsOwnHandler() throws {
        try withLoop { loop in
            var acceptCount = 0
            var listener: TCPListener?
            listener = try listen(on: loop) { _ in
                acceptCount += 1
                listener?.close()
            }
            let address = try #require(listener).localAddress
            for _ in 0..<3 {
                TCPStream.connect(loop: loop, to: address) { result in
                    if case .success(let stream) = result { stream.close() }
                }
            }
            loop.run()
            listener = nil
            #expect(acceptCount == 1)
        }
    }

    @Test func listenersOfTwoLoopsShareOneAddress() throws {
        enum Report: Sendable {
            case listening(SocketAddress)
            case accepted(Int)
            case failed(UVError)
        }
        try withLoop { loop in
            let stops = [Mailbox<Bool>(), Mailbox<Bool>()]
            var threads: [LoopThread] = []
            var acceptCounts = [0, 0]
            var address: SocketAddress?
            let reports = Mailbox<Report>()

            func startListener(_ index: Int, at address: SocketAddress) throws {
                let stop = stops[index]
                threads.append(
                    try LoopThread(name: "listener-\(index)", stackByteCount: 1 << 20) {
                        do {
                            let loop = try EventLoop()
                            try stop.attach(to: loop) { _ in loop.stop() }
                            let listener = try TCPListener(loop: loop, address: address, backlog: 128, sharing: .joins)
                            listener.start(
                                onAccept: { _ in reports.post([.accepted(index)]) }, onError: { reports.post([.failed($0)]) })
                            reports.post([.listening(listener.localAddress)])
                            loop.run()
                            loop.close()
                        } catch {
                            Issue.record(error)
                        }
                    })
            }

            func connect() {
                guard let address else { return }
                TCPStream.connect(loop: loop, to: address) { result in
                    recordingErrors { try result.get().close() }
                }
            }

            var listeningCount = 0
            try reports.attach(to: loop) { batch in
                for report in batch {
                    switch report {
                    case .listening(let actual):
                        listeningCount += 1
                        address = actual
                        if listeningCount == 1 {
                            recordingErrors { try startListener(1, at: actual) }
                        } else {
                            connect()
                        }
                    case .accepted(let index):
                        acceptCounts[index] += 1
                        // The kernel chooses by a hash: 200 connections on one side only would be a chance of 1 in 2^199.
                        if acceptCounts.contains(0) && acceptCounts.reduce(0, +) < 200 { connect() } else { loop.stop() }
                    case .failed(let error):
                        Issue.record(error)
                        loop.stop()
                    }
                }
            }
            try startListener(0, at: .loopback(port: 0))
            loop.run()
            for stop in stops { stop.post([true]) }
            for thread in threads { thread.join() }
            #expect(!acceptCounts.contains(0))
        }
    }

    @Test func handsASocketToAnotherLoop() throws {
        try withLoop { loop in
            let inbox = Mailbox<AcceptedSocket>()
            let worker = try LoopThread(name: "worker", stackByteCount: 1 << 20) {
                do {
                    let loop = try EventLoop()
                    let echo = Recorder()
                    echo.onRead = { stream, octets in
                        recordingErrors { try stream.send(octets.reversed()) }
                    }
                    echo.onEnd = { $0.close() }
                    echo.onClose = { _ in loop.stop() }
                    try inbox.attach(to: loop) { sockets in
                        for socket in sockets {
                            recordingErrors {
                                let stream = try TCPStream(loop: loop, adopting: socket)
                                stream.delegate = echo
                                try stream.startReading()
                            }
                        }
                    }
                    loop.run()
                    loop.close()
                } catch {
                    Issue.record(error)
                }
            }
            let listener = try listen(on: loop) { inbox.post([$0]) }
            let recorder = Recorder()
            recorder.onRead = { stream, _ in
                stream.close()
                listener.close()
            }
            TCPStream.connect(loop: loop, to: listener.localAddress) { result in
                do {
                    let stream = try result.get()
                    stream.delegate = recorder
                    try stream.startReading()
                    try stream.send([1, 2, 3])
                } catch {
                    Issue.record(error)
                }
            }
            loop.run()
            worker.join()
            #expect(recorder.received == [3, 2, 1])
        }
    }

    // The limit of descriptors belongs to the whole process, so these run in processes of their own.

    @Test func shedsConnectionsWhenDescriptorsRunOut() async {
        await #expect(processExitsWith: .success) {
            try withLoop { loop in
                var accepted: [AcceptedSocket] = []
                var errors: [UVError] = []
                let listener = try TCPListener(loop: loop, address: .loopback(port: 0), backlog: 16, sharing: .alone)
                let recorders = (0..<3).map { _ in Recorder() }
                var latecomer: TCPStream?
                var descriptors: ExhaustedDescriptors?

                var connected: [TCPStream] = []
                for recorder in recorders {
                    TCPStream.connect(loop: loop, to: listener.localAddress) { result in
                        recordingErrors {
                            let stream = try result.get()
                            stream.delegate = recorder
                            try stream.startReading()
                            connected.append(stream)
                        }
                        if connected.count == recorders.count { loop.stop() }
                    }
                    recorder.onEnd = { _ in
                        // Everybody who waited has been told; there are descriptors again, and the listener is still alive.
                        guard recorders.allSatisfy({ $0.endCount == 1 }) else { return }
                        descriptors?.restore()
                        TCPStream.connect(loop: loop, to: listener.localAddress) { result in
                            recordingErrors { latecomer = try result.get() }
                        }
                    }
                }
                loop.run()
                descriptors = ExhaustedDescriptors(on: loop)
                listener.start(
                    onAccept: {
                        accepted.append($0)
                        loop.stop()
                    },
                    onError: {
                        errors.append($0)
                        // Another thread of the test process has taken the place of the reserve: the listener rests until there is one.
                        if errors.count > recorders.count { descriptors?.giveOneBack() }
                    })
                loop.run()
                #expect(recorders.map(\.endCount) == [1, 1, 1])
                #expect(Set(errors) == [.tooManyOpenDescriptors])
                #expect(accepted.count == 1)
                withExtendedLifetime(latecomer) {}
                // Their handlers hold them all.
                for recorder in recorders { recorder.onEnd = nil }
            }
        }
    }

    @Test func restsAndGoesOnWhenNotEvenTheReserveHelps() async {
        await #expect(processExitsWith: .success) {
            try withLoop { loop in
                var accepted: [AcceptedSocket] = []
                var errors: [UVError] = []
                var client: TCPStream?
                let listener = try TCPListener(loop: loop, address: .loopback(port: 0), backlog: 16, sharing: .alone)
                TCPStream.connect(loop: loop, to: listener.localAddress) { result in
                    recordingErrors { client = try result.get() }
                    loop.stop()
                }
                loop.run()
                // With a limit of zero, what is closed cannot be opened again.
                let previous = exchangeDescriptorLimit(0)
                listener.start(
                    onAccept: {
                        accepted.append($0)
                        loop.stop()
                    },
                    onError: { error in
                        errors.append(error)
                        if errors.count == 2 { exchangeDescriptorLimit(previous) }
                    })
                loop.run()
                // The connection has waited all the time.
                #expect(errors == [.tooManyOpenDescriptors, .tooManyOpenDescriptors])
                #expect(accepted.count == 1)
                withExtendedLifetime(client) {}
            }
        }
    }
}

/// Sets how many descriptors the process may have open, and gives back how many it was.
@discardableResult
private func exchangeDescriptorLimit(_ count: rlim_t) -> rlim_t {
    var limit = rlimit()
    #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    let previous = limit.rlim_cur
    limit.rlim_cur = count
    #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    return previous
}

/// Takes every descriptor that the process may have.
private final class ExhaustedDescriptors {
    private let loop: EventLoop
    private let previousLimit: rlim_t
    private var taken: [Int32] = []

    init(on loop: EventLoop) {
        self.loop = loop
        previousLimit = exchangeDescriptorLimit(128)
        fill()
        // Other threads of the test process may close something later: what becomes free is taken at every turn's end.
        loop.onTurnEnd = { [unowned self] in fill() }
    }

    private func fill() {
        while true {
            let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return }
            taken.append(descriptor)
        }
    }

    /// Frees one, and takes no more.
    func giveOneBack() {
        loop.onTurnEnd = nil
        if let descriptor = taken.popLast() { close(descriptor) }
    }

    func restore() {
        loop.onTurnEnd = nil
        exchangeDescriptorLimit(previousLimit)
    }
}
