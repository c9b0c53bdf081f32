import Testing

@testable import LoadGenerator

@Suite struct PeerCheckerTests {
    /// Counters of publisher 0, then of publisher 1, and what a member of the room then finds if each sent four.
    @Test(arguments: [
        ([0, 1, 2, 3], [0, 1, 2, 3], (0, 0, 0)), ([0, 1, 3], [0, 1, 2, 3], (1, 0, 0)), ([0, 1, 2], [0, 1, 2, 3], (1, 0, 0)),
        ([], [0, 1, 2, 3], (4, 0, 0)), ([0, 1, 1, 2, 3], [0, 1, 2, 3], (0, 1, 0)), ([0, 2, 1, 3], [0, 1, 2, 3], (0, 0, 1)),
        ([1, 2, 3], [0, 1, 2, 3, 3], (1, 1, 0)), ([3], [3, 2, 1, 0], (3, 0, 3)),
    ])
    func findsWhatIsWrong(first: [UInt32], second: [UInt32], found: (lost: UInt64, duplicated: UInt64, reordered: UInt64)) {
        var checker = PeerChecker(publisherCount: 2)
        for (publisher, counters) in [first, second].enumerated() {
            for counter in counters {
                _ = checker.deliver(publisher: publisher, counter: counter, signature: UInt64(publisher) << 32 | UInt64(counter))
            }
        }
        let tally = checker.finish(sent: 8)
        #expect(tally.lost == found.lost)
        #expect(tally.duplicated == found.duplicated)
        #expect(tally.reordered == found.reordered)
        #expect(tally.contradictions == 0)
    }
}
