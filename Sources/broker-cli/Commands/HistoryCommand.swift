import ArgumentParser
import ChatClient
import ChatCore
import ChatProtocol

/// `history`: prints what was said in a room before, as far back as is kept.
struct HistoryCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Print what was said in a room, as far back as the broker keeps it.",
        discussion: """
            The newest events come last; --before takes those in front of a number that an earlier page began with. Only members read \
            a room: it is entered for that, and left again.
            """)

    @Argument(help: ArgumentHelp("The room, or a conversation: @bob or @ada+bob.", valueName: "room"))
    var room: String

    @Option(help: ArgumentHelp("How many events.", valueName: "n"))
    var count: Int = 50

    @Option(help: ArgumentHelp("Only events with a lower number than this.", valueName: "seq"))
    var before: UInt64?

    @Option(help: ArgumentHelp("Only the thread that began with the message of this number.", valueName: "number"))
    var thread: UInt64?

    @OptionGroup var options: VerbOptions

    func validate() throws {
        guard (1...1_000_000).contains(count) else { throw ValidationError("--count is from 1 to 1000000") }
        guard before ?? 1 > 0 else { throw ValidationError("--before is above 0") }
        guard thread ?? 1 > 0 else { throw ValidationError("--thread is above 0") }
    }

    func execute() throws -> ExitStatus {
        try VerbRunner.run(options) { runner in
            let room = try runner.address(room)
            let pages = HistoryPages(runner, room, thread: thread, count: count, isColoured: options.connection.isColoured(.output))
            // What its own coming says is not asked for.
            runner.ask(.join(room, tail: 0)) { outcome in
                guard case .joined(let joined) = outcome else { return }
                pages.read(to: min((before ?? .max) - 1, joined.next - 1))
            }
        }
    }
}

/// Reads page after page backwards, and prints them forwards. Kept alive by the closures it hands out.
private final class HistoryPages {
    private static let pageCountMax: UInt64 = 1_000

    private let runner: VerbRunner
    private let room: RoomAddress
    private let thread: UInt64?
    private let count: Int
    private let isColoured: Bool
    /// The latest page first.
    private var pages: [[Event]] = []
    private var eventCount = 0

    init(_ runner: VerbRunner, _ room: RoomAddress, thread: UInt64?, count: Int, isColoured: Bool) {
        self.runner = runner
        self.room = room
        self.thread = thread
        self.count = count
        self.isColoured = isColoured
    }

    func read(to last: UInt64) {
        guard last > 0, eventCount < count else { return finish() }
        let limit = min(Self.pageCountMax, UInt64(count - eventCount))
        runner.ask(.history(room, from: 1, to: last, limit: limit, thread: thread)) { [self] outcome in
            guard case .history(let events, let fromSeq, _, let floor) = outcome else { return }
            pages.append(events)
            eventCount += events.count
            if fromSeq > max(floor, 1) { read(to: fromSeq - 1) } else { finish() }
        }
    }

    private func finish() {
        let text = NoticeText(events: EventText(account: runner.client.account, isOneLine: true, tellsDay: true, tellsNumber: true))
        // That this very visit began is no news.
        for event in pages.reversed().joined() where !runner.client.isOwnArrival(event) {
            let lines =
                runner.isJSON ? NoticeJSON.lines(.event(event)) : text.lines(.event(event)).map { $0.rendered(isColoured: isColoured) }
            for line in lines { runner.print(line) }
        }
        runner.finish(.ok)
    }
}
