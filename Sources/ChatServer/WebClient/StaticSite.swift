import Bytes
import WebSocket

/// The files of the web client, out of the program itself. A path is looked up as it is, in a table: there is nothing to be traversed.
enum StaticSite {
    struct Page: Sendable {
        let type: String
        let octets: SharedBytes
        /// Changes with the octets (RFC 9110 section 8.8.3).
        let tag: String

        init(_ type: String, _ octets: [UInt8]) {
            self.type = type
            self.octets = SharedBytes(octets)
            tag = "\"\(octets.count)-\(String(Self.digest(octets), radix: 36))\""
        }

        /// FNV-1a: tells versions of a file apart, and is not meant to resist anybody.
        private static func digest(_ octets: [UInt8]) -> UInt64 {
            octets.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }
    }

    static let pages: [String: Page] = {
        let script = "text/javascript; charset=utf-8"
        let index = Page("text/html; charset=utf-8", PackageResources.index_html)
        return [
            "/": index, "/index.html": index, "/style.css": Page("text/css; charset=utf-8", PackageResources.style_css),
            "/app.js": Page(script, PackageResources.app_js), "/client.js": Page(script, PackageResources.client_js),
            "/view.js": Page(script, PackageResources.view_js), "/icon.svg": Page("image/svg+xml", PackageResources.icon_svg),
        ]
    }()

    /// What a browser may do with a page of ours: nothing comes from elsewhere, nothing is inline, nobody frames it.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'"

    /// The whole answer to a request for a file; nil if there is none.
    static func answer(_ head: HTTPRequestHead) -> (octets: SharedBytes, status: HTTPStatus)? {
        guard let page = pages[head.path] else { return nil }
        var fields = [
            HTTPField("Content-Type", page.type), HTTPField("ETag", page.tag), HTTPField("Cache-Control", "no-cache"),
            HTTPField("Content-Security-Policy", policy), HTTPField("Referrer-Policy", "no-referrer"),
            HTTPField("Cross-Origin-Opener-Policy", "same-origin"), HTTPField("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        let isKnown = head.list("if-none-match").contains { $0 == page.tag || $0 == "W/" + page.tag || $0 == "*" }
        guard isKnown else { return (HTTPResponseHead.answer(.ok, body: page.octets, fields: fields, isHead: head.method == "HEAD"), .ok) }
        fields.append(HTTPField("Connection", "close"))
        var writer = ByteWriter(minimumCapacity: 512)
        HTTPResponseHead(.notModified, fields: fields).append(to: &writer)
        return (writer.finish(), .notModified)
    }
}
