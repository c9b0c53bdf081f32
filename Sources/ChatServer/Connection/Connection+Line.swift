import Bytes
import ChatCore
import ChatDialects
import ChatProtocol
import Transport

/// What a connection keeps while a person types at its other end.
final class LineDoor {
    var dialect: LineDialect
    /// What is to be written: lines, made of the native frames that the core has queued, whenever what was made before has gone.
    var outgoing = OutboundQueue()

    init(bodyByteCountMax: Int) {
        var random = SystemRandomNumberGenerator()
        dialect = LineDialect(mark: random.next(), bodyByteCountMax: bodyByteCountMax)
    }
}

/// Line mode: the session speaks native frames, and the dialect stands between it and the person.
extension Connection {
    /// How long a person may take to give a name.
    private static let nameMilliseconds: UInt64 = 120_000

    /// Greets, and asks for a name.
    func beginLine() {
        guard stream.isSecure || isClearTextAccepted else { return endWithoutAWord("clear text is not accepted here") }
        let door = LineDoor(bodyByteCountMax: driver.shard.settings.bodyByteCountMax)
        phase = .line(door)
        noteChannel(isTyped: true)
        driver.shard.open(session, speaking: .native, at: driver.moment)
        perform(door.dialect.begin(), door)
        driver.shard.postpone(session, byMilliseconds: Self.nameMilliseconds, at: driver.moment)
    }

    func takeLines(_ door: LineDoor, _ octets: RawSpan) -> Int {
        var used = 0
        while !session.isInputHeld && !session.isEnding, let step = door.dialect.next(in: octets, used: &used) {
            perform([step], door)
            driver.relievePressure()
        }
        return session.isEnding ? octets.byteCount : used
    }

    /// Nothing more is typed: the dialect says goodbye behind its last answer.
    func endLines(_ door: LineDoor) { perform(door.dialect.endInput(), door) }

    private func perform(_ steps: [DialectStep], _ door: LineDoor) {
        for step in steps {
            switch step {
            case .write(let octets):
                door.outgoing.append(octets)
                // Nothing for the core's queue, but it is to be flushed at the end of the turn.
                driver.shard.enqueue(.empty, for: session, at: driver.moment)
            case .input(let input):
                driver.shard.touch(session, at: driver.moment)
                driver.shard.receive(input, from: session, at: driver.moment)
            case .close: endWithoutAWord("what came is no person's")
            }
        }
    }

    /// Turns what is queued into lines and writes them, as far as the peer takes them.
    func flushLines(_ door: LineDoor) -> FlushResult {
        var result = FlushResult.drained
        repeat {
            if door.outgoing.isEmpty {
                let frames = session.queue.slices
                session.queue.removeAll()
                for slice in frames { perform(door.dialect.take(frames: slice), door) }
            }
            result = stream.flush(&door.outgoing)
        } while result.isDrained && !session.queue.isEmpty
        // Lines may have waited for these answers.
        if !session.isEnding && !received.isEmpty { takeReceived() }
        regulateReading()
        noteEndOfInput()
        return result
    }
}

extension FlushResult {
    /// Whether all that was to be written has been.
    var isDrained: Bool {
        if case .drained = self { true } else { false }
    }
}
