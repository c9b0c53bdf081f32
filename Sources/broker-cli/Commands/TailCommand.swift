import ArgumentParser
import ChatClient
import ChatCore
import ChatProtocol

/// `tail`: prints the last events of rooms, and with `--follow` those to come.
struct TailCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Print the last events of rooms.",
        discussion: """
            With --follow it goes on until it is interrupted, also over lost connections; --timeout then bounds only the beginning. \
            What was missed is told by numbers on standard error, and in JSON as objects "lag", "hole" and "missed".
            """)

    @Option(help: ArgumentHelp("A room, or a conversation as @bob; may be given several times. Default: lobby.", valueName: "room"))
    var room: [String] = []

    @Option(help: ArgumentHelp("How many events from before, 0 to 1000; the broker may keep fewer.", valueName: "n"))
    var count: Int = 20

    @Flag(help: "Go on with what is said from now on.")
    var follow = false

    @OptionGroup var options: VerbOptions

    func validate() throws {
        guard (0...1000).contains(count) else { throw ValidationError("--count is from 0 to 1000") }
    }

    func execute() throws -> ExitStatus {
        try VerbRunner.run(options) { runner in
            let rooms = try (room.isEmpty ? ["lobby"] : room).map { (text) throws(StartFailure) in try runner.address(text) }
            Tail(runner, Set(rooms), count: count, follows: follow, isColoured: options.connection.isColoured(.output)).start()
        }
    }
}

/// Kept alive by the closures it hands out.
private final class Tail {
    private let runner: VerbRunner
    private let rooms: Set<RoomAddress>
    private let count: Int
    private let follows: Bool
    private let isColoured: Bool
    /// Events from before of the rooms that have not come to the last one.
    private var waiting: [RoomAddress: [Event]]
    /// That event, once the answer to JOIN has told it.
    private var ends: [RoomAddress: UInt64] = [:]
    /// Rooms of which the user was a member before.
    private var memberBefore: Set<RoomAddress> = []

    init(_ runner: VerbRunner, _ rooms: Set<RoomAddress>, count: Int, follows: Bool, isColoured: Bool) {
        self.runner = runner
        self.rooms = rooms
        self.count = count
        self.follows = follows
        self.isColoured = isColoured
        waiting = Dictionary(uniqueKeysWithValues: rooms.map { ($0, []) })
    }

    func start() {
        runner.isFollowing = follows
        runner.onNotice = { [self] in didNotice($0) }
        // One more than is wanted: the last one can be the news that this very visitor came.
        let tail = count == 0 ? 0 : min(UInt64(count) + 1, 1000)
        for room in rooms.sorted() {
            // Who may read already is a member, and does not become one by this visit: a range that nothing has happened in is read.
            let never = ProtocolLimits.integerMax
            runner.client.request(.history(room, from: never, to: never, limit: 1)) { [self] outcome in
                if case .history = outcome { memberBefore.insert(room) }
            }
            runner.ask(.join(room, tail: tail)) { [self] outcome in
                guard case .joined(let joined) = outcome else { return }
                ends[room] = joined.head
                reach(joined.next > 0 ? joined.next - 1 : 0, in: room)
            }
        }
    }

    private func didNotice(_ notice: ClientNotice) {
        switch notice {
        case .event(let event):
            guard rooms.contains(event.room) else { return }
            if !isOwnArrival(event) {
                if waiting[event.room] == nil { show(notice) } else { waiting[event.room]?.append(event) }
            }
            reach(event.seq, in: event.room)
        case .skipped(let room, let range), .hole(let room, let range, _):
            guard rooms.contains(room) else { return }
            show(notice)
            reach(range.upperBound, in: room)
        case .roomLost(let room, let failure):
            if rooms.contains(room) { runner.refuse(failure, for: .join(room, tail: 0)) }
        case .recovered, .connectionLost, .logReset:
            if runner.isJSON { show(notice) }
        default: break
        }
    }

    /// Whether an event says no more than that this very visit began: in a room that is entered it is the last one before the answer.
    private func isOwnArrival(_ event: Event) -> Bool {
        if runner.client.isOwnArrival(event) { return true }
        return event.kind == .joined && (event.user ?? event.from) == runner.client.account && event.seq == ends[event.room]
            && !memberBefore.contains(event.room)
    }

    private func reach(_ seq: UInt64, in room: RoomAddress) {
        guard let end = ends[room], seq >= end, let events = waiting.removeValue(forKey: room) else { return }
        for event in events.suffix(count) { show(.event(event)) }
        guard waiting.isEmpty else { return }
        if follows { runner.stopClock() } else { runner.finish(.ok) }
    }

    private func show(_ notice: ClientNotice) {
        if runner.isJSON {
            for line in NoticeJSON.lines(notice) { runner.print(line) }
            return
        }
        let text = NoticeText(events: EventText(account: runner.client.account, isOneLine: true, tellsDay: true, tellsNumber: true))
        for line in text.lines(notice) {
            if case .event = notice {
                runner.print(line.rendered(isColoured: isColoured))
            } else {
                StandardStream.error.writeLine(line.rendered(isColoured: false))
            }
        }
    }
}
