import Bytes
import ChatCore
import ChatDialects
import ChatProtocol
import Deflate
import WebSocket

/// Frames of a WebSocket: what is in them goes to the core, the rest is answered here.
extension Connection {
    /// How long a silent echo lasts.
    private static let echoMilliseconds: UInt64 = 60_000

    /// Goes on as a WebSocket.
    func begin(_ door: WebSocketDoor, answering response: SharedBytes) {
        phase = .webSocket(door)
        if let simple = door.simple { return begin(simple, answering: response) }
        driver.shard.enqueue(response, for: session, at: driver.moment)
        if door.kind == .echo {
            driver.shard.postpone(session, byMilliseconds: Self.echoMilliseconds, at: driver.moment)
        } else {
            noteChannel(isScripted: door.kind == .json)
            let subprotocol = SharedBytes(utf8: door.kind == .json ? "cbp.json.v1" : "cbp.bin.v1")
            subprotocol.withBytes { driver.shard.note(opening: $0, of: session) }
            driver.shard.open(session, speaking: door.encoding, at: driver.moment)
        }
    }

    func takeFrames(_ door: WebSocketDoor, _ octets: RawSpan) -> Int {
        var used = 0
        do throws(WebSocketError) {
            while !isInputHeld && !session.isEnding {
                if !door.message.isEmpty {
                    takeMessage(door)
                    continue
                }
                let input = try door.decoder.next(in: octets, used: &used, messageByteCountMax: messageByteCountMax(door))
                guard let input else { break }
                try handle(input, door)
                driver.relievePressure()
            }
        } catch {
            fail(door, error)
            return octets.byteCount
        }
        return used
    }

    private func messageByteCountMax(_ door: WebSocketDoor) -> Int {
        let limits = driver.shard.limits(of: session)
        return switch door.kind {
        case .json, .simple: limits.payloadByteCountMax * JSONDialect.expansion
        case .binary: limits.payloadByteCountMax + FrameHeader.byteCount
        case .echo: driver.shard.settings.frameByteCountMax * JSONDialect.expansion
        }
    }

    private func handle(_ input: WebSocketInput, _ door: WebSocketDoor) throws(WebSocketError) {
        switch input {
        case .message(let isText, let isCompressed, let payload):
            guard isCompressed else { return try handle(payload, isText: isText, isCompressed: false, door) }
            guard let plain = try inflated(payload, isText: isText, door) else { return refuseLongMessage(door) }
            try handle(plain, isText: isText, isCompressed: true, door)
        case .tooLong: refuseLongMessage(door)
        case .ping(let payload): driver.shard.enqueue(WebSocketEncoder.pong(payload), for: session, at: driver.moment)
        case .pong: break
        case .close(let code, _):
            door.closeCode = code ?? .normal
            let reason = CloseReason(.ok, "the client closed the WebSocket")
            if door.kind == .echo {
                dismiss(reason)
            } else {
                if self.reason == nil { self.reason = reason }
                driver.shard.inputEnded(session, at: driver.moment)
            }
        }
    }

    /// Where a long message is not the end.
    private func refuseLongMessage(_ door: WebSocketDoor) {
        if let simple = door.simple { refuseLongMessage(simple) }
    }

    /// What a compressed message says; nil if it is too long where that is not the end.
    private func inflated(_ payload: SharedBytes, isText: Bool, _ door: WebSocketDoor) throws(WebSocketError) -> SharedBytes? {
        let plain: SharedBytes
        do throws(InflateError) {
            plain = try driver.inflater.inflate(payload, byteCountMax: messageByteCountMax(door))
        } catch {
            if error == .tooLong && door.simple != nil { return nil }
            throw error == .tooLong
                ? WebSocketError(.messageTooBig, "a message longer than accepted") : WebSocketError(.invalidData, "not compressed data")
        }
        guard !isText || plain.withBytes({ $0.isWellFormedUTF8 }) else { throw WebSocketError(.invalidData, "a text that is not UTF-8") }
        return plain
    }

    private func handle(_ payload: SharedBytes, isText: Bool, isCompressed: Bool, _ door: WebSocketDoor) throws(WebSocketError) {
        switch door.kind {
        case .json:
            guard isText else { throw WebSocketError(.unsupportedData, "binary where text is spoken") }
            let limits = driver.shard.limits(of: session)
            payload.withBytes { driver.shard.note(opening: $0, of: session) }
            driver.shard.receive(payload.withBytes { JSONDialect.input($0, limits: limits) }, from: session, at: driver.moment)
        case .simple:
            guard isText, let simple = door.simple else { throw WebSocketError(.unsupportedData, "binary where text is spoken") }
            take(payload, simple)
        case .binary:
            guard !isText else { throw WebSocketError(.unsupportedData, "text where binary is spoken") }
            payload.withBytes { door.message.append($0) }
        case .echo:
            driver.shard.postpone(session, byMilliseconds: Self.echoMilliseconds, at: driver.moment)
            var writer = ByteWriter(minimumCapacity: payload.count + WebSocketEncoder.headerByteCountMax)
            let isCompressed = isCompressed && door.mayCompress
            let octets = isCompressed ? driver.deflater.deflate(payload) : payload
            octets.withBytes { WebSocketEncoder.append(isText ? .text : .binary, $0, isCompressed: isCompressed, to: &writer) }
            driver.shard.enqueue(writer.finish(), for: session, at: driver.moment)
        }
    }

    /// Reads the frames of a binary message, as far as the core takes them.
    private func takeMessage(_ door: WebSocketDoor) {
        while !session.isInputHeld && !session.isEnding && !door.message.isEmpty {
            let limits = driver.shard.limits(of: session)
            let next = door.message.withBytes { door.dialect.next(in: $0, limits: limits) }
            if let next {
                if session.isOpening {
                    door.message.withBytes { driver.shard.note(opening: $0.extracting(0..<min(next.byteCount, $0.byteCount)), of: session) }
                }
                // Behind what is fatal nothing is read.
                door.message.consume(min(next.byteCount, door.message.count))
                driver.shard.receive(next.input, from: session, at: driver.moment)
                driver.relievePressure()
            } else {
                door.message.clear()
                driver.shard.receive(.fatal(.malformed, reason: "a message that is not whole frames"), from: session, at: driver.moment)
            }
        }
    }

    // MARK: Endings

    private func fail(_ door: WebSocketDoor, _ error: WebSocketError) {
        door.closeCode = error.code
        if door.kind == .echo { return dismiss(CloseReason(.malformed, error.reason)) }
        let code: ResultCode = error.code == .messageTooBig ? .frameTooLarge : .malformed
        driver.shard.receive(.fatal(code, reason: error.reason), from: session, at: driver.moment)
    }

    private func dismiss(_ reason: CloseReason) {
        driver.shard.dismiss(
            session, reason, withinMilliseconds: driver.shard.settings.drainMilliseconds, at: driver.moment)
    }

    /// The Close frame, which is the last one (RFC 6455 section 5.5.1); the code is 4000 and the result code, unless WebSocket itself has one.
    func appendClose(_ door: WebSocketDoor, _ reason: CloseReason) {
        guard !door.hasSaidClose else { return }
        door.hasSaidClose = true
        let code = door.closeCode ?? (reason.code == .ok ? .normal : WebSocketCloseCode(rawValue: 4000 + reason.code.rawValue))
        session.queue.append(WebSocketEncoder.close(code, reason: reason.code == .ok ? "" : reason.text))
    }
}
