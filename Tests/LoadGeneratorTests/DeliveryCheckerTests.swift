import Testing

@testable import LoadGenerator

/// One receiver of a log with two publishers, to whom each fault is done in turn.
@Suite struct DeliveryCheckerTests {
    private func makeChecker(next: UInt64 = 10) -> DeliveryChecker {
        var checker = DeliveryChecker(publisherCount: 2)
        checker.position(epoch: 5, next: next)
        return checker
    }

    /// Message number `counter` of publisher 0 as event `10 + counter`.
    private func deliver(_ counter: UInt32, to checker: inout DeliveryChecker) -> DeliveryChecker.Verdict {
        checker.deliver(seq: 10 + UInt64(counter), publisher: 0, counter: counter, signature: UInt64(counter) &* 77)
    }

    @Test func acceptsWhatComesInOrder() {
        var checker = makeChecker()
        for counter in 0..<100 as Range<UInt32> { #expect(deliver(counter, to: &checker) == .expected) }
        #expect(checker.isComplete(head: 109))
        #expect(!checker.isComplete(head: 110))
        checker.finish(head: 109, acknowledged: 100)
        #expect(checker.tally == DeliveryTally())
    }

    @Test func interleavesPublishers() {
        var checker = makeChecker(next: 1)
        #expect(checker.deliver(seq: 1, publisher: 1, counter: 0, signature: 1) == .expected)
        #expect(checker.deliver(seq: 2, publisher: 0, counter: 0, signature: 2) == .expected)
        #expect(checker.deliver(seq: 3, publisher: 1, counter: 1, signature: 3) == .expected)
        checker.finish(head: 3, acknowledged: 3)
        #expect(checker.tally.isClean)
    }

    @Test func countsWhatIsMissingInTheMiddle() {
        var checker = makeChecker()
        _ = deliver(0, to: &checker)
        #expect(deliver(3, to: &checker) == .afterGap(2))
        _ = deliver(4, to: &checker)
        #expect(!checker.isComplete(head: 14))
        checker.finish(head: 14, acknowledged: 5)
        #expect(checker.tally.lost == 2)
        #expect(checker.tally.reordered == 0 && checker.tally.duplicated == 0)
    }

    @Test func countsWhatIsMissingAtTheEnd() {
        var checker = makeChecker()
        _ = deliver(0, to: &checker)
        checker.finish(head: 13, acknowledged: 4)
        #expect(checker.tally.lost == 3)
    }

    @Test func countsEverythingAsLostIfNothingCame() {
        var checker = makeChecker()
        checker.finish(head: 13, acknowledged: 4)
        #expect(checker.tally.lost == 4)
        var unattached = DeliveryChecker(publisherCount: 1)
        #expect(!unattached.isComplete(head: 4))
        unattached.finish(head: 4, acknowledged: 4)
        #expect(unattached.tally.lost == 4)
    }

    @Test func countsDuplicates() {
        var checker = makeChecker()
        _ = deliver(0, to: &checker)
        _ = deliver(1, to: &checker)
        #expect(deliver(1, to: &checker) == .duplicate)
        #expect(deliver(0, to: &checker) == .duplicate)
        checker.finish(head: 11, acknowledged: 2)
        #expect(checker.tally.duplicated == 2)
        #expect(checker.tally.lost == 0)
    }

    @Test func countsWhatWasOvertaken() {
        var checker = makeChecker()
        _ = deliver(0, to: &checker)
        #expect(deliver(2, to: &checker) == .afterGap(1))
        #expect(deliver(1, to: &checker) == .late)
        #expect(deliver(3, to: &checker) == .expected)
        #expect(deliver(1, to: &checker) == .duplicate)
        checker.finish(head: 13, acknowledged: 4)
        #expect(checker.tally.reordered == 1)
        #expect(checker.tally.lost == 0)
        #expect(checker.tally.duplicated == 1)
    }

    @Test func fillsAGapFromAnyEnd() {
        for order in [[1, 2, 3], [3, 2, 1], [2, 1, 3], [2, 3, 1]] as [[UInt32]] {
            var checker = makeChecker()
            _ = deliver(0, to: &checker)
            #expect(deliver(4, to: &checker) == .afterGap(3))
            for counter in order { #expect(deliver(counter, to: &checker) == .late) }
            checker.finish(head: 14, acknowledged: 5)
            #expect(checker.tally.reordered == 3)
            #expect(checker.tally.lost == 0 && checker.tally.duplicated == 0)
        }
    }

    @Test func takesALagForWhatItNames() {
        var checker = makeChecker()
        _ = deliver(0, to: &checker)
        checker.lag(epoch: 5, from: 11, to: 14, next: 15)
        #expect(deliver(5, to: &checker) == .expected || checker.tally.isClean)
        checker.finish(head: 15, acknowledged: 6)
        #expect(checker.tally.lagged == 4)
        #expect(checker.tally.isClean)
    }

    @Test func aLagAtTheEndCompletes() {
        var checker = makeChecker()
        checker.lag(epoch: 5, from: 10, to: 19, next: 20)
        #expect(checker.isComplete(head: 19))
        checker.finish(head: 19, acknowledged: 10)
        #expect(checker.tally.isClean)
        #expect(checker.tally.lagged == 10)
    }

    @Test func aLagThatLeavesAGapLosesWhatItDoesNotName() {
        var checker = makeChecker()
        _ = deliver(0, to: &checker)
        checker.lag(epoch: 5, from: 13, to: 14, next: 15)
        checker.finish(head: 14, acknowledged: 5)
        #expect(checker.tally.lagged == 2)
        #expect(checker.tally.lost == 2)
    }

    @Test(
        arguments: [
            // It names what came, ends before it begins, goes on elsewhere, is of another epoch.
            (5, 10, 14, 15), (5, 14, 12, 13), (5, 11, 14, 16), (5, 11, 14, 14), (6, 11, 14, 15),
        ] as [(UInt64, UInt64, UInt64, UInt64)])
    func aLagThatContradictsIsCounted(epoch: UInt64, from: UInt64, to: UInt64, next: UInt64) {
        var checker = makeChecker()
        _ = deliver(0, to: &checker)
        checker.lag(epoch: epoch, from: from, to: to, next: next)
        #expect(checker.tally.contradictions == 1)
        #expect(checker.tally.lagged == 0)
    }

    @Test func eventsSkippedByLagThatComeNonethelessAreDuplicates() {
        var checker = makeChecker()
        checker.lag(epoch: 5, from: 10, to: 11, next: 12)
        #expect(deliver(1, to: &checker) == .duplicate)
    }

    @Test func findsAMessageUnderTwoNumbers() {
        var checker = makeChecker(next: 1)
        _ = checker.deliver(seq: 1, publisher: 0, counter: 0, signature: 0)
        #expect(checker.deliver(seq: 2, publisher: 0, counter: 0, signature: 0) == .duplicate)
        checker.finish(head: 2, acknowledged: 1)
        #expect(checker.tally.duplicated == 1)
        #expect(checker.tally.lost == 0)
    }

    @Test func findsAMessageThatNeverGotANumber() {
        var checker = makeChecker(next: 1)
        _ = checker.deliver(seq: 1, publisher: 0, counter: 0, signature: 0)
        _ = checker.deliver(seq: 2, publisher: 0, counter: 2, signature: 2)
        checker.finish(head: 2, acknowledged: 3)
        #expect(checker.tally.lost == 1)
    }

    @Test func findsMessagesOfAPublisherNumberedOutOfOrder() {
        var checker = makeChecker(next: 1)
        _ = checker.deliver(seq: 1, publisher: 0, counter: 1, signature: 1)
        #expect(checker.deliver(seq: 2, publisher: 0, counter: 0, signature: 0) == .late)
        #expect(checker.deliver(seq: 3, publisher: 0, counter: 2, signature: 2) == .expected)
        checker.finish(head: 3, acknowledged: 3)
        #expect(checker.tally.reordered == 1)
        #expect(checker.tally.lost == 0 && checker.tally.duplicated == 0)
    }

    @Test func refusesDeliveriesBeforeAPosition() {
        var checker = DeliveryChecker(publisherCount: 1)
        #expect(checker.deliver(seq: 1, publisher: 0, counter: 0, signature: 0) == .withoutPosition)
        #expect(checker.tally.contradictions == 1)
    }

    @Test func countsNoticesByTheirNumbers() {
        var checker = makeChecker()
        #expect(checker.deliverNotice(seq: 10) == .expected)
        #expect(checker.deliver(seq: 11, publisher: 0, counter: 0, signature: 0) == .expected)
        #expect(checker.deliverNotice(seq: 13) == .afterGap(1))
        #expect(checker.deliverNotice(seq: 13) == .duplicate)
        checker.finish(head: 13, acknowledged: 1)
        #expect(checker.tally.lost == 1)
        #expect(checker.tally.duplicated == 1)
    }

    @Test func remembersABoundedNumberOfGaps() {
        var checker = makeChecker(next: 1)
        var seq: UInt64 = 1
        for counter in 0..<UInt32(DeliveryChecker.gapCountMax + 10) {
            seq += 2
            _ = checker.deliver(seq: seq, publisher: 0, counter: counter, signature: 0)
        }
        #expect(checker.tally.lost > 0)
        // The first gap is forgotten: what fills it now counts as having come again, and is lost none the less.
        #expect(checker.deliver(seq: 1, publisher: 1, counter: 0, signature: 0) == .duplicate)
    }

    @Test func digestsAgreeExactlyOnTheSameMessagesUnderTheSameNumbers() {
        func digest(_ events: [(UInt64, UInt64)]) -> UInt64 {
            var checker = makeChecker(next: 1)
            for (counter, event) in events.enumerated() {
                _ = checker.deliver(seq: event.0, publisher: 0, counter: UInt32(counter), signature: event.1)
            }
            return checker.digest
        }
        #expect(digest([(1, 7), (2, 8)]) == digest([(1, 7), (2, 8)]))
        #expect(digest([(1, 7), (2, 8)]) != digest([(1, 8), (2, 7)]))
        #expect(digest([(1, 7), (2, 8)]) != digest([(1, 7), (3, 8)]))
    }
}
