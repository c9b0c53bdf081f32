internal import Bytes
internal import ChatProtocol
internal import Glibc

/// What a person looks for: words, each of which must occur somewhere in a text. Nothing a person writes has another meaning.
struct SearchWords {
    /// Trigrams that the index is asked for at most. More would not narrow much down; what the index gives is looked at anyway.
    private static let trigramCountMax = 32
    /// Logs that the index is asked for at most, where trigrams narrow it down too, and where they do not; above that logs are told apart
    /// by looking. Each of them costs about as much as looking at a few events.
    private static let logCountMax = (beside: 32, alone: 256)

    /// The words in folded form, none twice.
    private let words: [[UInt8]]
    /// Every code point of every word that has three of them, in few trigrams.
    private let trigrams: [String]

    init(_ text: String) {
        var folded: [UInt8] = []
        Array(text.utf8).withUnsafeBytes { FoldedText.append($0.bytes, to: &folded) }
        var words: [[UInt8]] = []
        var trigrams: [String] = []
        for word in String(decoding: folded, as: UTF8.self).unicodeScalars.split(whereSeparator: Self.isBlank) {
            let octets = Array(String(String.UnicodeScalarView(word)).utf8)
            guard !words.contains(octets) else { continue }
            words.append(octets)
            let scalars = Array(word)
            guard scalars.count >= 3 else { continue }
            for start in stride(from: 0, to: scalars.count, by: 3) {
                let start = min(start, scalars.count - 3)
                trigrams.append(String(String.UnicodeScalarView(scalars[start..<start + 3])))
            }
        }
        self.words = words
        self.trigrams = Array(trigrams.prefix(Self.trigramCountMax))
    }

    /// Space, tab, line feed and the ideographic space.
    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\u{3000}"
    }

    /// Whether all words occur in a text. `scratch` is room for its folded form.
    func occur(in text: RawSpan, _ scratch: inout [UInt8]) -> Bool {
        guard !words.isEmpty else { return true }
        scratch.removeAll(keepingCapacity: true)
        FoldedText.append(text, to: &scratch)
        return scratch.withUnsafeBytes { text in
            words.allSatisfy { word in word.withUnsafeBytes { Self.occurs($0, in: text) } }
        }
    }

    /// Octets that are UTF-8 occur in others only where code points begin.
    private static func occurs(_ word: UnsafeRawBufferPointer, in text: UnsafeRawBufferPointer) -> Bool {
        guard var start = text.baseAddress, let wanted = word.baseAddress else { return false }
        var placesLeft = text.count - word.count + 1
        while placesLeft > 0, let place = memchr(start, Int32(word[0]), placesLeft) {
            if memcmp(place, wanted, word.count) == 0 { return true }
            placesLeft -= UnsafeRawPointer(place) - start + 1
            start = UnsafeRawPointer(place) + 1
        }
        return false
    }

    /// What the index is asked (sqlite.org/fts5.html, *Full-text Query Syntax*); it may give too much, never too little. Nil if it could not
    /// narrow anything down.
    func expression(logs: Set<Int64>, author: AccountName?) -> String? {
        var parts = trigrams.map { Self.quoted(Array($0.utf8)) }
        if logs.count <= (parts.isEmpty ? Self.logCountMax.alone : Self.logCountMax.beside) {
            parts.append("(" + logs.sorted().map { Self.quoted(IndexTag.log($0)) }.joined(separator: " OR ") + ")")
        }
        if let author { parts.append(Self.quoted(IndexTag.author(Array(author.description.utf8)))) }
        return parts.isEmpty ? nil : parts.joined(separator: " AND ")
    }

    private static func quoted(_ text: [UInt8]) -> String {
        var quoted = "\""
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            quoted.unicodeScalars.append(scalar)
            if scalar == "\"" { quoted.unicodeScalars.append(scalar) }
        }
        return quoted + "\""
    }
}

/// What the index has of an event besides its text: its log and its author, each as one trigram of private characters, so that both are
/// looked up as a word is. A text that holds such characters is found too often by the index, and passed over when it is looked at.
enum IndexTag {
    static func log(_ log: Int64) -> [UInt8] { tag(UInt64(log), plane: 0xF_0000) }

    /// By a digest of the name (FNV-1a): names share tags, which costs a look.
    static func author(_ name: [UInt8]) -> [UInt8] {
        tag(name.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }, plane: 0xF_1000)
    }

    /// The low 36 bits as three characters of 12.
    private static func tag(_ number: UInt64, plane: UInt32) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(12)
        for shift in [24, 12, 0] as [UInt64] {
            let value = plane + UInt32(number >> shift & 0xFFF)
            octets.append(0xF0 | UInt8(value >> 18))
            octets.append(0x80 | UInt8(value >> 12 & 0x3F))
            octets.append(0x80 | UInt8(value >> 6 & 0x3F))
            octets.append(0x80 | UInt8(value & 0x3F))
        }
        return octets
    }
}
