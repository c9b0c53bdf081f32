import ChatConfiguration
import Testing

@testable import ChatServer

/// HTTP on the shared port: what is served, and what is refused.
@Suite struct HTTPTests {
    private func answer(_ request: String, _ broker: TestBroker) throws -> String {
        let client = try WireClient(broker.address)
        try client.send(request)
        return try client.readToEnd()
    }

    @Test(arguments: [
        ("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200), ("GET /readyz HTTP/1.0\r\n\r\n", 200),
        ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404), ("GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404), ("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("POST /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 405), ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405), ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", 426), ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\nHost: a\n\n", 400), ("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 413),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), ("GET /healthz HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400),
    ])
    func everyRequestIsAnsweredAndTheConnectionClosed(_ request: String, _ status: Int) throws {
        let broker = try TestBroker()
        let text = try answer(request, broker)
        #expect(text.hasPrefix("HTTP/1.1 \(status) "))
        #expect(text.contains("\r\nConnection: close\r\n"))
        #expect(!text.contains("passwd"))
        if status == 405 { #expect(text.contains("\r\nAllow: GET, HEAD\r\n")) }
    }

    @Test func headHasNoBody() throws {
        let broker = try TestBroker()
        let text = try answer("HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n", broker)
        #expect(text.contains("\r\nContent-Length: 3\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    @Test func aSlowRequestIsCutAtItsDeadlineWhileOthersAreServed() throws {
        let broker = try TestBroker { $0.deadlines.prefaceMilliseconds = 700 }
        let slow = try WireClient(broker.address)
        try slow.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
        #expect(try answer("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", broker).hasSuffix("\r\n\r\nok\n"))
        #expect(try slow.readToEnd().hasPrefix("HTTP/1.1 408 "))
    }

    @Test func anAnswerComesThoughTheClientHasFinished() throws {
        let broker = try TestBroker()
        let client = try WireClient(broker.address)
        try client.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        client.finishSending()
        #expect(try client.readToEnd().hasSuffix("ok\n"))
    }

    @Test(arguments: [("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css"), ("/icon.svg", "image/svg+xml")])
    func theWebClientIsServed(_ path: String, _ type: String) throws {
        let broker = try TestBroker()
        let text = try answer("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n", broker)
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: \(type)"))
        #expect(text.contains("\r\nContent-Security-Policy: default-src 'none'; script-src 'self'"))
        let tag = try #require(text.split(separator: "\r\n").first { $0.hasPrefix("ETag: ") }?.dropFirst(6))
        let again = try answer("GET \(path) HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\", \(tag)\r\n\r\n", broker)
        #expect(again.hasPrefix("HTTP/1.1 304 Not Modified\r\n"))
        #expect(again.hasSuffix("\r\n\r\n"))
        let bare = try TestBroker { $0.web.client = false }
        #expect(try answer("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n", bare).hasPrefix("HTTP/1.1 404 "))
    }

    @Test(arguments: [
        ("Origin: https://evil.org", 403), ("Origin: http://localhost", 101), ("Origin: https://chat.example.org", 101),
        ("Origin: null", 403),
        ("X: y", 101),
    ])
    func onlyPagesThatAreAllowedOpenAWebSocket(_ field: String, _ status: Int) throws {
        let broker = try TestBroker { $0.web.allowedOrigins = "https://other.example.org, https://chat.example.org" }
        let client = try WireClient(broker.address)
        #expect(try client.upgrade("/ws", [field, "Sec-WebSocket-Protocol: cbp.json.v1"]).hasPrefix("HTTP/1.1 \(status) "))
    }

    @Test(arguments: ["/ws", "/"]) func whatAWebSocketSpeaksIsAgreedOn(_ path: String) throws {
        let broker = try TestBroker()
        for (fields, status) in [
            (["Sec-WebSocket-Protocol: soap"], 400), ([], 101), (["Sec-WebSocket-Protocol: soap, cbp.json.v1"], 101),
            (["Sec-WebSocket-Protocol: cbp.bin.v1"], 101),
        ] {
            #expect(try WireClient(broker.address).upgrade(path, fields).hasPrefix("HTTP/1.1 \(status) "))
        }
    }
}
