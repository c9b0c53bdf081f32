import Bytes
import ChatProtocol

/// A reaction or a pin that is in the log, and that a read of the store may not show yet.
struct UnstoredChange {
    let seq: UInt64
    let change: RoomChange
    /// Once it is stored, the number of the latest read: older ones may still come without it.
    var storedAtRead: UInt64?
}

/// A deletion that a read of the store may not show yet.
struct Erasure {
    /// Whether the last attempt failed.
    var hasFailed = false
    /// Once it is stored, the number of the latest read: older ones may still come without it.
    var storedAtRead: UInt64?
}

/// What lies between a change and the moment from which every read of the store shows it.
extension Shard {
    /// Remembers a change until the store shows it.
    func noteUnstored(_ change: RoomChange, _ seq: UInt64, in room: Room) {
        guard let storage = room.storage else { return }
        storage.changes.append(UnstoredChange(seq: seq, change: change))
    }

    /// More of a log is stored: forgets the changes that every read shows from now on.
    func settleChanges(of room: Room, _ storage: RoomStorage) {
        guard !storage.changes.isEmpty || !storage.erasures.isEmpty else { return }
        for index in storage.changes.indices where storage.changes[index].seq <= storage.storedHead {
            storage.changes[index].storedAtRead = storage.changes[index].storedAtRead ?? readNumber
        }
        let oldest = min(readsInFlight.keys.min() ?? .max, lookUps.keys.min() ?? .max, searchesTold.values.min() ?? .max)
        storage.changes.removeAll { $0.storedAtRead.map { $0 < oldest } ?? false }
        for (seq, erasure) in storage.erasures where erasure.storedAtRead.map({ $0 < oldest }) ?? false { storage.erasures[seq] = nil }
    }

    /// What was not stored, and never will be, has not happened.
    func undoChanges(through seq: UInt64, in room: Room, _ storage: RoomStorage) {
        guard !storage.changes.isEmpty else { return }
        for change in storage.changes.reversed() where change.storedAtRead == nil && change.seq <= seq {
            switch change.change {
            case .react(let target, let reaction): room.noteMarking { $0.remove(reaction, from: target) }
            case .unreact(let target, let reaction):
                if target >= room.ringFloor { room.noteMarking { $0.insert(reaction, to: target) } }
            case .pin(let target): room.noteMarking { $0.pins.remove(target) }
            case .unpin(let target): room.noteMarking { $0.pins.insert(target) }
            case .edit, .delete: break
            }
        }
        storage.changes.removeAll { $0.storedAtRead == nil && $0.seq <= seq }
    }

    // MARK: Deletions

    /// Has the store forget what a message said.
    func storeErasure(of seq: UInt64, in room: Room, _ storage: RoomStorage) {
        storage.erasures[seq] = Erasure()
        post(.erase(room.address, epoch: room.epoch, seq: seq), .erase(room, seq: seq))
    }

    func noteErasure(of seq: UInt64, in room: Room, isStored: Bool) {
        guard let storage = room.storage, storage.erasures[seq] != nil else { return }
        if isStored { storage.erasures[seq]!.storedAtRead = readNumber } else { storage.erasures[seq]!.hasFailed = true }
        settleChanges(of: room, storage)
    }

    /// The store takes something again: what could not be erased is.
    func eraseAgain(in room: Room, _ storage: RoomStorage) {
        for (seq, erasure) in storage.erasures.sorted(by: { $0.key < $1.key }) where erasure.hasFailed {
            storeErasure(of: seq, in: room, storage)
        }
    }

    /// Events as they may be sent: without what was deleted since they were read.
    func withoutErased(
        _ events: NumberedEvents, of room: Room
    ) -> NumberedEvents {
        guard let storage = room.storage, !storage.erasures.isEmpty else { return events }
        return ContiguousArray(
            events.map { seq, frame in
                guard isErased(frame, in: storage) else { return (seq, frame) }
                let event = Event(frame: frame)
                return (seq, event.isRedacted ? frame : event.redacted.frame)
            })
    }

    /// Whether an event was deleted, or the message that it edits, and a read may show what it said.
    func isErased(_ frame: SharedBytes, in storage: RoomStorage) -> Bool {
        guard !storage.erasures.isEmpty else { return false }
        return storage.erasures[DeliverView(frame: frame).message] != nil
    }
}
