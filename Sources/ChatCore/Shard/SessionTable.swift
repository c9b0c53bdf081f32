/// The sessions of one shard by slot. A slot is used again with a higher generation, so that late mail reaches nobody else.
struct SessionTable {
    private var slots: ContiguousArray<Session?> = []
    private var generations: ContiguousArray<UInt32> = []
    private var free: ContiguousArray<UInt32> = []

    /// Number of slots, used or not.
    var slotCount: Int { slots.count }

    /// The session, if it is still there.
    subscript(id: SessionID) -> Session? {
        let slot = Int(id.slot)
        guard slot < slots.count, generations[slot] == id.generation else { return nil }
        return slots[slot]
    }

    subscript(slot slot: Int) -> Session? { slots[slot] }

    mutating func insert(_ make: (_ slot: UInt32, _ generation: UInt32) -> Session) -> Session {
        let slot: UInt32
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = UInt32(slots.count)
            slots.append(nil)
            generations.append(0)
        }
        generations[Int(slot)] &+= 1
        let session = make(slot, generations[Int(slot)])
        slots[Int(slot)] = session
        return session
    }

    mutating func remove(_ id: SessionID) {
        guard self[id] != nil else { return }
        slots[Int(id.slot)] = nil
        free.append(id.slot)
    }
}
