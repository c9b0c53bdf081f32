import ArgumentParser
import Bytes
import ChatClient
import ChatCore
import ChatProtocol

/// `search`: prints in which messages words occur.
struct SearchCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Print the messages in which all of some words occur.",
        discussion: """
            The newest comes last. A word may stand within another, and capitals do not matter. Everything that the account may read is \
            searched, or with --room that room alone; only members read a room: it is entered for that, and left again.

            A time is that of ISO 8601, as 2026-11-21, 2026-11-21T12:04, 2026-11-21T12:04:31Z or 2026-11-21T12:04:31+01:00. A day means its \
            beginning; without Z or an offset it is the time of this machine.
            """)

    @Argument(help: ArgumentHelp("The words.", valueName: "word"))
    var words: [String]

    @Option(help: ArgumentHelp("Only in this room, or conversation, as @bob.", valueName: "room"))
    var room: String?

    @Option(help: ArgumentHelp("Only what this user said.", valueName: "name"))
    var from: String?

    @Option(help: ArgumentHelp("Only what was said then or later.", valueName: "time"))
    var since: MomentArgument?

    @Option(help: ArgumentHelp("Only what was said before.", valueName: "time"))
    var until: MomentArgument?

    @Option(help: ArgumentHelp("How many messages at most, the newest.", valueName: "n"))
    var limit: Int = 50

    @OptionGroup var options: VerbOptions

    func validate() throws {
        guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit is from 1 to 1000000") }
        guard words.joined(separator: " ").utf8.count <= Field.query.maximum else {
            throw ValidationError("what to search for has at most \(Field.query.maximum) octets")
        }
        if let since, let until, until.milliseconds < since.milliseconds { throw ValidationError("--until is before --since") }
    }

    func execute() throws -> ExitStatus {
        let author = try from.map { name in
            guard let author = try? AccountName(name) else { throw StartFailure(reason: "\"\(name)\" is no name: \(FailureText.nameRule)") }
            return author
        }
        return try VerbRunner.run(options) { runner in
            let room = try room.map { try runner.address($0) }
            let search = Search(
                query: words.joined(separator: " "), room: room, from: author, since: since?.milliseconds, until: until?.milliseconds)
            let pages = FoundPages(runner, search, count: limit, isColoured: options.connection.isColoured(.output))
            guard let room else { return pages.read(from: nil) }
            runner.ask(.join(room, tail: 0)) { _ in pages.read(from: nil) }
        }
    }
}

/// Reads page after page, the newest first, and prints them the other way round. Kept alive by the closures it hands out.
private final class FoundPages {
    private static let pageCountMax = 1_000

    private let runner: VerbRunner
    private let search: Search
    private let count: Int
    private let isColoured: Bool
    private var events: [Event] = []

    init(_ runner: VerbRunner, _ search: Search, count: Int, isColoured: Bool) {
        self.runner = runner
        self.search = search
        self.count = count
        self.isColoured = isColoured
    }

    func read(from cursor: SharedBytes?) {
        var page = search
        page.limit = UInt64(min(Self.pageCountMax, count - events.count))
        page.cursor = cursor
        runner.ask(.search(page)) { [self] outcome in
            guard case .found(let events, let cursor, _) = outcome else { return }
            self.events += events
            // A page that the broker had no time to fill is gone on with.
            if let cursor, self.events.count < count { read(from: cursor) } else { finish() }
        }
    }

    private func finish() {
        let text = NoticeText(events: EventText(account: runner.client.account, isOneLine: true, tellsDay: true, tellsNumber: true))
        for event in events.reversed() {
            let lines =
                runner.isJSON ? NoticeJSON.lines(.event(event)) : text.lines(.event(event)).map { $0.rendered(isColoured: isColoured) }
            for line in lines { runner.print(line) }
        }
        runner.finish(.ok)
    }
}
