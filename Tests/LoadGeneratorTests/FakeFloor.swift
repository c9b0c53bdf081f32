import Bytes
import LibUV
import Synchronization

/// A server of the floor's wire, on a thread of its own, that can be told to do one thing wrong at one delivery.
final class FakeFloor: Sendable {
    enum Fault: Sendable, CaseIterable {
        case none, drop, duplicate, swap, otherRoom, corruptBody, disconnect, nonsense
    }

    let port: UInt16
    private let thread: LoopThread
    private let stop: Mailbox<Void>

    init(_ fault: Fault = .none) throws {
        let stop = Mailbox<Void>()
        let chosenPort = PortBox()
        self.stop = stop
        thread = try LoopThread(name: "fake-floor", stackByteCount: 1 << 20) {
            do {
                let loop = try EventLoop()
                defer { loop.close() }
                let listener = try TCPListener(loop: loop, address: .loopback(port: 0), backlog: 512, sharing: .alone)
                let state = FakeFloorState(fault)
                try stop.attach(to: loop) { _ in loop.stop() }
                listener.start { socket in
                    do { try state.accept(TCPStream(loop: loop, adopting: socket)) } catch { preconditionFailure("\(error)") }
                } onError: { error in
                    preconditionFailure("\(error)")
                }
                chosenPort.value.store(Int(listener.localAddress.port), ordering: .releasing)
                loop.run()
                stop.close()
            } catch {
                preconditionFailure("\(error)")
            }
        }
        while chosenPort.value.load(ordering: .acquiring) == 0 {}
        port = UInt16(chosenPort.value.load(ordering: .acquiring))
    }

    func close() {
        stop.post([()])
        thread.join()
    }

    private final class PortBox: Sendable {
        let value = Atomic<Int>(0)
    }
}

private final class FakeFloorState {
    private let fault: FakeFloor.Fault
    private var members: [[UInt8]: [FakeFloorConnection]] = [:]
    private var frameCount = 0
    private var held: SharedBytes?

    init(_ fault: FakeFloor.Fault) { self.fault = fault }

    func accept(_ stream: TCPStream) throws(UVError) {
        stream.delegate = FakeFloorConnection(stream: stream, state: self)
        try stream.startReading()
    }

    func handle(_ frame: [UInt8], from connection: FakeFloorConnection) {
        let room = Array(frame[5..<9])
        let octets = SharedBytes(frame)
        guard frame[4] == UInt8(ascii: "!") else {
            if frame[4] == UInt8(ascii: "+") { members[room, default: []].append(connection) }
            return connection.send(octets)
        }
        frameCount += 1
        for member in members[room] ?? [] {
            // The last member of the room meets the fault, at the twentieth message or, where two change places, from it to the next.
            if member === members[room]?.last, frameCount == 20 || held != nil {
                fail(frame, octets, to: member)
            } else {
                member.send(octets)
            }
        }
    }

    private func fail(_ frame: [UInt8], _ octets: SharedBytes, to member: FakeFloorConnection) {
        var changed = frame
        switch fault {
        case .none: member.send(octets)
        case .drop: break
        case .duplicate:
            member.send(octets)
            member.send(octets)
        case .swap:
            guard let first = held else { return held = octets }
            held = nil
            member.send(octets)
            member.send(first)
        case .otherRoom:
            changed[8] ^= 1
            member.send(SharedBytes(changed))
        case .corruptBody:
            changed[changed.count - 1] ^= 1
            member.send(SharedBytes(changed))
        case .disconnect: member.close()
        case .nonsense: member.send(SharedBytes([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0]))
        }
    }

    func didEnd(_ connection: FakeFloorConnection) {
        for room in members.keys { members[room]?.removeAll { $0 === connection } }
    }
}

private final class FakeFloorConnection: TCPStreamDelegate {
    private let stream: TCPStream
    private let state: FakeFloorState
    private var input: [UInt8] = []
    private var pending: [SharedBytes] = []

    init(stream: TCPStream, state: FakeFloorState) {
        self.stream = stream
        self.state = state
    }

    func send(_ bytes: SharedBytes) {
        guard stream.isOpen else { return }
        pending.append(bytes)
        streamDidWrite(stream)
    }

    func close() { stream.close() }

    func stream(_ stream: TCPStream, didRead bytes: RawSpan) {
        for index in 0..<bytes.byteCount { input.append(bytes.byte(at: index)) }
        while input.count >= 9 {
            let count = 4 + Int(input.span.bytes.bigEndian(at: 0, byteCount: 4))
            guard input.count >= count else { return }
            let frame = Array(input[..<count])
            input.removeFirst(count)
            state.handle(frame, from: self)
        }
    }

    func streamDidReachEnd(_ stream: TCPStream) { stream.close() }
    func stream(_ stream: TCPStream, didFail error: UVError) { stream.close() }

    func streamDidWrite(_ stream: TCPStream) {
        guard stream.isOpen, !stream.isWriting, !pending.isEmpty else { return }
        let slices = pending
        pending = []
        do throws(UVError) { try stream.write(slices) } catch { stream.close() }
    }

    func streamDidClose(_ stream: TCPStream) { state.didEnd(self) }
}
