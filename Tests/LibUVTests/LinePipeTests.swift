import Glibc
import LibUV
import Testing

struct LinePipeTests {
    /// What has come through a pipe of which both ends are ours.
    private func text(through body: (Int32, _ read: () -> String) throws -> Void) throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        try body(ends[1]) {
            var octets = [UInt8](repeating: 0, count: 65_536)
            let count = read(ends[0], &octets, octets.count)
            return String(decoding: octets.prefix(max(0, count)), as: UTF8.self)
        }
    }

    @Test func linesComeThroughInOrder() throws {
        try text { (end, read) in
            let lines = try LinePipe(to: end)
            for number in 1...100 { lines.write("line \(number)") }
            lines.close()
            #expect(read() == (1...100).map { "line \($0)\n" }.joined())
        }
    }

    @Test func longLinesAreCut() throws {
        try text { (end, read) in
            let lines = try LinePipe(to: end)
            lines.write(String(repeating: "x", count: 10_000))
            lines.close()
            #expect(read() == String(repeating: "x", count: 4_095) + "\n")
        }
    }

    /// A reader that stands still holds nobody up, neither who writes nor the end; it is told what it has missed.
    @Test func nobodyWaitsForTheReader() throws {
        try text { (end, read) in
            let lines = try LinePipe(to: end)
            let line = String(repeating: "x", count: 999)
            for _ in 0..<1_000 { lines.write(line) }
            var seen = ""
            while !seen.contains("dropped here") {
                seen += read()
                lines.write("more")
            }
            let message = try #require(seen.split(separator: "\n").first { $0.contains("dropped") })
            let dropped = try #require(message.split(separator: " ").first.flatMap { Int($0) })
            #expect(dropped > 0 && dropped < 1_000)
            #expect(seen.hasPrefix(line + "\n"))
            for _ in 0..<1_000 { lines.write(line) }
            #expect(!lines.close(waitingMilliseconds: 1))
            while !lines.close(waitingMilliseconds: 0) { _ = read() }
        }
    }

    @Test func whatIsWrittenToNobodyIsNoFault() throws {
        let lines = try LinePipe(to: -1)
        for _ in 0..<1_000 { lines.write("into the void") }
        lines.close()
        lines.write("later")
    }
}
