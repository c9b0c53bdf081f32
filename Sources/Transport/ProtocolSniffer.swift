import Bytes

/// Decides from the first octets of a connection which protocol it speaks, by the table in section 3.3 of docs/PROTOCOL.md.
///
/// The decision depends on the octets alone, not on how they are cut, and needs ``byteCountMax`` of them at most.
public enum ProtocolSniffer {
    /// What the first octets say.
    public enum Verdict: Sendable, Equatable {
        /// They are the beginning of several protocols; ask again with more.
        case needMore
        /// A TLS record; what is inside is sniffed as ``Layer/decrypted``, unless ALPN has decided.
        case tls
        /// The native preface.
        case native
        /// An HTTP request.
        case http
        /// Text of a person or of Telnet.
        case line
        /// Nothing that is spoken here: the connection is closed.
        case unknown
    }

    /// Where the octets were found.
    public enum Layer: Sendable, Equatable {
        /// On the socket; line mode only where the listener allows it.
        case clear(allowsLine: Bool)
        /// Inside TLS, where ALPN was not negotiated: neither TLS again nor line mode, which has a listener of its own over TLS.
        case decrypted
    }

    /// Octets needed for a decision at most: those of `OPTIONS ` and `CONNECT `.
    public static let byteCountMax = 8

    /// The verdict on the first octets of a connection, as many as have been received.
    public static func sniff(_ octets: RawSpan, on layer: Layer) -> Verdict {
        guard !octets.isEmpty else { return .needMore }
        let (matchesTLS, isWholeTLS) = compare(octets, with: [0x16, 0x03])
        if matchesTLS && layer != .decrypted { return isWholeTLS ? .tls : .needMore }
        let (matchesNative, isWholeNative) = compare(octets, with: [0xB3, 0x43, 0x42, 0x50])
        if matchesNative { return isWholeNative ? .native : .needMore }
        for method in methods {
            let (matches, isWhole) = compare(octets, with: method)
            if matches { return isWhole ? .http : .needMore }
        }
        if layer == .clear(allowsLine: true), beginsText(octets.byte(at: 0)) { return .line }
        return .unknown
    }

    /// Each with its space, without which `GETAWAY` would be a request; PRI is that of HTTP/2 (RFC 9113, section 3.4).
    private static let methods: [[UInt8]] = [
        "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "TRACE ", "CONNECT ", "PRI ",
    ].map { Array($0.utf8) }

    /// Whether the octets and the prefix agree as far as both go, and whether the prefix is there as a whole.
    private static func compare(_ octets: RawSpan, with prefix: [UInt8]) -> (matches: Bool, isWhole: Bool) {
        for index in 0..<min(octets.byteCount, prefix.count) where octets.byte(at: index) != prefix[index] {
            return (false, false)
        }
        return (true, octets.byteCount >= prefix.count)
    }

    /// Tab, line ends, printable ASCII, the first octet of a UTF-8 sequence, and Telnet's IAC (RFC 854).
    private static func beginsText(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0xC2...0xF4, 0xFF: true
        default: false
        }
    }
}
