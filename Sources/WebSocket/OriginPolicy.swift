/// From which web pages a WebSocket may be opened (RFC 6455 section 10.2, RFC 6454): a browser tells the page's origin, and the page's script
/// has what the browser's user has. Programs that are no browsers send none.
public struct OriginPolicy: Sendable, Equatable {
    private let allowed: Set<String>
    private let allowsAny: Bool

    /// - Parameter origins: such as `https://chat.example.org` or `http://localhost:8080`; `*` is any. The broker's own pages need not be named.
    public init(_ origins: [String]) {
        allowed = Set(origins.map { HTTPSyntax.lowercased($0) })
        allowsAny = origins.contains("*")
    }

    /// Whether a text can be an origin in a configuration.
    public static func isOrigin(_ text: String) -> Bool {
        if text == "*" { return true }
        let lower = HTTPSyntax.lowercased(text)
        guard let scheme = ["http://", "https://"].first(where: lower.hasPrefix) else { return false }
        return HTTPSyntax.isHost(String(lower.dropFirst(scheme.utf8.count)))
    }

    /// Whether the request may open a WebSocket: it names no origin, the broker's own, or one that is allowed.
    ///
    /// In clear text the broker's own is an address or a name of this computer only. Any other name may be that of a page which first gave it
    /// its own address and then this broker's (DNS rebinding); over TLS the certificate prevents that.
    ///
    /// - Parameter isSecure: whether it came over TLS, for the broker's own origin has that scheme.
    public func allows(_ head: HTTPRequestHead, isSecure: Bool) -> Bool {
        guard let origin = head.value(of: "origin").map({ HTTPSyntax.lowercased($0) }) else { return true }
        if allowsAny || allowed.contains(origin) { return true }
        guard let host = head.value(of: "host") else { return false }
        guard isSecure || HTTPSyntax.isAddressOrLocal(host: host) else { return false }
        return origin == (isSecure ? "https://" : "http://") + HTTPSyntax.lowercased(host)
    }
}
