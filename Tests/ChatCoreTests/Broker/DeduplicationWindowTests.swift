import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Retries*: what the memory holds and what it can answer for.
struct DeduplicationWindowTests {
    private func window(_ accepted: [(id: UInt64, at: UInt64)], countMax: Int = 100, milliseconds: UInt64 = 1_000) -> DeduplicationWindow {
        var window = DeduplicationWindow(completeSince: 5)
        for (id, at) in accepted {
            window.insert(MessageID(id), .init(seq: id, timestamp: at, acceptedAt: at), countMax: countMax, milliseconds: milliseconds)
        }
        return window
    }

    @Test func remembersWhereEachIDLed() {
        let window = window([(1, 10), (2, 20)])
        #expect(window.entry(for: MessageID(2), milliseconds: 1_000, now: 20)?.seq == 2)
        #expect(window.entry(for: MessageID(3), milliseconds: 1_000, now: 20) == nil)
        #expect(window.completeSince == 5)
    }

    @Test(arguments: [(1_010, true), (1_011, false)] as [(UInt64, Bool)])
    func forgetsByAge(now: UInt64, isThere: Bool) {
        #expect((window([(1, 10)]).entry(for: MessageID(1), milliseconds: 1_000, now: now) != nil) == isThere)
        let window = window([(1, 10), (2, now)])
        #expect(window.count == (isThere ? 2 : 1))
        #expect(window.completeSince == (isThere ? 5 : 10))
    }

    @Test(arguments: [1, 2, 3])
    func forgetsByNumber(countMax: Int) {
        let window = window([(1, 10), (2, 20), (3, 30)], countMax: countMax)
        #expect(window.count == countMax)
        #expect(window.completeSince == [1: 20, 2: 10, 3: 5][countMax])
        #expect(window.entry(for: MessageID(3), milliseconds: 1_000, now: 30) != nil)
    }

    @Test func idMayComeBackOnceItIsForgotten() {
        let window = window([(1, 10), (2, 500), (1, 2_000)])
        #expect(window.count == 1)
        #expect(window.entry(for: MessageID(1), milliseconds: 1_000, now: 2_000)?.acceptedAt == 2_000)
    }

    @Test func staysWithinItsBoundForEver() {
        let window = window((0..<5_000).map { ($0, $0) }, countMax: 7, milliseconds: 1_000_000)
        #expect(window.count == 7)
        #expect(window.completeSince == 4_992)
    }

    /// Against a dictionary and a list, with ids that come again, many and few at a time.
    @Test(arguments: [1, 2, 3, 8, 100, 1_000])
    func agreesWithAPlainModel(countMax: Int) {
        var random = SeededRandom(seed: UInt64(countMax))
        var window = DeduplicationWindow(completeSince: 0)
        var model: [(id: UInt64, seq: UInt64, at: UInt64)] = []
        var now: UInt64 = 1
        for seq in 1...20_000 as ClosedRange<UInt64> {
            now += UInt64.random(in: 0...3, using: &random)
            let id = UInt64.random(in: 0...UInt64(3 * countMax), using: &random) << 40
            let known = model.last { $0.id == id && $0.at + 900 >= now }
            #expect(window.entry(for: MessageID(id), milliseconds: 900, now: now)?.seq == known?.seq)
            guard known == nil else { continue }
            window.insert(MessageID(id), .init(seq: seq, timestamp: now, acceptedAt: now), countMax: countMax, milliseconds: 900)
            model.append((id, seq, now))
            model.removeAll { $0.at + 900 < now }
            if model.count > countMax { model.removeFirst(model.count - countMax) }
            #expect(window.count == model.count)
        }
    }
}
