import Bytes
import Testing
import WebSocket

/// What a connection makes of a stream of requests, each answered as soon as it is whole.
private struct Served: Equatable {
    var paths: [String] = []
    var refusal: Int?
    /// Octets behind what was served or refused.
    var restCount = 0

    init(_ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits()) {
        var requests = HTTPRequests(limits: limits)
        var held: [UInt8] = []
        for piece in pieces {
            held += piece
            do throws(HTTPRefusal) {
                while let (head, byteCount) = try requests.next(in: held.span.bytes) {
                    paths.append(head.path)
                    held.removeFirst(byteCount)
                    requests.noteAnswered()
                }
            } catch {
                refusal = error.status.code
                return
            }
        }
        restCount = held.count
    }

    init(_ text: String, limits: HTTPLimits = HTTPLimits()) { self.init([Array(text.utf8)], limits: limits) }
}

/// Requests one behind the other.
@Suite struct HTTPRequestsTests {
    private static func get(_ path: String, _ lines: String = "") -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\(lines)\r\n" }

    @Test func readsOneBehindTheOtherHoweverTheyAreCut() {
        let text = Self.get("/a") + Self.get("/b", "Content-Length: 0\r\n") + "HEAD /c HTTP/1.1\r\nHost: a\r\n\r\n" + "GET /d HTT"
        var random = SeededRandom(seed: 3)
        for pieces in cuts(of: Array(text.utf8), random: &random, chances: 20) {
            let served = Served(pieces)
            #expect(served.paths == ["/a", "/b", "/c"])
            #expect(served.refusal == nil)
            #expect(served.restCount == 10)
        }
    }

    @Test(arguments: BadRequest.all)
    func whatIsBadIsAsBadBehindAnother(_ request: BadRequest) {
        var random = SeededRandom(seed: 4)
        for pieces in cuts(of: Array((Self.get("/a") + request.text + Self.get("/b")).utf8), random: &random, chances: 2) {
            let served = Served(pieces)
            #expect(served.paths == ["/a"])
            #expect(served.refusal == request.status)
        }
    }

    @Test func limitsHoldForEachHeadByItself() {
        let request = Self.get("/a", "X: \(String(repeating: "x", count: 400))\r\n")
        let limits = HTTPLimits(headByteCountMax: request.utf8.count, fieldCountMax: 2)
        #expect(Served(String(repeating: request, count: 50), limits: limits).paths.count == 50)
        #expect(Served(request + Self.get("/b", "X: \(String(repeating: "x", count: 401))\r\n"), limits: limits).refusal == 431)
    }

    @Test func theStateTellsWhichDeadlineHolds() throws {
        var requests = HTTPRequests()
        #expect(requests.state == .reading)
        let octets = Array(Self.get("/").utf8)
        #expect(try requests.next(in: octets.span.bytes.extracting(0..<9)) == nil)
        #expect(requests.state == .reading)
        #expect(try requests.next(in: octets.span.bytes)?.byteCount == octets.count)
        #expect(requests.state == .answering)
        requests.noteAnswered()
        #expect(requests.state == .idle)
        #expect(try requests.next(in: octets.span.bytes.extracting(0..<0)) == nil)
        #expect(requests.state == .idle)
        #expect(try requests.next(in: octets.span.bytes.extracting(0..<1)) == nil)
        #expect(requests.state == .reading)
    }

    @Test(arguments: [
        (get("/"), true), (get("/", "Connection: keep-alive\r\n"), true), (get("/", "Connection: upgrade, closed\r\n"), true),
        (get("/", "Connection: close\r\n"), false), (get("/", "Connection: keep-alive,  CLOSE\r\n"), false),
        (get("/", "Connection: keep-alive\r\nConnection: x, close\r\n"), false), ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false), ("GET / HTTP/1.7\r\nHost: a\r\n\r\n", true),
    ])
    func goesOnUnlessTheClientWantsTheEnd(_ text: String, _ goesOn: Bool) throws {
        var requests = HTTPRequests()
        let octets = Array(text.utf8)
        let (head, _) = try #require(try requests.next(in: octets.span.bytes))
        #expect(requests.mayGoOn(behind: head) == goesOn)
    }

    @Test func givesSoManyAnswersAndNoMore() throws {
        let octets = Array(Self.get("/").utf8)
        for count in [1, 2, HTTPLimits().requestCountMax] {
            var requests = HTTPRequests(limits: HTTPLimits(requestCountMax: count))
            for number in 1...count {
                let (head, _) = try #require(try requests.next(in: octets.span.bytes))
                #expect(requests.mayGoOn(behind: head) == (number < count))
                requests.noteAnswered()
            }
        }
    }
}

@Suite struct HTTPPersistenceTests {
    private func text(_ octets: SharedBytes) -> String { String(decoding: octets.array, as: UTF8.self) }

    @Test func answersSayWhatBecomesOfTheConnection() {
        let body = SharedBytes(utf8: "x")
        let kept = text(HTTPResponseHead.answer(.ok, .keep(idleMilliseconds: 9_999), body: body, fields: []))
        #expect(kept.contains("\r\nConnection: keep-alive\r\nKeep-Alive: timeout=9\r\n"))
        #expect(kept.hasSuffix("\r\n\r\nx"))
        let closed = text(HTTPResponseHead.answer(.ok, .close, body: body, fields: []))
        #expect(closed.contains("\r\nConnection: close\r\n") && !closed.contains("Keep-Alive"))
        #expect(text(HTTPResponseHead.answer(to: HTTPRefusal(.badRequest, "x"))).contains("\r\nConnection: close\r\n"))
    }

    @Test func whatHasNoBodyEndsWithItsHead() {
        let unchanged = text(HTTPResponseHead.answer(.notModified, .close, body: nil, fields: []))
        #expect(unchanged.hasSuffix("\r\n\r\n") && !unchanged.contains("Content-Length"))
        let head = text(HTTPResponseHead.answer(to: HTTPRefusal(.notFound, "x"), .close, isHead: true))
        #expect(head.hasSuffix("\r\n\r\n") && head.contains("\r\nContent-Length: 14\r\n"))
    }
}
