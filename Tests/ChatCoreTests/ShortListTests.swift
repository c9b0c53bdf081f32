import Testing

@testable import ChatCore

/// A list with no storage for one element is a list like any other.
@Suite struct ShortListTests {
    @Test func behavesLikeAnArray() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var list: ShortList<Int> = []
            var array: [Int] = []
            for step in 0..<8 {
                switch Int.random(in: 0..<4, using: &random) {
                case 0 where !array.isEmpty:
                    let place = Int.random(in: array.indices, using: &random)
                    #expect(list.remove(at: place) == array.remove(at: place))
                case 1 where !array.isEmpty:
                    let place = Int.random(in: array.indices, using: &random)
                    list[place] = step
                    array[place] = step
                case 2:
                    list.removeAll { $0 % 3 == 1 }
                    array.removeAll { $0 % 3 == 1 }
                default:
                    list.append(step)
                    array.append(step)
                }
                #expect(Array(list) == array)
                #expect(list.count == array.count)
                #expect(list.first { $0 > 3 } == array.first { $0 > 3 })
                #expect(list.firstIndex { $0 > 3 } == array.firstIndex { $0 > 3 })
            }
        }
    }

    @Test func isHardlyLargerThanItsElement() {
        #expect(MemoryLayout<ShortList<RosterLink>>.stride <= MemoryLayout<RosterLink>.stride + 8)
        #expect(MemoryLayout<ShortList<AccountConnection>>.stride <= MemoryLayout<AccountConnection>.stride + 8)
    }
}
