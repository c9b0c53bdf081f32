import Testing

@testable import ChatServer

/// How many accounts an address has made is known for an hour, and for a bounded number of addresses.
@Suite struct RegistrationMemoryTests {
    @Test func anHourBeginsWithItsFirstRegistration() {
        var memory = RegistrationMemory()
        memory.note("192.0.2.1", at: 5_000)
        memory.note("192.0.2.1", at: 3_000_000)
        #expect(memory.count(of: "192.0.2.1", at: 3_604_999) == 2)
        #expect(memory.count(of: "192.0.2.2", at: 3_604_999) == 0)
        #expect(memory.count(of: "192.0.2.1", at: 3_605_000) == 0)
        memory.note("192.0.2.1", at: 3_605_000)
        #expect(memory.count(of: "192.0.2.1", at: 7_204_999) == 1)
    }

    @Test func forgetsWhoseHourIsOverFirst() {
        var memory = RegistrationMemory(countMax: 2)
        memory.note("old", at: 0)
        memory.note("new", at: 3_000_000)
        memory.note("newest", at: 3_600_000)
        #expect(memory.count(of: "new", at: 3_600_000) == 1)
        memory.note("one too many", at: 3_600_001)
        #expect(memory.count(of: "new", at: 3_600_001) == 0)
        #expect(memory.count(of: "one too many", at: 3_600_001) == 1)
    }
}
