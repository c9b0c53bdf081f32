import Bytes
import Testing
import WebSocket

/// What a parser makes of a stream: a head and what is left behind it, a refusal, or the wish for more.
enum ParserOutcome: Equatable {
    case head(HTTPRequestHead, rest: [UInt8])
    case refused(Int)
    case incomplete
}

/// Feeds a parser as a connection does: what is incomplete is kept and offered again.
func parse(_ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits()) -> ParserOutcome {
    var parser = HTTPRequestParser(limits: limits)
    var held: [UInt8] = []
    for (index, piece) in pieces.enumerated() {
        held += piece
        do throws(HTTPRefusal) {
            guard let (head, byteCount) = try parser.next(in: held.span.bytes) else { continue }
            return .head(head, rest: Array(held[byteCount...]) + pieces[(index + 1)...].joined())
        } catch {
            return .refused(error.status.code)
        }
    }
    return .incomplete
}

func parse(_ text: String, limits: HTTPLimits = HTTPLimits()) -> ParserOutcome { parse([Array(text.utf8)], limits: limits) }

struct BadRequest: CustomTestStringConvertible, Sendable {
    let name: String
    let text: String
    let status: Int

    init(_ status: Int, _ name: String, _ text: String) {
        self.name = name
        self.text = text
        self.status = status
    }

    var testDescription: String { name }

    /// With one field or several, among those that every request needs.
    static func fields(_ status: Int, _ name: String, _ lines: String) -> BadRequest {
        BadRequest(status, name, "GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n")
    }

    static let all: [BadRequest] = [
        BadRequest(400, "version 0.9", "GET /\r\n\r\n"),
        BadRequest(400, "no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a space at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        BadRequest(400, "a space in front", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "tabs for spaces", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a version in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a version of two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a version of letters", "GET / HTTP/x.y\r\nHost: a\r\n\r\n"),
        BadRequest(400, "another protocol", "GET / ICY/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(505, "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        BadRequest(505, "HTTP/3", "GET / HTTP/3.0\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a fragment", "GET /#top HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a target in quotes", "GET /\"x\" HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a target that is not ASCII", "GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a target with a control character", "GET /\u{7}x HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a target that is no path", "GET index.html HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a target of another scheme", "GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "an absolute target without a host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "an absolute target with a user", "GET http://u@a/x HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "CONNECT to a path", "CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(400, "a star for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(414, "a long target", "GET /\(String(repeating: "x", count: 4000)) HTTP/1.1\r\nHost: a\r\n\r\n"),
        BadRequest(414, "an endless target", "GET /\(String(repeating: "x", count: 9000))"),
        BadRequest(414, "an endless method", String(repeating: "A", count: 9000)),
        BadRequest(400, "LF alone", "GET / HTTP/1.1\nHost: a\n\n"),
        BadRequest(400, "LF alone behind a field", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
        BadRequest(400, "CR alone in a field", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
        BadRequest(400, "CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
        BadRequest(400, "CR at the end of the head", "GET / HTTP/1.1\r\nHost: a\r\n\rX"),
        BadRequest(400, "no host", "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n"),
        BadRequest(400, "an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        .fields(400, "two hosts", "Host: b"),
        .fields(400, "the same host twice", "Host: a"),
        BadRequest(400, "a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        BadRequest(400, "a list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
        BadRequest(400, "a host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
        BadRequest(400, "a port that is no number", "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n"),
        BadRequest(400, "brackets that stay open", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
        .fields(400, "a folded field", "X: a\r\n b"),
        .fields(400, "a field folded by a tab", "X: a\r\n\tb"),
        BadRequest(400, "a folded first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        .fields(400, "a space before the colon", "X : a"),
        .fields(400, "a field without a colon", "nonsense"),
        .fields(400, "a field without a name", ": a"),
        .fields(400, "a name that is no token", "X(y): a"),
        .fields(400, "a name that is not ASCII", "\u{e9}: a"),
        .fields(400, "NUL in a field", "X: a\u{0}b"),
        .fields(400, "DEL in a field", "X: a\u{7f}b"),
        .fields(400, "an escape sequence in a field", "X: \u{1b}[2J"),
        .fields(400, "two lengths", "Content-Length: 0\r\nContent-Length: 5"),
        .fields(400, "the same length twice", "Content-Length: 0\r\nContent-Length: 0"),
        .fields(400, "a list of lengths", "Content-Length: 0, 0"),
        .fields(400, "a length with a sign", "Content-Length: +0"),
        .fields(400, "a negative length", "Content-Length: -1"),
        .fields(400, "a length in hexadecimal", "Content-Length: 0x0"),
        .fields(400, "an empty length", "Content-Length:"),
        .fields(400, "a length beyond all numbers", "Content-Length: 99999999999999999999"),
        .fields(413, "a body", "Content-Length: 5"),
        .fields(400, "length and coding", "Content-Length: 0\r\nTransfer-Encoding: chunked"),
        .fields(413, "a chunked body", "Transfer-Encoding: chunked"),
        .fields(501, "an unknown coding", "Transfer-Encoding: gzip"),
        .fields(501, "codings in a row", "Transfer-Encoding: gzip, chunked"),
        .fields(501, "codings in two fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        BadRequest(400, "a coding in HTTP/1.0", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        .fields(400, "two keys", "Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: b"),
        .fields(400, "two origins", "Origin: http://a\r\nOrigin: http://b"),
        .fields(431, "many fields", (0..<120).map { "X-\($0): a" }.joined(separator: "\r\n")),
        .fields(431, "a long field", "X: " + String(repeating: "a", count: 20_000)),
        .fields(431, "a long head", (0..<90).map { "X-\($0): " + String(repeating: "a", count: 300) }.joined(separator: "\r\n")),
        BadRequest(431, "an endless field", "GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 20_000)),
    ]
}

struct HTTPRequestParserTests {
    @Test(arguments: BadRequest.all)
    func refusesWhateverWayItIsCut(_ request: BadRequest) {
        var random = SeededRandom(seed: 1)
        let octets = Array(request.text.utf8)
        for pieces in cuts(of: octets, random: &random) {
            #expect(parse(pieces) == .refused(request.status))
        }
    }

    @Test func thereAreEnoughBadRequests() { #expect(BadRequest.all.count >= 40) }

    @Test func readsAHeadWhateverWayItIsCut() throws {
        let text =
            "GET /chat?room=a&b HTTP/1.1\r\nHost: example.org:8080\r\nX-Empty:\r\nAccept: \t text/html  \r\nCOOKIE: a=\u{e9}\r\naccept: b, ,c\r\n\r\nrest"
        var random = SeededRandom(seed: 2)
        for pieces in cuts(of: Array(text.utf8), random: &random, chances: 20) {
            guard case .head(let head, let rest) = parse(pieces) else {
                Issue.record("no head")
                continue
            }
            #expect(head.method == "GET")
            #expect(head.path == "/chat")
            #expect(head.query == "room=a&b")
            #expect(head.minorVersion == 1)
            #expect(head.fields.map(\.name) == ["host", "x-empty", "accept", "cookie", "accept"])
            #expect(head.list("accept") == ["text/html", "b", "c"])
            #expect(head.value(of: "accept") == nil)
            #expect(head.value(of: "x-empty") == "")
            #expect(head.value(of: "cookie") == "a=\u{e9}")
            #expect(rest == Array("rest".utf8))
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.0\r\n\r\n", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "GET HTTPS://A:1/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.9\r\nHost: [::1]:7400\r\n\r\n", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n",
    ])
    func takesWhatItMust(_ text: String) {
        guard case .head(let head, _) = parse(text) else {
            Issue.record("refused")
            return
        }
        #expect(head.path == "/")
    }

    @Test(arguments: ["OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"])
    func takesTargetsThatAreNoPaths(_ text: String) {
        guard case .head = parse(text) else {
            Issue.record("refused")
            return
        }
    }

    @Test func anUnfinishedHeadIsNoFault() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for count in 0..<text.utf8.count { #expect(parse([Array(text.utf8.prefix(count))]) == .incomplete) }
    }

    @Test func limitsAreTheGreatestThatPass() {
        func head(target: Int, fields: Int) -> String {
            let lines = (0..<fields).map { "X-\($0): a\r\n" }.joined()
            return "GET /\(String(repeating: "x", count: target - 1)) HTTP/1.1\r\nHost: a\r\n\(lines)\r\n"
        }
        func passes(_ text: String, _ limits: HTTPLimits) -> Bool {
            if case .head = parse(text, limits: limits) { true } else { false }
        }
        #expect(passes(head(target: 2048, fields: 1), HTTPLimits()))
        #expect(passes(head(target: 1, fields: 99), HTTPLimits()))
        #expect(!passes(head(target: 1, fields: 100), HTTPLimits()))
        let text = head(target: 1, fields: 3)
        #expect(passes(text, HTTPLimits(headByteCountMax: text.utf8.count)))
        #expect(!passes(text, HTTPLimits(headByteCountMax: text.utf8.count - 1)))
        #expect(!passes(head(target: 2049, fields: 1), HTTPLimits()))
    }

    @Test func noiseGivesAnOutcome() {
        var random = SeededRandom(seed: 3)
        let words = ["GET", " ", "/", "HTTP/1.1", "\r\n", "\r", "\n", "Host", ":", "a", "\t", "Content-Length", "0", "\u{0}", "\u{ff}"]
        for _ in 0..<3_000 {
            var octets: [UInt8] = random.upTo(1) == 0 ? Array("GET / HTTP/1.1\r\n".utf8) : []
            for _ in 0..<random.upTo(20) { octets += Array(words[random.upTo(words.count - 1)].utf8) }
            let whole = parse([octets])
            #expect(parse(octets.map { [$0] }) == whole)
        }
    }
}
