import ChatProtocol
import Testing

@testable import broker_cli

@Suite struct ChatInputTests {
    private static let dev = try! RoomAddress("dev")
    private static let bob = try! AccountName("bob")

    @Test(arguments: [
        ("hello", ChatInput.text("hello")), ("", .nothing), ("   ", .nothing), ("hello\r", .text("hello")), ("::smile", .text(":smile")),
        ("//path", .text("/path")), (":)", .text(":)")), ("/ 2", .text("/ 2")), (":", .text(":")), ("a :users", .text("a :users")),
        (":users", .users), ("/users", .users), (":ping", .ping), ("/ping", .ping), (":lrs", .rooms), ("/rooms", .rooms),
        (":cr dev", .create(dev)), ("/create dev", .create(dev)), (":jr dev", .join(dev)), ("/join dev", .join(dev)),
        (":lr dev", .leave(dev)),
        ("/leave", .leave(nil)), (":lru dev", .members(dev)), (":lru", .members(nil)), (":who", .members(nil)),
        (":rm dev hi  there ", .roomMessage(dev, "hi  there")), ("/rm dev x", .roomMessage(dev, "x")),
        (":pm bob psst", .directMessage(bob, "psst")),
        ("/msg bob a b", .directMessage(bob, "a b")), (":room dev", .switchTo(.address(dev))), (":room", .switchTo(nil)),
        (":room @bob", .switchTo(.conversation(with: bob))), ("/history", .history(nil, 20)), (":history 5", .history(nil, 5)),
        (":history dev", .history(.address(dev), 20)), (":history @bob 5", .history(.conversation(with: bob), 5)),
        (":history @bob+ada", .history(.address(try! RoomAddress("@ada+bob")), 20)), (":inbox", .inbox),
        (":nick carol", .rename("carol")),
        (":edit new text", .change(.edit, .own, "new text")), (":edit #17 new  text", .change(.edit, .number(17), "new  text")),
        (":delete", .change(.delete, .own, nil)), ("/del #17", .change(.delete, .number(17), nil)),
        (":react +1", .change(.react, .last, "+1")), (":react ^bob +1", .change(.react, .lastOf(bob), "+1")),
        (":unreact ^ +1", .change(.unreact, .last, "+1")), (":pin", .change(.pin, .last, nil)),
        (":unpin #1", .change(.unpin, .number(1), nil)), (":reply yes, indeed", .answer(.last, "yes, indeed", inThread: false)),
        (":re #2 yes", .answer(.number(2), "yes", inThread: false)), (":thread ^bob yes", .answer(.lastOf(bob), "yes", inThread: true)),
        (":last", .last(10)), (":last 3", .last(3)), (":search two  words ", .search("two  words")), (":away", .presence(.away)),
        (":dnd", .presence(.doNotDisturb)),
        (":back", .presence(.online)),
        (":help", .help), ("/?", .help), (":quit", .quit), ("/exit", .quit),
    ])
    func understands(line: String, input: ChatInput) {
        #expect(ChatInput(line) == input)
    }

    @Test(arguments: [
        ":frob", ":pm bob", ":pm", ":pm Bob hi", ":rm dev", ":cr", ":cr Dev", ":cr a b", ":cr @a+b", ":jr", ":users now", ":nick",
        ":nick a b",
        ":quit now", ":edit", ":edit #17", ":delete 17", ":delete #x", ":react", ":react #17", ":unpin", ":reply ^", ":search", ":last 0",
        ":last 101",
        ":away x", ":room Dev", ":room @", ":room @a+b+c", ":history dev 0", ":history dev 1001", ":history a b", ":inbox x",
    ])
    func saysWhatIsWrong(line: String) {
        guard case .problem(let reason) = ChatInput(line) else {
            Issue.record("\(line) cannot be understood")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test func everyNameOfACommandIsUnique() {
        let names = CommandTable.commands.flatMap(\.names)
        #expect(Set(names).count == names.count)
        for name in ["pm", "users", "ping", "cr", "jr", "lr", "lrs", "lru", "rm", "quit", "help"] { #expect(names.contains(name)) }
    }
}

@Suite struct CompleterTests {
    private var completer: Completer {
        var completer = Completer()
        for room in ["dev", "lobby", "dev-two"] { completer.noteRoom(room) }
        for user in ["bob", "bert", "alice"] { completer.noteUser(user) }
        return completer
    }

    @Test(arguments: [
        (":us", 0..<3, [":users"]), ("/q", 0..<2, ["/q", "/quit"]), (":jr d", 4..<5, ["dev", "dev-two"]), (":lru lob", 5..<8, ["lobby"]),
        (":pm b", 4..<5, ["bert", "bob"]), ("b", 0..<1, ["bert", "bob"]), ("hello al", 6..<8, ["alice"]), (":rm dev al", 8..<10, ["alice"]),
        (":jr ", 4..<4, ["dev", "dev-two", "lobby"]), (":room @b", 6..<8, ["@bert", "@bob"]), (":history d", 9..<10, ["dev", "dev-two"]),
    ])
    func proposesWhatFits(line: String, range: Range<Int>, candidates: [String]) {
        let completion = completer.complete(Array(line), cursor: line.count)
        #expect(completion?.range == range)
        #expect(completion?.candidates == candidates)
    }

    @Test(arguments: ["", "hello ", ":nick b", ":jr z", ":users ", "zz"])
    func proposesNothingElse(line: String) {
        #expect(completer.complete(Array(line), cursor: line.count) == nil)
    }

    @Test func aNameAtTheBeginningAddressesSomebody() {
        #expect(completer.complete(["a"], cursor: 1)?.suffix == ": ")
        #expect(completer.complete(Array("hi a"), cursor: 4)?.suffix == " ")
    }

    @Test func namesAreBounded() {
        var set = NameSet()
        for number in 0...NameSet.countMax { set.insert("n\(number)") }
        #expect(set.matching("n").count == NameSet.countMax)
        #expect(!set.matching("n").contains("n0"))
    }
}
