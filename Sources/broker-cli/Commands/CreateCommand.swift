import ArgumentParser
import ChatCore
import ChatProtocol

/// `create`: makes a room.
struct CreateCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create a room.",
        discussion: "Whoever creates a room owns it and is in it. Ends with 1 if there is such a room already.")

    @Argument(help: ArgumentHelp("The room.", valueName: "room"))
    var room: String

    @Option(help: ArgumentHelp("What the room is called.", valueName: "text"))
    var title: String?

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        let room = try RoomAddress.argument(room)
        return try VerbRunner.run(options) { runner in
            runner.ask(.create(room, title: title)) { _ in
                runner.print(runner.isJSON ? NoticeJSON.created(room) : "created \(room)")
                runner.finish(.ok)
            }
        }
    }
}
