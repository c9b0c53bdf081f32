/// What a connection and the broker have agreed to use beyond the basics: tokens of `caps` in HELLO and WELCOME.
struct Capabilities: OptionSet {
    let rawValue: UInt8

    static let inbox = Capabilities(rawValue: 1)
    static let marks = Capabilities(rawValue: 2)
    static let presence = Capabilities(rawValue: 4)
    static let typing = Capabilities(rawValue: 8)
    static let history = Capabilities(rawValue: 16)
    static let resume = Capabilities(rawValue: 32)
    static let search = Capabilities(rawValue: 64)

    /// The tokens that this broker knows, in the order in which WELCOME lists them.
    private static let tokens: [(name: String, capability: Capabilities)] = [
        ("history", .history), ("inbox", .inbox), ("marks", .marks), ("presence", .presence), ("resume", .resume), ("search", .search),
        ("typing", .typing),
    ]

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Those among the tokens offered that this broker knows.
    init(offered: [String]) { self = Self.tokens.reduce(into: []) { if offered.contains($1.name) { $0.insert($1.capability) } } }

    var names: [String] { Self.tokens.filter { contains($0.capability) }.map(\.name) }
}
