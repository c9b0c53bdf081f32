import ChatClient
import ChatCore
import ChatProtocol
import LibUV

/// A conversation: lines of a console become requests, notices of the client become lines.
final class Chat {
    /// Messages from before that are shown of a room when it is entered.
    static let tail: UInt64 = 20
    /// A shorter wait for the next attempt to connect is not told again.
    private static let waitMillisecondsTold: UInt64 = 2000

    let client: ChatClient
    let console: any Console
    let loop: EventLoop
    let isJSON: Bool
    /// The name to begin with.
    private let wish: AccountName?
    /// Where plain lines go.
    private(set) var current: RoomAddress
    private(set) var completer = Completer()
    private(set) var status: ExitStatus = .ok
    /// What the next line is taken for: a name.
    private var awaitsName: Bool
    private var hasStarted = false
    private var isOffline = false
    /// The console has ended, and what was asked is still under way.
    private var isEnding = false
    private var hasBeenReady = false
    /// What went wrong first with what a console asked for that is no person.
    private var failure: ExitStatus?
    private var lastRefusal: String?
    private(set) var recent = RecentMessages()
    var reading = Reading()
    let markTimer: Timer
    /// When the current room was last told that this user is typing.
    var typedAt: UInt64?
    /// Who is typing in the current room, and until when that is believed.
    var typists: [AccountName: UInt64] = [:]
    let typistTimer: Timer
    /// Why there is no connection, as it was told last.
    private var lastLoss: ConnectionLoss?

    /// - Parameter name: the name to begin with; nil: a person is asked for it.
    init(loop: EventLoop, client: ChatClient, console: any Console, name: String?, room: RoomAddress, isJSON: Bool) {
        self.loop = loop
        self.client = client
        self.console = console
        self.isJSON = isJSON
        wish = name.flatMap { try? AccountName($0) }
        current = room
        typistTimer = Timer(loop: loop)
        markTimer = Timer(loop: loop)
        awaitsName = name == nil && console.isInteractive
        client.onNotice = { [unowned self] in didNotice($0) }
        console.onLine = { [unowned self] in didEnter($0) }
        console.onEnd = { [unowned self] in leaveWhenDone() }
        (console as? PlainConsole)?.onBadLine = { [unowned self] in complain($0, .usage) }
        if let terminal = console as? TerminalConsole {
            terminal.onEdit = { [unowned self] in didEdit($0) }
            terminal.completion = { [unowned self] line, cursor in completer.complete(line, cursor: cursor) }
        }
    }

    /// Who the user is, or will be once there is a connection; nil: a guest that gets a name.
    var account: AccountName? { client.account ?? wish }

    func start() {
        // Asked before the log-in, so that they go out with it and the tail comes before anything new.
        for room in Set([.lobby, current]).sorted() { enter(room, isFirst: true) }
        updatePrompt()
        pauseUntilAnswered()
        console.start()
        // A console that cannot begin has ended the session already.
        guard !awaitsName, client.phase == .disconnected else { return }
        hasStarted = true
        client.start()
    }

    /// Leaves, as `:quit` does.
    func quit(_ status: ExitStatus = .ok) {
        if self.status == .ok { self.status = status }
        isEnding = true
        sendMarks()
        client.leave()
    }

    /// Leaves when everything is answered; a person, at once.
    func leaveWhenDone() {
        isEnding = true
        if client.openRequestCount == 0 || console.isInteractive { quit() }
    }

    // MARK: Lines

    private func didEnter(_ line: String) {
        guard !isEnding else { return }
        if awaitsName { return didEnterName(line) }
        typedAt = nil
        // Whoever enters something does not want to wait out a back-off; what the broker asked for stays.
        if isOffline, console.isInteractive, lastLoss?.retryMilliseconds == nil { client.retryNow() }
        perform(ChatInput(line))
        pauseUntilAnswered()
    }

    /// The next line of a pipe may need what the answer brings, as a person sees it before the next command.
    private func pauseUntilAnswered() {
        if !console.isInteractive { console.isPaused = client.openRequestCount > 0 }
    }

    private func didEnterName(_ line: String) {
        let name = line[...].trimmingWhitespace()
        guard !name.isEmpty else { return }
        awaitsName = false
        client.chooseName(name)
        // The first name is asked for before there is a connection.
        if !hasStarted { client.start() }
        hasStarted = true
        updatePrompt()
    }

    /// What the broker or this client refuses is a person's to deal with; a script learns it by the status.
    func noteFailure(_ status: ExitStatus) {
        if !console.isInteractive, failure == nil { failure = status }
    }

    /// An answer came: a paused console may go on, or an ended one leave.
    func didAnswer() {
        if client.openRequestCount == 0, console.isPaused { console.isPaused = false }
        if isEnding, client.openRequestCount == 0, client.phase != .leaving, client.phase != .ended { quit() }
    }

    // MARK: Notices

    private func didNotice(_ notice: ClientNotice) {
        learn(from: notice)
        switch notice {
        case .ready(_, _, let isReturn):
            hasBeenReady = true
            isOffline = false
            lastRefusal = nil
            lastLoss = nil
            updatePrompt()
            attachRooms(isReturn: isReturn)
            scheduleMarks()
        case .nameRefused(let wish, _):
            // A name that is still refused after every reconnect is told once.
            if lastRefusal == wish { return }
            lastRefusal = wish
            didRefuseName()
        case .roomLost(let room, _):
            reading.forget(room)
            if room == current { switchTo(.lobby) }
        case .connectionLost(let loss, let delay):
            isOffline = true
            updatePrompt()
            // A person has read it once; only that it will take longer is news.
            let isNews = loss != lastLoss || delay >= Self.waitMillisecondsTold || !console.isInteractive
            lastLoss = loss
            if !isNews { return }
        case .ended(let loss):
            didEnd(loss)
            return
        case .typing(let typing): noteTyping(typing)
        case .marked(let marker) where marker.user == client.account: reading.noteMarked(marker)
        case .logReset(let room, _): reading.forget(room)
        default: break
        }
        show(notice)
        if case .event(let event) = notice {
            recent.note(event)
            reading.noteShown(event)
            scheduleMarks()
            if event.room == current, typists.removeValue(forKey: event.from) != nil { updateTypists() }
        }
    }

    private func didRefuseName() {
        if console.isInteractive {
            awaitsName = true
            updatePrompt()
        } else {
            quit(.refused)
        }
    }

    private func didEnd(_ loss: ConnectionLoss) {
        if status == .ok { status = ExitStatus(loss, hasBeenReady: hasBeenReady) }
        if status == .ok, let failure { status = failure }
        console.close()
        typistTimer.close()
        markTimer.close()
        if isJSON {
            show(.ended(loss))
        } else if loss != .left {
            StandardStream.error.writeLine("broker-cli: \(client.url): " + VisibleText.escape(FailureText.sentence(loss)))
        }
        loop.stop()
    }

    private func learn(from notice: ClientNotice) {
        switch notice {
        case .ready(let account, _, _): completer.noteUser(account.description)
        case .event(let event):
            if event.kind == .left || event.kind == .renamed { completer.forgetUser((event.user ?? event.from).description) }
            if event.kind != .left { completer.noteUser(event.from.description) }
            if !event.room.isConversation { completer.noteRoom(event.room.description) }
            // The lobby tells of a new room by its name in `title`.
            if event.kind == .created, event.room == .lobby, let room = event.title.flatMap({ try? RoomAddress($0) }) {
                completer.noteRoom(room.description)
            }
        case .attached(let joined): if !joined.room.isConversation { completer.noteRoom(joined.room.description) }
        case .roomLost(let room, _): completer.forgetRoom(room.description)
        default: break
        }
    }

    /// One's own message can be named as soon as it is acknowledged, which may be before it comes.
    func noteOwn(_ text: String, _ outcome: ClientOutcome) {
        guard case .published(let published) = outcome, let account = client.account else { return }
        var event = Event(room: published.room, seq: published.seq, timestamp: published.timestamp, from: account)
        event.body = text
        if recent.message(event.seq, in: event.room) == nil { recent.note(event) }
    }

    func note(rooms: [RoomRecord]) { for record in rooms { completer.noteRoom(record.room.description) } }
    func note(members: [MemberRecord]) { for record in members { completer.noteUser(record.user.description) } }

    // MARK: Showing

    private var text: NoticeText {
        NoticeText(events: EventText(account: client.account, isOneLine: !console.isInteractive, recent: recent))
    }

    private func show(_ notice: ClientNotice) {
        if isJSON {
            for line in NoticeJSON.lines(notice) { console.write(line) }
        } else {
            for line in text.lines(notice) { console.show(line) }
        }
    }

    /// Something the client itself has to say; in JSON only what is made for it is.
    func say(_ text: String, _ style: StyledText.Style = .plain) {
        if !isJSON { console.show(StyledText(text, style)) }
    }

    /// - Parameter status: what a script is told of it at the end.
    func complain(_ text: String, _ status: ExitStatus) {
        noteFailure(status)
        if isJSON { console.write(NoticeJSON.error(text)) } else { console.show(StyledText("!! " + text, .error)) }
    }

    func switchTo(_ room: RoomAddress) {
        current = room
        typedAt = nil
        typists = [:]
        updateTypists()
    }

    func updatePrompt() {
        var prompt = StyledText()
        if awaitsName {
            prompt.append("your name: ", .bold)
        } else {
            if isOffline { prompt.append("(offline) ", .warning) }
            if let typingText { prompt.append("(\(typingText)) ", .dim) }
            prompt.append(current.name(for: account), .dim)
            prompt.append("> ")
        }
        console.setPrompt(prompt)
    }
}
