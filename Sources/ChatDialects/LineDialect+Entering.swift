import Bytes
import ChatProtocol

/// How a person comes in: by a name, or by the name and password of an account.
extension LineDialect {
    mutating func enter(_ line: String) {
        switch LineCommand(line) {
        case .say(let text):
            guard let wish = Self.name(text) else {
                write(LineText.failure(.badName, "a name has 1 to 32 of a-z 0-9 . _ - and begins with a letter or digit"))
                return askForName()
            }
            authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: wish.description)), .enter(wish))
        case .guest: authenticate(Authenticate(mechanism: "ANONYMOUS"), .enter(nil))
        case .logIn(let text): askForPassword(text)
        case .usage(let usage): refuse(.badValue, LineText.usage(usage))
        case .help:
            writeHelp()
            askForName()
        case .quit: quit()
        case .nothing: askForName()
        default: refuse(.authRequired, "a name first, please; or /guest, /login NAME, /quit")
        }
    }

    mutating func askForName() {
        phase = .naming
        write("Enter your username: ")
    }

    private mutating func askForPassword(_ text: String) {
        guard let account = Self.name(text) else { return refuse(.badName, "not a name") }
        phase = .password(account)
        write("Password: ")
        // A Telnet client leaves the echo to us, and there is none (RFC 857).
        if isTelnet { write(SharedBytes([0xFF, 0xFB, 0x01])) }
    }

    mutating func logIn(_ account: AccountName, password: String) {
        if isTelnet { write(SharedBytes([0xFF, 0xFC, 0x01, 0x0D, 0x0A])) }
        // RFC 4616: an authorisation identity, which is not given, the name and the password.
        var message = ByteWriter()
        message.append(0)
        account.append(to: &message)
        message.append(0)
        message.append(utf8: password)
        authenticate(Authenticate(mechanism: "PLAIN", message: message.finish()), .logIn)
    }

    private mutating func authenticate(_ wish: Authenticate, _ purpose: Pending) {
        phase = .entering
        request(.authenticate(wish), purpose)
    }

    mutating func entered(as user: AccountName, _ purpose: Pending?) {
        let isFirst = name == nil
        name = user
        guard isFirst else { return write(LineText.notice("you are now called \(user)")) }
        phase = .ready
        write("Welcome to the chat!" + LineText.lineEnd)
        guard purpose == .logIn else { return }
        isAccount = true
        unread = UnreadMessages(of: user)
        askForUnread()
    }

    // MARK: What was said to the account meanwhile

    mutating func askForUnread() {
        guard let unread else { return }
        if let query = unread.query { return request(query, .unread) }
        self.unread = nil
        let messages = unread.messages
        guard !messages.isEmpty else { return }
        let count =
            unread.isCut
            ? "the newest \(messages.count) of the direct messages that you have not read"
            : messages.count == 1 ? "a direct message that you have not read" : "\(messages.count) direct messages that you have not read"
        write(LineText.notice(count + ":"))
        for message in messages { if let text = LineText.event(message, to: name) { write(text) } }
        for mark in unread.marks { answer(.mark(mark), requestID: 0) }
    }
}
