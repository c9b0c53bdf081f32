package import ChatProtocol

/// What an account says to an event in a few letters. It belongs to the name under which it was said, as the log shows it.
public struct Reaction: Hashable, Sendable {
    package let account: AccountName
    // Octets, because strings are equal to strings of other octets.
    package let body: [UInt8]

    package init(account: AccountName, _ content: EventContent) {
        self.account = account
        body = content.body.map { Array($0.utf8) } ?? []
    }
}

/// Reactions and pins in force in a log: what tells a second reaction from a first.
struct RoomMarkings {
    /// By the seq of the event reacted to. Of events that the ring has lost none are needed: the store knows them, if there is one.
    private(set) var reactions: [UInt64: Set<Reaction>] = [:]
    private(set) var reactionCount = 0
    var pins: Set<UInt64> = []

    var isEmpty: Bool { reactionCount == 0 && pins.isEmpty }

    mutating func insert(_ reaction: Reaction, to seq: UInt64) {
        if reactions[seq, default: []].insert(reaction).inserted { reactionCount += 1 }
    }

    mutating func remove(_ reaction: Reaction, from seq: UInt64) {
        guard reactions[seq]?.remove(reaction) != nil else { return }
        reactionCount -= 1
        if reactions[seq]?.isEmpty == true { reactions[seq] = nil }
    }

    /// Lets go of all that concerns one event.
    mutating func forget(_ seq: UInt64) {
        reactionCount -= reactions.removeValue(forKey: seq)?.count ?? 0
        pins.remove(seq)
    }

    /// Lets go of reactions to events below `floor`.
    mutating func forgetReactions(below floor: UInt64) {
        for seq in reactions.keys where seq < floor { reactionCount -= reactions.removeValue(forKey: seq)?.count ?? 0 }
    }
}

extension Room {
    /// Changes the markings, which take no storage while there are none.
    func noteMarking(_ change: (inout RoomMarkings) -> Void) {
        var markings = self.markings ?? RoomMarkings()
        self.markings = nil
        change(&markings)
        self.markings = markings.isEmpty ? nil : markings
    }

    /// Whether one more reaction may be remembered.
    func hasPlaceForReaction(countMax: Int) -> Bool {
        guard let count = markings?.reactionCount, count >= countMax else { return countMax > 0 }
        markings?.forgetReactions(below: ringFloor)
        return (markings?.reactionCount ?? 0) < countMax
    }
}
