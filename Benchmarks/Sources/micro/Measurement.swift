/// How long an operation takes: several repetitions, each long enough for the clock, and their median.
struct Measurement {
    private let name: String
    /// Nanoseconds of an operation in each repetition, ascending.
    private let values: [Double]

    init(_ benchmark: Benchmark, isQuick: Bool) throws {
        name = benchmark.name
        let round = try benchmark.prepare()
        let wanted = Duration.milliseconds(isQuick ? 4 : 30)
        // The rounds that one repetition needs are found by doubling, which warms up as well.
        var roundCount = 1
        while Self.time(roundCount, round) < wanted { roundCount *= 2 }
        values = (0..<(isQuick ? 7 : 21)).map { _ in
            Self.nanoseconds(Self.time(roundCount, round)) / Double(roundCount * benchmark.operationCount)
        }.sorted()
    }

    private static func time(_ roundCount: Int, _ round: () -> Void) -> Duration {
        ContinuousClock().measure {
            for _ in 0..<roundCount { round() }
        }
    }

    private static func nanoseconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) * 1e9 + Double(duration.components.attoseconds) / 1e9
    }

    private var median: Double { values[values.count / 2] }
    private var smallest: String { rounded(values[0]) }
    private var largest: String { rounded(values[values.count - 1]) }

    var line: String {
        "\(name)\(String(repeating: " ", count: max(1, 62 - name.count)))\(rounded(median)) ns   (\(smallest) to \(largest))"
    }

    var json: String {
        let list = values.map { rounded($0) }.joined(separator: ",")
        return #"{"name":"\#(name)","median":\#(rounded(median)),"min":\#(smallest),"max":\#(largest),"values":[\#(list)]}"#
    }

    private func rounded(_ value: Double) -> String { String((value * 100).rounded() / 100) }
}
