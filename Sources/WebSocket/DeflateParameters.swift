/// What permessage-deflate is agreed on (RFC 7692 section 7.1), as this server agrees: no context is taken over in either direction, so that a
/// connection that is silent holds no window, and a message is compressed alike for everybody.
public struct DeflateParameters: Sendable, Equatable {
    /// Bits of the window that the client asks the server to keep to, 9 to 15.
    public let serverWindowBits: Int
    /// Whether the client asked for `server_max_window_bits`, which must then be answered.
    private let namesServerWindow: Bool

    /// The value of `Sec-WebSocket-Extensions` in the answer.
    var answer: String {
        let window = namesServerWindow ? "; server_max_window_bits=\(serverWindowBits)" : ""
        return "permessage-deflate; server_no_context_takeover; client_no_context_takeover" + window
    }

    /// The first offer that can be accepted; nil if there is none. Offers of other extensions, and offers with parameters that are not known, are
    /// passed over, as the RFC says.
    ///
    /// - Throws: 400 for a field that breaks the grammar.
    static func accepted(among values: [String]) throws(HTTPRefusal) -> DeflateParameters? {
        var accepted: DeflateParameters?
        for offer in try WebSocketExtension.parse(values) where accepted == nil && offer.name == "permessage-deflate" {
            accepted = DeflateParameters(offer)
        }
        return accepted
    }

    private init?(_ offer: WebSocketExtension) {
        var serverWindowBits: Int?
        var seen: Set<String> = []
        for (name, value) in offer.parameters {
            guard seen.insert(name).inserted else { return nil }
            switch (name, value) {
            case ("server_no_context_takeover", nil), ("client_no_context_takeover", nil), ("client_max_window_bits", nil): break
            case ("client_max_window_bits", let value?):
                guard Self.windowBits(value) != nil else { return nil }
            case ("server_max_window_bits", let value?):
                // zlib has no raw window of 8 bits.
                guard let bits = Self.windowBits(value), bits >= 9 else { return nil }
                serverWindowBits = bits
            default: return nil
            }
        }
        namesServerWindow = serverWindowBits != nil
        self.serverWindowBits = serverWindowBits ?? 15
    }

    private static func windowBits(_ text: String) -> Int? {
        switch text {
        case "8": 8
        case "9": 9
        case "10": 10
        case "11": 11
        case "12": 12
        case "13": 13
        case "14": 14
        case "15": 15
        default: nil
        }
    }
}

/// One element of `Sec-WebSocket-Extensions` (RFC 6455 section 9.1).
struct WebSocketExtension: Equatable {
    var name: String
    var parameters: [(name: String, value: String?)] = []

    static func == (left: Self, right: Self) -> Bool {
        left.name == right.name && left.parameters.elementsEqual(right.parameters) { $0 == $1 }
    }

    static func parse(_ values: [String]) throws(HTTPRefusal) -> [WebSocketExtension] {
        var offers: [WebSocketExtension] = []
        for value in values {
            for element in try pieces(of: value, at: ",") {
                var parts = try pieces(of: element, at: ";").map { HTTPSyntax.trimmed($0) }
                let name = parts.removeFirst()
                if name.isEmpty && parts.isEmpty { continue }
                guard HTTPSyntax.isToken(name) else { throw refusal }
                var offer = WebSocketExtension(name: HTTPSyntax.lowercased(name))
                for part in parts { offer.parameters.append(try parameter(part)) }
                offers.append(offer)
            }
        }
        return offers
    }

    private static func parameter(_ text: String) throws(HTTPRefusal) -> (name: String, value: String?) {
        let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { HTTPSyntax.trimmed($0) }
        guard HTTPSyntax.isToken(halves[0]) else { throw refusal }
        guard halves.count == 2 else { return (HTTPSyntax.lowercased(halves[0]), nil) }
        var value = halves[1]
        // What is quoted must be a token, too (RFC 6455 section 9.1).
        if value.utf8.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") { value = String(value.dropFirst().dropLast()) }
        guard HTTPSyntax.isToken(value) else { throw refusal }
        return (HTTPSyntax.lowercased(halves[0]), value)
    }

    /// Splits at a separator that does not stand in quotes.
    private static func pieces(of text: String, at separator: Character) throws(HTTPRefusal) -> [String] {
        var pieces = [""]
        var isQuoted = false
        for character in text {
            if character == "\"" { isQuoted.toggle() }
            if character == separator && !isQuoted { pieces.append("") } else { pieces[pieces.count - 1].append(character) }
        }
        guard !isQuoted else { throw refusal }
        return pieces
    }

    private static var refusal: HTTPRefusal { HTTPRefusal(.badRequest, "extensions that break the grammar") }
}
