import Bytes
import ChatCore
import ChatDialects
import ChatProtocol
import Transport
import WebSocket

/// HTTP on the shared port: one request, one answer, and the end; or the beginning of a WebSocket.
extension Connection {
    /// How long a peer may take to read an answer.
    private static let answerMilliseconds: UInt64 = 30_000
    private static let subprotocols = [WebSocketDoor.Subprotocol.json, WebSocketDoor.Subprotocol.binary]

    func takeRequest(_ parser: HTTPRequestParser, _ octets: RawSpan) -> Int {
        var parser = parser
        do throws(HTTPRefusal) {
            guard let (head, byteCount) = try parser.next(in: octets) else {
                phase = .http(parser)
                return 0
            }
            try answer(head)
            guard case .webSocket = phase else { return octets.byteCount }
            return byteCount + take(octets.extracting(byteCount..<octets.byteCount))
        } catch {
            answer(HTTPResponseHead.answer(to: error), "\(error.status.code) \(error.reason)")
            return octets.byteCount
        }
    }

    private func answer(_ head: HTTPRequestHead) throws(HTTPRefusal) {
        guard stream.isSecure || isClearTextAccepted else { throw HTTPRefusal(.forbidden, "clear text is not accepted here") }
        switch head.method {
        case "GET", "HEAD": break
        case "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT":
            throw HTTPRefusal(.methodNotAllowed, "a method that is not served", fields: [HTTPField("Allow", "GET, HEAD")])
        default: throw HTTPRefusal(.notImplemented, "an unknown method")
        }
        switch head.path {
        case "/healthz": answer("ok\n", .ok, head)
        case "/readyz":
            if driver.isShuttingDown { throw HTTPRefusal(.unavailable, "the broker is shutting down") }
            answer("ready\n", .ok, head)
        case "/echo" where driver.web.servesEcho: try upgrade(head, subprotocols: [])
        case "/ws": try upgrade(head, subprotocols: Self.subprotocols)
        // Where clients of simple dialects that know no path ask.
        case "/" where WebSocketHandshake.isAsked(by: head): try upgrade(head, subprotocols: Self.subprotocols)
        default:
            guard driver.web.servesClient, let (octets, status) = StaticSite.answer(head) else {
                throw HTTPRefusal(.notFound, "nothing is there")
            }
            answer(octets, "\(status.code) \(head.path)")
        }
    }

    private func answer(_ text: String, _ status: HTTPStatus, _ head: HTTPRequestHead) {
        let fields = [HTTPField("Content-Type", "text/plain; charset=utf-8"), HTTPField("Cache-Control", "no-store")]
        answer(
            HTTPResponseHead.answer(status, body: SharedBytes(utf8: text), fields: fields, isHead: head.method == "HEAD"),
            "\(status.code) \(head.path)")
    }

    /// Queues a whole answer, and ends.
    func answer(_ octets: SharedBytes, _ note: String) {
        phase = .answered
        driver.shard.enqueue(octets, for: session, at: driver.moment)
        driver.shard.dismiss(
            session, CloseReason(.ok, "HTTP \(note)"), withinMilliseconds: Self.answerMilliseconds, at: driver.moment)
    }

    /// The connection ends before its request is complete: in time it was not, or the broker stops.
    func appendAnswer(to reason: CloseReason) {
        guard let refusal = reason.httpRefusal else { return }
        phase = .answered
        session.queue.append(HTTPResponseHead.answer(to: refusal))
    }

    private func upgrade(_ head: HTTPRequestHead, subprotocols: [String]) throws(HTTPRefusal) {
        if WebSocketHandshake.isAsked(by: head), !driver.web.origins.allows(head, isSecure: stream.isSecure) {
            throw HTTPRefusal(.forbidden, "an origin that is not allowed")
        }
        let handshake = try WebSocketHandshake(head, subprotocols: subprotocols, allowsDeflate: driver.web.allowsCompression)
        let kind: WebSocketDoor.Kind
        switch handshake.subprotocol {
        case WebSocketDoor.Subprotocol.json: kind = .json
        case WebSocketDoor.Subprotocol.binary: kind = .binary
        default: kind = subprotocols.isEmpty ? .echo : .simple
        }
        begin(WebSocketDoor(kind, deflate: handshake.deflate), answering: handshake.response)
    }
}

extension CloseReason {
    /// What a client is told that has not finished its request.
    fileprivate var httpRefusal: HTTPRefusal? {
        switch code {
        case .timeout: HTTPRefusal(.requestTimeout, text)
        case .shuttingDown: HTTPRefusal(.unavailable, text)
        default: nil
        }
    }
}
