import Bytes

/// The characters of HTTP (RFC 9110 section 5.6, RFC 9112).
enum HTTPSyntax {
    /// Whether the octet may stand in a token: a method, or the name of a field.
    static func isTokenOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"),
            UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"),
            UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isTokenOctet)
    }

    /// Whether the octet may stand in the value of a field.
    static func isValueOctet(_ octet: UInt8) -> Bool {
        octet == 0x09 || (octet >= 0x20 && octet != 0x7F)
    }

    /// Whether the octet may stand in a request target: visible ASCII, and nothing that a URI must escape (RFC 3986) or that begins a
    /// fragment, which is never sent.
    static func isTargetOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "#"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"),
            UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            false
        default: octet > 0x20 && octet < 0x7F
        }
    }

    /// Whether a text is a host with an optional port (RFC 3986 section 3.2.2): a name, an IPv4 address, or an IPv6 address in brackets.
    static func isHost(_ text: String) -> Bool {
        var rest = Substring(text)
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return false }
            let address = rest[rest.index(after: rest.startIndex)..<end]
            guard !address.isEmpty, address.utf8.allSatisfy({ isHexadecimal($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
            else { return false }
            rest = rest[rest.index(after: end)...]
        } else {
            let end = rest.firstIndex(of: ":") ?? rest.endIndex
            guard end > rest.startIndex, rest[..<end].utf8.allSatisfy(isHostOctet) else { return false }
            rest = rest[end...]
        }
        guard !rest.isEmpty else { return true }
        let port = rest.dropFirst()
        return rest.first == ":" && port.utf8.count <= 5 && port.utf8.allSatisfy(isDigit)
    }

    /// Whether a host, with or without a port, is an IP address, `localhost` or a name below it (RFC 6761): nobody else's, whatever a name server says.
    static func isAddressOrLocal(host: String) -> Bool {
        guard isHost(host) else { return false }
        if host.first == "[" { return true }
        let name = lowercased(String(host.prefix { $0 != ":" }))
        if name == "localhost" || name.hasSuffix(".localhost") { return true }
        let numbers = name.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers.allSatisfy { $0.utf8.allSatisfy(isDigit) && UInt8($0) != nil }
    }

    /// The elements of a list (RFC 9110 section 5.6.1), trimmed, without the empty ones.
    static func elements(of list: String) -> [String] {
        list.split(separator: ",").map { trimmed($0) }.filter { !$0.isEmpty }
    }

    /// Without spaces and tabs at both ends.
    static func trimmed(_ text: some StringProtocol) -> String {
        var octets = Substring(text).utf8
        while let first = octets.first, first == 0x20 || first == 0x09 { octets.removeFirst() }
        while let last = octets.last, last == 0x20 || last == 0x09 { octets.removeLast() }
        return String(Substring(octets))
    }

    /// With ASCII letters in lower case; others are left alone, as HTTP compares ASCII only.
    static func lowercased(_ text: some StringProtocol) -> String {
        String(decoding: text.utf8.map(lowercased), as: UTF8.self)
    }

    static func lowercased(_ octet: UInt8) -> UInt8 {
        octet >= UInt8(ascii: "A") && octet <= UInt8(ascii: "Z") ? octet | 0x20 : octet
    }

    static func isDigit(_ octet: UInt8) -> Bool { octet >= UInt8(ascii: "0") && octet <= UInt8(ascii: "9") }

    private static func isHexadecimal(_ octet: UInt8) -> Bool {
        let lower = lowercased(octet)
        return isDigit(octet) || (lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "f"))
    }

    private static func isHostOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: isDigit(octet) || (lowercased(octet) >= UInt8(ascii: "a") && lowercased(octet) <= UInt8(ascii: "z"))
        }
    }
}
