import ChatProtocol

/// A request that waits until something is looked up in the store, or until what is to be looked up is stored.
struct LookUp {
    let room: Room
    let request: RoomRequest
    let requester: Requester
    /// What has been found for it so far.
    var findings: Findings
}

/// What was looked up for a request.
struct Findings {
    /// When the request is given up, by the monotonic clock.
    let due: UInt64
    /// Where the log ended when a retry came, which must be stored before it is looked for.
    var storedThrough: UInt64?
    /// nil inside means that there is no such event.
    var target: StoredTarget??
    var publication: PublicationAnswer?
    var messageCount: UInt64?
}

/// Requests that only the store can judge. Each waits for one small read, off the loop; then it is handled as if it had come only now. What its
/// connection asks of the room meanwhile waits behind it, what others ask does not.
extension Shard {
    private static let lookUpMilliseconds: UInt64 = 10_000
    /// Clocks may differ by as much between a publish and its retry.
    private static let clockToleranceMilliseconds: UInt64 = 60_000

    private enum Wanted {
        case target(UInt64, Reaction?)
        case publication(MessageID, since: Timestamp)
        case messageCount(UInt64)

        func question(_ account: AccountName, _ anchor: LogAnchor) -> StoreQuestion {
            switch self {
            case .target(let seq, let reaction): .target(TargetQuery(anchor: anchor, seq: seq, reaction: reaction))
            case .publication(let id, let since):
                .publication(PublicationQuery(anchor: anchor, account: account, messageID: id, since: since))
            case .messageCount(let seq): .messageCount(MessageCountQuery(anchor: anchor, seq: seq))
            }
        }
    }

    // MARK: Waiting

    /// Whether an earlier request of the connection waits; then this one is kept behind it.
    func waitBehind(_ request: RoomRequest, _ requester: Requester, in room: Room) -> Bool {
        guard let storage = room.storage, storage.behind[requester.session] != nil else { return false }
        if storage.behind[requester.session]!.count < settings.requestsInFlightMax {
            storage.behind[requester.session]!.append((request, requester))
        } else {
            refuse(Self.tooManyLookUps, request, requester)
        }
        return true
    }

    /// Whether a publish is of a kind that may have to be looked up: asked of every publish.
    @inline(__always)
    func mayNeedLookUp(_ publication: Publication, _ requester: Requester) -> Bool {
        requester.isRetry || publication.content.kind.isChange
    }

    /// Whether a publish can only be judged by what is stored: a change of an event that the ring has lost, or a retry that memory does not
    /// cover. Then it waits, or has been refused.
    func waitForLookUp(_ request: RoomRequest, about publication: Publication, in room: Room, _ requester: Requester) -> Bool {
        guard let storage = room.storage, let member = room.member(requester.account) else { return false }
        let content = publication.content
        if let id = content.messageID {
            let milliseconds = settings.deduplicationSeconds * 1_000
            let known = member.recentMessages.entry(for: id, milliseconds: milliseconds, now: now.monotonicMilliseconds)
            if let known, !storage.isVoid(known.seq) { return false }
            if requester.isRetry {
                if storage.recalled?.entry(requester.account.name, id) != nil { return false }
                if let age = publication.ageMilliseconds, findings?.publication == nil, !isCovered(age, member, in: room) {
                    // What the log had before it began is in no log.
                    guard age <= milliseconds, age < now.wallMilliseconds, now.wallMilliseconds - age > room.epoch else { return false }
                    let tolerance = age + Self.clockToleranceMilliseconds
                    let since = now.wallMilliseconds - min(now.wallMilliseconds, tolerance)
                    return wait(
                        request, for: .publication(id, since: since), storedThrough: findings?.storedThrough ?? room.head, in: room,
                        storage, requester)
                }
            }
        }
        guard content.kind.isChange, content.kind != .unpin, findings?.target == nil, let seq = content.reference, seq <= room.head,
            content.kind != .pin || room.markings?.pins.contains(seq) != true
        else { return false }
        // A batch may be longer than the ring.
        if seq > room.publishedHead { handOn(room) }
        guard seq >= room.floor, seq < room.ringFloor else { return false }
        let reaction = content.kind == .react || content.kind == .unreact ? Reaction(account: requester.account.name, content) : nil
        return wait(request, for: .target(seq, reaction), storedThrough: seq, in: room, storage, requester)
    }

    /// Whether it must be looked up how many messages there are up to a read marker.
    func waitForLookUp(_ request: RoomRequest, about marker: ReadMarker, in room: Room, _ requester: Requester) -> Bool {
        guard let storage = room.storage, let member = room.member(requester.account), marker.mark > member.mark,
            marker.mark <= room.head, findings?.messageCount == nil
        else { return false }
        if marker.mark > room.publishedHead { handOn(room) }
        guard room.messageCount(through: marker.mark) == nil else { return false }
        return wait(request, for: .messageCount(marker.mark), storedThrough: marker.mark, in: room, storage, requester)
    }

    /// - Parameter storedThrough: up to which seq the log must be stored first, if it is going to be.
    private func wait(
        _ request: RoomRequest, for wanted: Wanted, storedThrough: UInt64, in room: Room, _ storage: RoomStorage, _ requester: Requester
    ) -> Bool {
        guard lookUps.count < settings.lookUpsMax, let anchor = storage.anchor else {
            refuse(Self.tooManyLookUps, request, requester)
            return true
        }
        readNumber += 1
        let due = now.monotonicMilliseconds + Self.lookUpMilliseconds
        var findings = findings ?? Findings(due: due)
        findings.storedThrough = findings.storedThrough ?? storedThrough
        lookUps[readNumber] = LookUp(room: room, request: request, requester: requester, findings: findings)
        storage.behind[requester.session] = []
        if storedThrough > anchor.head, isBeingStored(room, storage) {
            storage.parked.append(.lookUp(readNumber))
        } else {
            effects.lookUps.append(StoreLookUp(number: readNumber, question: wanted.question(requester.account.name, anchor)))
        }
        return true
    }

    private static let tooManyLookUps = Failure(.overloaded, reason: "too much waits to be looked up; try later")

    // MARK: Going on

    /// Something was found, or cannot be looked up.
    func settle(_ number: UInt64, _ finding: StoreFinding?) {
        guard var lookUp = lookUps.removeValue(forKey: number) else { return }
        switch finding {
        case .target(let target)?: lookUp.findings.target = .some(target)
        case .publication(let answer)?: lookUp.findings.publication = answer
        case .messageCount(let count)?: lookUp.findings.messageCount = count
        case nil: return goOn(lookUp, with: Failure(.overloaded, reason: "the store cannot be read at present"))
        }
        goOn(lookUp)
    }

    /// More of a log is stored, or will not be.
    func goOnWithLookUp(_ number: UInt64) {
        if let lookUp = lookUps.removeValue(forKey: number) { goOn(lookUp) }
    }

    /// Handles the request, or refuses it, and then what waits behind it.
    private func goOn(_ lookUp: LookUp, with failure: Failure? = nil) {
        let behind = lookUp.room.storage?.behind.removeValue(forKey: lookUp.requester.session) ?? []
        if let failure {
            refuse(failure, lookUp.request, lookUp.requester)
        } else {
            // What was found of a log says nothing of another one with its address.
            findings = rooms[lookUp.request.room] === lookUp.room ? lookUp.findings : nil
            handle(lookUp.request, lookUp.requester)
            findings = nil
        }
        for (request, requester) in behind { handle(request, requester) }
        if let storage = lookUp.room.storage { settleChanges(of: lookUp.room, storage) }
    }

    /// Gives up what has waited for too long.
    func sweepLookUps() {
        guard !lookUps.isEmpty else { return }
        for number in lookUps.keys.sorted() {
            guard let lookUp = lookUps[number], lookUp.findings.due <= now.monotonicMilliseconds else { continue }
            lookUps[number] = nil
            goOn(lookUp, with: Failure(.overloaded, reason: "the store takes too long; try later"))
        }
    }
}
