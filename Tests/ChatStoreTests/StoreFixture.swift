import Bytes
import ChatCore
import ChatProtocol
import ChatStore
import Testing

/// What tests call the moment at which they open a store.
let moment: Timestamp = 1_795_251_319_123

func address(_ text: String) -> RoomAddress { try! RoomAddress(text) }
func account(_ text: String) -> AccountName { try! AccountName(text) }

/// An event as a test writes it; its frame is what the broker would have made of it.
struct TestEvent {
    var seq: UInt64
    var body = "hello"
    var from = account("ada")
    var id: UInt64?
    var kind = EventKind.message
    /// The message that an edit changes.
    var reference: UInt64?
    var timestamp = moment

    func frame(in room: RoomAddress) -> SharedBytes {
        var writer = ByteWriter()
        let content = EventContent(kind: kind, messageID: id.map { MessageID($0) }, reference: reference, body: body)
        FrameEncoder.appendDeliver(room: room, seq: seq, timestamp: timestamp, from: from, content: content, to: &writer)
        return writer.finish()
    }
}

extension StoreWrite {
    static func append(_ room: RoomAddress, epoch: UInt64 = 1, _ events: [TestEvent]) -> StoreWrite {
        var writer = ByteWriter()
        for event in events { writer.append(event.frame(in: room)) }
        return .append(room, epoch: epoch, firstSeq: events[0].seq, events: writer.finish())
    }

    static func create(_ room: RoomAddress, epoch: UInt64 = 1) -> StoreWrite {
        .create(LogRecord(address: room, epoch: epoch, createdAt: moment, policy: .keepsHistory))
    }
}

extension Store {
    static func open(_ folder: TemporaryFolder, _ change: (inout StoreSettings) -> Void = { _ in }) throws -> (Store, StoredState) {
        var settings = StoreSettings(directory: folder.path)
        change(&settings)
        return try open(settings, now: moment)
    }

    /// Posts writes and waits for the answer.
    func write(_ writes: StoreWrite...) async -> StoreOutcome {
        await withCheckedContinuation { continuation in
            let isTaken = post(writes) { continuation.resume(returning: $0) }
            precondition(isTaken, "a test does not fill the queue unless it means to")
        }
    }

    /// Posts writes that are expected to be stored; where the logs stand afterwards.
    @discardableResult
    func stored(_ writes: StoreWrite..., location: SourceLocation = #_sourceLocation) async -> [CommittedLog] {
        let outcome: StoreOutcome = await withCheckedContinuation { continuation in
            let isTaken = post(writes) { continuation.resume(returning: $0) }
            precondition(isTaken, "a test does not fill the queue unless it means to")
        }
        guard case .committed(let results) = outcome else {
            Issue.record("\(outcome)", sourceLocation: location)
            return []
        }
        return results.compactMap {
            if case .rejected(let rejection) = $0 { Issue.record("\(rejection)", sourceLocation: location) }
            if case .stored(let log?) = $0 { return log }
            return nil
        }
    }

    func page(_ query: HistoryQuery) async throws -> HistoryPage {
        let result: Result<HistoryPage, StoreError> = await withCheckedContinuation { continuation in
            let isTaken = read(query) { continuation.resume(returning: $0) }
            precondition(isTaken, "a test does not fill the queue unless it means to")
        }
        return try result.get()
    }

    func answer(_ query: PublicationQuery) async throws -> PublicationAnswer {
        guard case .publication(let answer) = try await find(.publication(query)) else { preconditionFailure("another question's answer") }
        return answer
    }

    func find(_ question: StoreQuestion) async throws -> StoreFinding {
        let result: Result<StoreFinding, StoreError> = await withCheckedContinuation { continuation in
            let isTaken = find(question) { continuation.resume(returning: $0) }
            precondition(isTaken, "a test does not fill the queue unless it means to")
        }
        return try result.get()
    }

    /// The seqs of all that is stored of a log.
    func seqs(_ anchor: LogAnchor) async throws -> [UInt64] {
        try await page(
            HistoryQuery(anchor: anchor, fromSeq: 1, toSeq: .max, eventCountMax: 1_000_000, byteCountMax: .max, direction: .newest)
        )
        .seqs
    }
}

extension HistoryPage {
    /// The events in their parts.
    var parts: [Event] {
        var found: [Event] = []
        var offset = 0
        events.withBytes { octets in
            while offset < octets.byteCount {
                guard let header = FrameHeader(octets, at: offset),
                    case .event(let event)? = try? FrameDecoder.serverFrame(
                        header, payload: octets.extracting(offset + 8..<offset + header.frameByteCount))
                else {
                    Issue.record("not a DELIVER frame at \(offset)")
                    return
                }
                found.append(event)
                offset += header.frameByteCount
            }
        }
        return found
    }

    var seqs: [UInt64] { parts.map(\.seq) }
}

extension StoredState {
    func room(_ address: RoomAddress) -> StoredRoom? { rooms.first { $0.record.address == address } }
}
