import Glibc

/// What Linux says of a process: its processor time and its memory (`proc(5)`: `/proc/PID/stat`, `/proc/PID/status`).
struct ProcessSample: Sendable, Equatable {
    /// User and system time since the process began.
    var cpuSeconds: Double
    /// The kernel's part of it.
    var systemSeconds: Double
    /// Resident memory.
    var residentByteCount: UInt64
    /// The most resident memory so far.
    var residentByteCountMax: UInt64

    /// Asks the system; nil if the process does not exist or the system has no `/proc`.
    init?(processID: Int32) {
        guard let stat = Self.text(of: "/proc/\(processID)/stat"), let status = Self.text(of: "/proc/\(processID)/status"),
            let ticks = Self.ticks(stat: stat), let resident = Self.kibibytes("VmRSS:", status: status)
        else { return nil }
        let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
        cpuSeconds = Double(ticks.user + ticks.system) / ticksPerSecond
        systemSeconds = Double(ticks.system) / ticksPerSecond
        residentByteCount = resident * 1_024
        residentByteCountMax = (Self.kibibytes("VmHWM:", status: status) ?? resident) * 1_024
    }

    /// `utime` and `stime`, fields 14 and 15. The name of the program, field 2, may hold blanks and parentheses: counting begins behind it.
    static func ticks(stat: String) -> (user: UInt64, system: UInt64)? {
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = UInt64(fields[11]), let system = UInt64(fields[12]) else { return nil }
        return (user, system)
    }

    static func kibibytes(_ key: String, status: String) -> UInt64? {
        for line in status.split(separator: "\n") where line.hasPrefix(key) {
            return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { UInt64($0) }
        }
        return nil
    }

    private static func text(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while octets.count < 65_536 {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            octets.append(contentsOf: chunk[..<count])
        }
        return octets.isEmpty ? nil : String(decoding: octets, as: UTF8.self)
    }
}

/// Processor time of this program: whoever shares a machine with the broker should know what the measuring costs (`getrusage(2)`).
enum OwnProcess {
    static var cpuSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
