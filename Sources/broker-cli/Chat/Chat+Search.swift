import ChatClient
import ChatCore
import ChatProtocol

/// `:search`: what was said, in all that the user may read.
extension Chat {
    private static let foundCountMax: UInt64 = 20

    func search(_ words: String) {
        ask(.search(Search(query: words, limit: Self.foundCountMax))) { [unowned self] outcome in
            guard case .found(let events, let cursor, let isIncomplete) = outcome else { return }
            if isJSON {
                for event in events.reversed() { console.write(NoticeJSON.event(event)) }
                return
            }
            if events.isEmpty && !isIncomplete { return say("-- nothing was found", .dim) }
            let text = EventText(account: client.account, isOneLine: !console.isInteractive, tellsDay: true, tellsNumber: true)
            for event in events.reversed() { console.show(text.line(event)) }
            if isIncomplete {
                say("-- not everything could be looked through in time", .warning)
            } else if cursor != nil {
                say("-- these are the newest; there are more", .dim)
            }
        }
    }
}
