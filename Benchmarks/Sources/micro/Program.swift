import Glibc

/// The command line: `micro [--names] [--json] [--quick] [--certificates FOLDER] [--only TEXT] [--count N]`.
///
/// With `--count` each benchmark is run exactly so many rounds and nothing is timed: for callgrind, which counts instructions.
enum Program {
    static func run(_ arguments: [String]) -> Int32 {
        var options = Options()
        guard options.read(arguments) else {
            complain("usage: micro [--names] [--json] [--quick] [--certificates FOLDER] [--only TEXT] [--count N]")
            return 2
        }
        let all =
            CodecBenchmarks.all + RoomBenchmarks.all + QueueBenchmarks.all + MailboxBenchmarks.all
            + SealBenchmarks.all(certificates: options.certificates)
        do {
            for benchmark in all where options.only.map({ benchmark.name.contains($0) }) ?? true {
                try perform(benchmark, options)
            }
        } catch {
            complain("micro: \(error)")
            return 1
        }
        return 0
    }

    private static func complain(_ text: String) {
        let octets = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, octets, octets.count)
    }

    private static func perform(_ benchmark: Benchmark, _ options: Options) throws {
        if options.namesOnly {
            print(benchmark.name)
        } else if let count = options.count {
            let round = try benchmark.prepare()
            for _ in 0..<count { round() }
            print("\(benchmark.name): \(count * benchmark.operationCount) operations")
        } else {
            let measurement = try Measurement(benchmark, isQuick: options.isQuick)
            print(options.isJSON ? measurement.json : measurement.line)
        }
    }

    private struct Options {
        var isJSON = false
        var isQuick = false
        var namesOnly = false
        var certificates = ".run"
        var only: String?
        var count: Int?

        /// False if the arguments make no sense.
        mutating func read(_ arguments: [String]) -> Bool {
            var rest = arguments[...]
            while let argument = rest.popFirst() {
                switch argument {
                case "--json": isJSON = true
                case "--quick": isQuick = true
                case "--names": namesOnly = true
                case "--certificates":
                    guard let folder = rest.popFirst() else { return false }
                    certificates = folder
                case "--only":
                    only = rest.popFirst()
                    if only == nil { return false }
                case "--count":
                    count = rest.popFirst().flatMap { Int($0) }
                    if count == nil { return false }
                default: return false
                }
            }
            return true
        }
    }
}
