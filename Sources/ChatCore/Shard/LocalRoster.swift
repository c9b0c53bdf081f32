import ChatProtocol

/// The connections of one shard that are attached to a room, wherever the room's home is. Owned by that shard.
final class LocalRoster {
    let address: RoomAddress
    let epoch: UInt64
    /// The shard that owns the room.
    let home: Int
    /// Attachments that the room's home has granted and that have not been given back.
    var grants = 0
    var attachments: ContiguousArray<Attachment> = []
    /// Seq of the last event that came, and lowest seq in the ring then.
    var head: UInt64 = 0
    var floor: UInt64 = 1

    init(address: RoomAddress, epoch: UInt64, home: Int) {
        self.address = address
        self.epoch = epoch
        self.home = home
    }

    /// The place of a session here; nil if it is not attached.
    func index(of session: Session) -> Int? {
        session.links.first { $0.roster === self }?.index
    }

    func attach(_ session: Session, next: UInt64, state: Attachment.State, isAutomatic: Bool) {
        session.links.append(RosterLink(roster: self, index: attachments.count))
        attachments.append(Attachment(session: session, next: next, state: state, isAutomatic: isAutomatic))
        if state == .late { session.lateAttachmentCount += 1 }
    }

    func detach(_ session: Session) {
        guard let place = session.links.firstIndex(where: { $0.roster === self }) else { return }
        let index = session.links[place].index
        session.links.remove(at: place)
        if attachments[index].state == .late { session.lateAttachmentCount -= 1 }
        let last = attachments.removeLast()
        guard index < attachments.count else { return }
        // The last attachment fills the gap, and its session is told so.
        attachments[index] = last
        guard let moved = last.session.links.firstIndex(where: { $0.roster === self }) else {
            preconditionFailure("an attached session knows its roster")
        }
        last.session.links[moved].index = index
    }

    /// Changes how far an attachment has come, and keeps the session's count of late ones.
    func setState(_ state: Attachment.State, at index: Int) {
        let old = attachments[index].state
        guard old != state else { return }
        if old == .late { attachments[index].session.lateAttachmentCount -= 1 }
        if state == .late { attachments[index].session.lateAttachmentCount += 1 }
        attachments[index].state = state
    }
}

/// One connection's place in a room: which event it is to be sent next.
struct Attachment {
    enum State: UInt8 {
        /// Gets each batch as it comes.
        case live
        /// As `live`, but the client does not know yet that it is attached (a two-party conversation).
        case unannounced
        /// Behind: continues from the ring when its queue has drained.
        case late
        /// Behind, and the ring has been asked.
        case fetching
        /// Attached by a RESUME that is not answered yet: nothing may be sent before the answer.
        case held
    }

    let session: Session
    /// Seq of the next event for this connection.
    var next: UInt64
    var state: State
    /// Whether the broker attached it without being asked.
    var isAutomatic: Bool
}
