import ArgumentParser
import ChatClient
import ChatCore
import ChatProtocol

/// `rooms`: lists the rooms.
struct RoomsCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "rooms", abstract: "List the rooms: name, members, title.")

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        try VerbRunner.run(options) { runner in
            runner.ask(.rooms(filter: nil)) { outcome in
                guard case .rooms(let rooms, _) = outcome else { return }
                for room in rooms {
                    let text = "\(room.room)\t\(room.members)\t" + VisibleText.escape(room.title ?? "")
                    runner.print(runner.isJSON ? NoticeJSON.room(room) : text)
                }
                runner.finish(.ok)
            }
        }
    }
}

/// `users`: lists who is connected.
struct UsersCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "users", abstract: "List who is connected, one name a line; the name that asks is one of them.")

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        try VerbRunner.run(options) { runner in
            MemberList.ask(runner, .lobby, without: nil)
        }
    }
}

/// `members`: lists who is in a room.
struct MembersCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "members", abstract: "List who is in a room, one name a line.",
        discussion: "Only members see who is in a room: the room is entered for that, unless that is refused, and left again.")

    @Argument(help: ArgumentHelp("The room.", valueName: "room"))
    var room: String

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        let room = try RoomAddress.argument(room)
        return try VerbRunner.run(options) { runner in
            runner.client.request(.members(room)) { outcome in
                switch outcome {
                case .members(let members, _): MemberList.print(members, runner)
                case .refused(let failure) where failure.code == .notJoined:
                    runner.ask(.join(room, tail: 0)) { _ in
                        MemberList.ask(runner, room, without: runner.client.account)
                    }
                case .refused(let failure): runner.refuse(failure, for: .members(room))
                case .notSent(.sessionEnded): break
                default: runner.fail("no answer came", .timedOut)
                }
            }
        }
    }
}

private enum MemberList {
    /// - Parameter visitor: who came only to ask, and is no member to be told of.
    static func ask(_ runner: VerbRunner, _ room: RoomAddress, without visitor: AccountName?) {
        runner.ask(.members(room)) { outcome in
            guard case .members(let members, _) = outcome else { return }
            print(members.filter { $0.user != visitor }, runner)
        }
    }

    static func print(_ members: [MemberRecord], _ runner: VerbRunner) {
        for member in members where member.state != .offline {
            runner.print(runner.isJSON ? NoticeJSON.member(member) : member.user.description)
        }
        runner.finish(.ok)
    }
}

/// `ping`: measures the round trip.
struct PingCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping", abstract: "Measure the round trip in milliseconds; the last line is min/avg/max.")

    @Option(help: ArgumentHelp("How often.", valueName: "n"))
    var count: Int = 5

    @OptionGroup var options: VerbOptions

    func validate() throws {
        guard (1...1_000_000).contains(count) else { throw ValidationError("--count is from 1 to 1000000") }
    }

    func execute() throws -> ExitStatus {
        try VerbRunner.run(options) { runner in
            runner.onNotice = { notice in
                // Only now: what waits for the connection is not part of a round trip.
                if case .ready(_, _, isReturn: false) = notice { Self.ping(runner, [], count) }
            }
        }
    }

    private static func ping(_ runner: VerbRunner, _ times: [Double], _ count: Int) {
        guard times.count < count else { return summarise(times, runner) }
        let start = ContinuousClock.now
        runner.ask(.ping) { _ in
            let time = DurationText.milliseconds(ContinuousClock.now - start)
            if runner.isJSON {
                var line = JSONLine("pong")
                line.add("ms", milliseconds: time)
                runner.print(line.closed)
            } else {
                runner.print(DurationText.milliseconds(time) + " ms")
            }
            ping(runner, times + [time], count)
        }
    }

    private static func summarise(_ times: [Double], _ runner: VerbRunner) {
        let values = [times.min() ?? 0, times.reduce(0, +) / Double(max(1, times.count)), times.max() ?? 0]
        if runner.isJSON {
            var line = JSONLine("ping")
            line.add("count", times.count)
            for (name, value) in zip(["min_ms", "avg_ms", "max_ms"], values) { line.add(name, milliseconds: value) }
            runner.print(line.closed)
        } else {
            runner.print("min/avg/max " + values.map { DurationText.milliseconds($0) }.joined(separator: "/") + " ms")
        }
        runner.finish(.ok)
    }
}
