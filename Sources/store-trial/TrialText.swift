/// Texts as people write them, as far as an index is concerned: some words in nearly every text, most words in few.
struct TrialText: Sendable {
    private static let wordCount = 20_000
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A word; the greater its number, the rarer it is.
    static func word(_ number: Int) -> String {
        var rest = (UInt64(number) + 1) &* 0x9E37_79B9_7F4A_7C15
        let length = 2 + number % 8
        return String(
            (0..<length).map { _ -> Character in
                rest = rest &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8(rest >> 33 % 26)))
            })
    }

    /// The rarest of the words.
    static var rare: String { word(wordCount - 3) }

    private mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }

    /// A text of about 64 octets.
    mutating func text() -> String {
        let count = 5 + Int(next() % 12)
        return (0..<count).map { _ in
            let chance = Double(next() % 1_000_000) / 1_000_000
            return Self.word(Int(Double(Self.wordCount) * chance * chance * chance))
        }.joined(separator: " ")
    }
}
