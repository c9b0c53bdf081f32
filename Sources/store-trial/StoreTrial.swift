import ChatCore
import ChatStore
import Glibc

/// A tool for trials of the store, not for operators: benchmarks, and a writer that is made to be killed.
///
///     store-trial bench DIRECTORY [EVENTS]   measures in an empty directory, and prints what it measured
///     store-trial search DIRECTORY [EVENTS]  measures searching in an empty directory
///     store-trial write DIRECTORY            writes until it is killed, and prints what it numbered and what was acknowledged
///     store-trial full DIRECTORY             fills a small disk, makes room again, and checks what is stored
///     store-trial open DIRECTORY [USER-ID]   opens as that user, and prints how long it took or why it was refused
@main
struct StoreTrial {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else { return fail("usage: store-trial bench|search|write|full|open DIRECTORY [EVENTS|USER-ID]") }
        let directory = arguments[2]
        let number = arguments.count > 3 ? Int(arguments[3]) : nil
        do {
            switch arguments[1] {
            case "bench": try Benchmark(directory: directory, eventCount: number ?? 1_000_000).run()
            case "search": try SearchBenchmark(directory: directory, eventCount: number ?? 1_000_000).run()
            case "write": try EndlessWriter(directory: directory).run()
            case "full": try FullDisk(directory: directory).run()
            case "open": try open(directory, userID: number)
            default: fail("no trial \(arguments[1])")
            }
        } catch {
            fail("\(error)")
        }
    }

    private static func open(_ directory: String, userID: Int?) throws {
        if let userID, setuid(uid_t(userID)) != 0 { return fail("cannot become user \(userID)") }
        let start = Clock.nanoseconds
        let (store, state) = try Store.open(StoreSettings(directory: directory), now: Clock.wallMilliseconds)
        print("opened in \(Clock.milliseconds(since: start)) ms: \(state.rooms.count) rooms, \(state.publications.count) publications")
        store.close()
    }

    static func fail(_ reason: String) {
        let octets = Array("store-trial: \(reason)\n".utf8)
        _ = octets.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
        exit(1)
    }
}

enum Clock {
    static var nanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    static var wallMilliseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }

    /// With three digits behind the point.
    static func milliseconds(since start: UInt64) -> Double {
        Double((nanoseconds - start) / 1_000) / 1_000
    }
}
