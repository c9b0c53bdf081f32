import Bytes
import Testing

struct OutboundQueueTests {
    private func octets(_ queue: OutboundQueue) -> [UInt8] { queue.slices.flatMap(\.array) }

    @Test func givesBackWhatWasPutInInOrder() {
        var queue = OutboundQueue()
        #expect(queue.isEmpty)
        queue.append(SharedBytes([1, 2]))
        queue.append(.empty)
        queue.append(SharedBytes([3]))
        #expect(queue.byteCount == 3)
        #expect(queue.slices.count == 2)
        #expect(octets(queue) == [1, 2, 3])
    }

    @Test func neighboursOfOneChunkAreOneSlice() {
        let chunk = SharedBytes(Array(0..<9))
        var queue = OutboundQueue()
        queue.append(chunk[0..<3])
        queue.append(chunk[3..<6])
        queue.append(chunk[6..<9])
        #expect(queue.slices.count == 1)
        #expect(octets(queue) == Array(0..<9))
        // The same octets again, or with a gap, or of another chunk, are no neighbours.
        queue.append(chunk[0..<3])
        queue.append(chunk[4..<6])
        queue.append(SharedBytes([6]))
        #expect(queue.slices.count == 4)
        #expect(octets(queue) == Array(0..<9) + [0, 1, 2, 4, 5, 6])
    }

    @Test func aPartOfTheFirstSliceCanBeSent() {
        var queue = OutboundQueue()
        queue.append(SharedBytes([1, 2, 3]))
        queue.append(SharedBytes([4, 5]))
        queue.consume(2)
        #expect(octets(queue) == [3, 4, 5])
        queue.consume(2)
        #expect(octets(queue) == [5])
        #expect(queue.byteCount == 1)
        queue.consume(1)
        #expect(queue.isEmpty)
        #expect(queue.slices.isEmpty)
    }

    @Test func aPartlySentSliceStillMerges() {
        let chunk = SharedBytes(Array(0..<8))
        var queue = OutboundQueue()
        queue.append(chunk[0..<4])
        queue.consume(2)
        queue.append(chunk[4..<8])
        #expect(queue.slices.count == 1)
        #expect(octets(queue) == Array(2..<8))
    }

    @Test func nothingIsLeftAfterRemoveAll() {
        var queue = OutboundQueue()
        queue.append(SharedBytes([1]))
        queue.removeAll()
        #expect(queue.isEmpty)
        queue.append(SharedBytes([2]))
        #expect(octets(queue) == [2])
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func agreesWithAnArray(seed: UInt64) {
        var generator = SplitMix(state: seed)
        var queue = OutboundQueue()
        var model: [UInt8] = []
        var chunk = SharedBytes.empty
        var used = 0
        for _ in 0..<6_000 {
            switch Int.random(in: 0...9, using: &generator) {
            case 0:
                chunk = SharedBytes((0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) })
                used = 0
            case 1...5:
                // Mostly the next octets of the present chunk, which merge; sometimes others, which do not.
                let start = Int.random(in: 0...3, using: &generator) == 0 ? Int.random(in: 0...chunk.count, using: &generator) : used
                let end = Int.random(in: start...chunk.count, using: &generator)
                queue.append(chunk[start..<end])
                model += chunk[start..<end].array
                used = end
            default:
                let count = Int.random(in: 0...min(model.count, 40), using: &generator)
                queue.consume(count)
                model.removeFirst(count)
            }
            #expect(queue.byteCount == model.count)
            #expect(octets(queue) == model)
            #expect(queue.slices.allSatisfy { !$0.isEmpty })
        }
    }
}
