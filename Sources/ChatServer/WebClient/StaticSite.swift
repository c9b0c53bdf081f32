import Bytes
import WebSocket

/// The files of the web client, out of the program itself. A path is looked up as it is, in a table: there is nothing to be traversed.
///
/// The page names its parts by paths that begin with the version of the whole, so that a browser keeps them for good and a new broker brings new
/// ones. Without the version they are there as well, to be asked for each time.
enum StaticSite {
    struct Page: Sendable {
        let type: String
        let octets: SharedBytes
        /// Changes with the octets (RFC 9110 section 8.8.3).
        let tag: String

        init(_ type: String, _ octets: [UInt8]) {
            self.type = type
            self.octets = SharedBytes(octets)
            tag = "\"\(octets.count)-\(StaticSite.digest(octets))\""
        }
    }

    /// FNV-1a: tells versions of a file apart, and is not meant to resist anybody.
    private static func digest(_ octets: some Sequence<UInt8>) -> String {
        String(octets.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }, radix: 36)
    }

    /// What the paths of this version begin with.
    static let prefix = "/\(digest(StaticSiteFiles.all.lazy.flatMap(\.octets)))/"

    static let pages: [String: Page] = {
        let files = StaticSiteFiles.all
        var pages = Dictionary(uniqueKeysWithValues: files.map { ("/" + $0.path, Page($0.type, $0.octets)) })
        let text = String(decoding: StaticSiteFiles.index, as: UTF8.self)
        let index = Page(
            "text/html; charset=utf-8",
            Array(text.replacing("href=\"/", with: "href=\"" + prefix).replacing("src=\"/", with: "src=\"" + prefix).utf8))
        pages["/"] = index
        pages["/index.html"] = index
        return pages
    }()

    /// What a browser may do with a page of ours: nothing comes from elsewhere, nothing is inline, nobody frames it.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'"

    /// The whole answer to a request for a file; nil if there is none.
    static func answer(_ head: HTTPRequestHead, _ persistence: HTTPPersistence) -> (octets: SharedBytes, status: HTTPStatus)? {
        let isVersioned = head.path.hasPrefix(prefix)
        guard let page = pages[isVersioned ? String(head.path.dropFirst(prefix.count - 1)) : head.path] else { return nil }
        let fields = [
            HTTPField("Content-Type", page.type), HTTPField("ETag", page.tag),
            HTTPField("Cache-Control", isVersioned ? "public, max-age=31536000, immutable" : "no-cache"),
            HTTPField("Content-Security-Policy", policy), HTTPField("Referrer-Policy", "no-referrer"),
            HTTPField("Cross-Origin-Opener-Policy", "same-origin"), HTTPField("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        let isKnown = head.list("if-none-match").contains { $0 == page.tag || $0 == "W/" + page.tag || $0 == "*" }
        let status = isKnown ? HTTPStatus.notModified : .ok
        let body = isKnown ? nil : page.octets
        return (HTTPResponseHead.answer(status, persistence, body: body, fields: fields, isHead: head.method == "HEAD"), status)
    }
}
