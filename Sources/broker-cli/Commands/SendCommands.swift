import ArgumentParser
import ChatCore
import ChatProtocol

/// `send`: says something in a room.
struct SendCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Say something in a room, and print the number of the event.",
        discussion: """
            With - each line of the standard input that is not empty is a message; they are sent one after the other, and the first \
            one that is refused ends it. Ends with 0 only when every message was acknowledged.
            """)

    @Option(help: ArgumentHelp("The room, or a conversation that has begun, as @bob.", valueName: "room"))
    var room: String = "lobby"

    @Option(help: ArgumentHelp("Answer the message of this number.", valueName: "number"))
    var reply: UInt64?

    @Option(help: ArgumentHelp("Say it in the thread of the message of this number.", valueName: "number"))
    var thread: UInt64?

    @Argument(help: ArgumentHelp("What to say, or - for the lines of the standard input.", valueName: "text"))
    var text: [String]

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        try VerbRunner.run(options) { runner in
            let room = try runner.address(room)
            // A member may publish; who is one already stays one.
            runner.ask(.join(room, tail: 0)) { _ in }
            try Publisher.start(runner, text) { body in
                guard reply != nil || thread != nil else { return .publish(room, body: body, id: .random()) }
                return .refer(room, EventDraft(thread: thread, reply: reply, body: body), id: .random())
            }
        }
    }
}

/// `react`: puts a reaction to a message.
struct ReactCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "react", abstract: "React to a message, and print the number of the event.",
        discussion: "A reaction belongs to the name under which it was made: --remove takes back what that name said.")

    @Option(help: ArgumentHelp("The room, or a conversation that has begun, as @bob.", valueName: "room"))
    var room: String = "lobby"

    @Flag(help: "Take the reaction back.")
    var remove = false

    @Argument(help: ArgumentHelp("The number of the message.", valueName: "number"))
    var number: UInt64

    @Argument(help: ArgumentHelp("A sign or two, 32 octets at most.", valueName: "sign"))
    var sign: String

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        try VerbRunner.run(options) { runner in
            let room = try runner.address(room)
            runner.ask(.join(room, tail: 0)) { _ in }
            try Publisher.start(runner, [sign]) { sign in
                .refer(room, EventDraft(kind: remove ? .unreact : .react, reference: number, body: sign), id: .random())
            }
        }
    }
}

/// `dm`: says something to one user.
struct DirectMessageCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "dm", abstract: "Say something to one user only, and print the number of the event.")

    @Argument(help: ArgumentHelp("The user.", valueName: "user"))
    var to: String

    @Argument(help: ArgumentHelp("What to say, or - for the lines of the standard input.", valueName: "text"))
    var text: [String]

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        guard let user = try? AccountName(to) else { throw StartFailure(reason: "\"\(to)\" is no name: \(FailureText.nameRule)") }
        return try VerbRunner.run(options) { runner in
            try Publisher.start(runner, text) { body in .directMessage(user, body: body, id: .random()) }
        }
    }
}

/// Publishes one text or the lines of the standard input, one after another, and prints what is acknowledged.
private final class Publisher {
    private let runner: VerbRunner
    private let console: PlainConsole?
    private let makeRequest: (String) -> ClientRequest

    /// Keeps itself alive by what it waits for.
    static func start(_ runner: VerbRunner, _ words: [String], _ makeRequest: @escaping (String) -> ClientRequest) throws {
        if words == ["-"] {
            let console = try PlainConsole(loop: runner.loop, isColoured: false)
            runner.input = console
            let publisher = Publisher(runner, console, makeRequest)
            console.onBadLine = { reason in runner.fail(reason, .usage) }
            console.onLine = { line in
                // An empty message says nothing.
                guard !line.isEmpty else { return }
                // The next line waits for this one's answer: order and the first refusal stay clear.
                console.isPaused = true
                publisher.publish(line)
            }
            console.onEnd = { runner.finish(.ok) }
            console.start()
        } else {
            let text = words.joined(separator: " ")
            guard !text.isEmpty else { throw StartFailure(reason: "an empty text says nothing") }
            Publisher(runner, nil, makeRequest).publish(text)
        }
    }

    private init(_ runner: VerbRunner, _ console: PlainConsole?, _ makeRequest: @escaping (String) -> ClientRequest) {
        self.runner = runner
        self.console = console
        self.makeRequest = makeRequest
    }

    private func publish(_ text: String) {
        runner.ask(makeRequest(text)) { [self] outcome in
            switch outcome {
            case .published(let published):
                runner.print(runner.isJSON ? NoticeJSON.published(published) : String(published.seq))
            case .seenInLog(let event):
                let text =
                    "the connection was lost: the message is event \(event.seq) of \(event.room), but whether it is stored is unknown"
                return runner.fail(text, .outcomeUnknown)
            default: return
            }
            if let console { console.isPaused = false } else { runner.finish(.ok) }
        }
    }
}
