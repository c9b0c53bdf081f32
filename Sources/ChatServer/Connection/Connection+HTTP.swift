import Bytes
import ChatCore
import ChatDialects
import ChatProtocol
import Logging
import Transport
import WebSocket

/// HTTP on the shared port: requests, each answered before the next is looked at; or the beginning of a WebSocket.
extension Connection {
    /// How long a peer may take to read an answer.
    private static let answerMilliseconds: UInt64 = 30_000
    private static let subprotocols = [WebSocketDoor.Subprotocol.json, WebSocketDoor.Subprotocol.binary]

    func takeRequest(_ requests: HTTPRequests, _ octets: RawSpan) -> Int {
        guard !isInputHeld else { return 0 }
        let wasIdle = requests.state == .idle
        var (requests, isHead) = (requests, false)
        do throws(HTTPRefusal) {
            let next = try requests.next(in: octets)
            phase = .http(requests)
            guard let (head, byteCount) = next else {
                // From its first octet on, a head has as much time as the first one has from accept.
                if wasIdle && requests.state == .reading {
                    driver.shard.postpone(session, byMilliseconds: driver.shard.settings.prefaceMilliseconds, at: driver.moment)
                }
                return 0
            }
            isHead = head.method == "HEAD"
            try answer(head, persistence(behind: head, requests))
            return byteCount + take(octets.extracting(byteCount..<octets.byteCount))
        } catch {
            answer(HTTPResponseHead.answer(to: error, isHead: isHead), "\(error.status.code) \(error.reason)", .close)
            return octets.byteCount
        }
    }

    /// A place that others need is not kept.
    private func persistence(behind head: HTTPRequestHead, _ requests: HTTPRequests) -> HTTPPersistence {
        let milliseconds = driver.web.idleMilliseconds
        guard milliseconds > 0, requests.mayGoOn(behind: head), !session.isRefused, !driver.shared.census.isCrowded(for: peer) else {
            return .close
        }
        return .keep(idleMilliseconds: milliseconds)
    }

    /// Goes on once the answer has left: what a client asks ahead waits in its socket.
    func awaitRequest() {
        guard stream.isOpen, !session.isEnding, case .http(var requests) = phase, requests.state == .answering else { return }
        requests.noteAnswered()
        phase = .http(requests)
        driver.shard.postpone(session, byMilliseconds: driver.web.idleMilliseconds, at: driver.moment)
        takeReceived()
        regulateReading()
        noteEndOfInput()
    }

    private func answer(_ head: HTTPRequestHead, _ persistence: HTTPPersistence) throws(HTTPRefusal) {
        guard stream.isSecure || isClearTextAccepted else { throw HTTPRefusal(.forbidden, "clear text is not accepted here") }
        switch head.method {
        case "GET", "HEAD": break
        case "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT":
            throw HTTPRefusal(.methodNotAllowed, "a method that is not served", fields: [HTTPField("Allow", "GET, HEAD")])
        default: throw HTTPRefusal(.notImplemented, "an unknown method")
        }
        switch head.path {
        case "/healthz": answer(driver.shared.storage?.currentProblem == nil ? "ok\n" : Self.storageFails, head, persistence)
        case "/readyz":
            if driver.isShuttingDown { throw HTTPRefusal(.unavailable, "the broker is shutting down") }
            answer("ready\n", head, persistence)
        case "/echo" where driver.web.servesEcho: try upgrade(head, subprotocols: [])
        case "/ws": try upgrade(head, subprotocols: Self.subprotocols)
        // Where clients of simple dialects that know no path ask.
        case "/" where WebSocketHandshake.isAsked(by: head): try upgrade(head, subprotocols: Self.subprotocols)
        default:
            guard driver.web.servesClient, let (octets, status) = StaticSite.answer(head, persistence) else {
                // Nothing is wrong with such a request, and browsers make it by themselves.
                let refusal = HTTPRefusal(.notFound, "nothing is there")
                let octets = HTTPResponseHead.answer(to: refusal, persistence, isHead: head.method == "HEAD")
                return answer(octets, "404 \(refusal.reason)", persistence)
            }
            answer(octets, "\(status.code) \(head.path)", persistence)
        }
    }

    /// The broker lives, and the rest is for the operator, who has the log: whoever can connect may ask.
    private static let storageFails = "ok\nSTORAGE nothing can be stored at present; the log says why\n"

    private func answer(_ text: String, _ head: HTTPRequestHead, _ persistence: HTTPPersistence) {
        let fields = [HTTPField("Content-Type", "text/plain; charset=utf-8"), HTTPField("Cache-Control", "no-store")]
        let octets = HTTPResponseHead.answer(.ok, persistence, body: SharedBytes(utf8: text), fields: fields, isHead: head.method == "HEAD")
        answer(octets, "200 \(head.path)", persistence)
    }

    /// Queues a whole answer. Behind it the connection ends, or the next request is awaited.
    private func answer(_ octets: SharedBytes, _ note: String, _ persistence: HTTPPersistence) {
        driver.shard.enqueue(octets, for: session, at: driver.moment)
        switch persistence {
        case .close:
            phase = .answered
            driver.shard.dismiss(
                session, CloseReason(.ok, "HTTP \(note)"), withinMilliseconds: Self.answerMilliseconds, at: driver.moment)
        case .keep:
            // The next answer is not made before this one has left: to wait for more to be written with it would be in vain.
            lastFlush = 0
            driver.shard.postpone(session, byMilliseconds: Self.answerMilliseconds, at: driver.moment)
            driver.shared.log.debug("HTTP \(note)", metadata: ["peer": "\(peer)"])
        }
    }

    /// The connection ends between two requests, or before one is complete: in time it was not, or the broker stops.
    func endRequests(_ requests: HTTPRequests, because reason: CloseReason) {
        phase = .answered
        switch requests.state {
        case .reading:
            if let refusal = reason.httpRefusal { session.queue.append(HTTPResponseHead.answer(to: refusal)) }
        case .answering where reason.code == .timeout: self.reason = CloseReason(.ok, "an answer was not taken in time")
        case .answering: break
        // That a client asks no more is no fault of it.
        case .idle: self.reason = CloseReason(.ok, "no further request came")
        }
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
