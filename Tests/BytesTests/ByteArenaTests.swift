import Bytes
import Testing

struct ByteArenaTests {
    private func run(_ octet: UInt8, count: Int, in arena: inout ByteArena) -> SharedBytes {
        arena.write { writer in for _ in 0..<count { writer.append(octet) } }
    }

    @Test func neighboursBecomeOneSliceOfAQueue() {
        var arena = ByteArena()
        var queue = OutboundQueue()
        for octet in 1...8 as ClosedRange<UInt8> { queue.append(run(octet, count: 20, in: &arena)) }
        #expect(queue.slices.count == 1)
        #expect(queue.slices.first?.array == (1...8).flatMap { [UInt8](repeating: $0, count: 20) })
    }

    /// Whatever is written later, and wherever it goes: runs that fit the chunk, that fill it, and that are larger than one.
    @Test(arguments: [0, 1, 255, 256, 257, 3_840, 3_841, 4_095, 4_096, 4_097, 20_000])
    func runsStayAsTheyWereWritten(count: Int) {
        var arena = ByteArena()
        var runs: [(octet: UInt8, bytes: SharedBytes, count: Int)] = []
        for index in 0..<40 {
            let (octet, length) = (UInt8(index), index % 3 == 0 ? count : 50 + index)
            runs.append((octet, run(octet, count: length, in: &arena), length))
        }
        for run in runs { #expect(run.bytes.array == [UInt8](repeating: run.octet, count: run.count)) }
    }
}
