import ChatDialects
import Testing

@testable import ChatCore

struct SessionTableTests {
    private func insert(_ table: inout SessionTable) -> Session {
        table.insert { slot, generation in
            Session(id: SessionID(shard: 3, slot: slot, generation: generation), mark: 0, encoding: .native, now: 0, prefaceMilliseconds: 0)
        }
    }

    @Test func slotsAreUsedAgainUnderAnotherGeneration() {
        var table = SessionTable()
        let first = insert(&table)
        let second = insert(&table)
        #expect(table[first.id] === first)
        #expect(table[second.id] === second)
        table.remove(first.id)
        #expect(table[first.id] == nil)
        let third = insert(&table)
        #expect(third.id.slot == first.id.slot)
        #expect(third.id != first.id)
        // Late mail for the first reaches nobody, and nobody is removed by it.
        #expect(table[first.id] == nil)
        table.remove(first.id)
        #expect(table[third.id] === third)
        #expect(table.slotCount == 2)
    }

    @Test func unknownIDsAreNobody() {
        var table = SessionTable()
        let id = SessionID(shard: 3, slot: 9, generation: 1)
        #expect(table[id] == nil)
        table.remove(id)
        #expect(table.slotCount == 0)
    }
}
