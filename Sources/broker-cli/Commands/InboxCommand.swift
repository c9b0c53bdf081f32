import ArgumentParser
import ChatClient
import ChatCore
import ChatProtocol

/// `inbox`: lists what is unread, by room and conversation.
struct InboxCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "inbox", abstract: "List the rooms and conversations of the account: name, unread messages, time of the last event.",
        discussion: """
            The one in which something happened last comes last; messages of one's own count. `history @USER` prints a conversation. Verbs \
            mark nothing as read; `broker-cli chat` does so with what it shows.
            """)

    @Flag(help: "Only where something is unread.")
    var unread = false

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        try VerbRunner.run(options, capabilities: ["inbox"]) { runner in
            runner.ask(.inbox) { outcome in
                guard case .inbox(let records) = outcome else { return }
                for record in InboxText.sorted(records) where !unread || record.unread > 0 {
                    runner.print(runner.isJSON ? NoticeJSON.inbox(record) : InboxText.columns(record, account: runner.client.account))
                }
                runner.finish(.ok)
            }
        }
    }
}
