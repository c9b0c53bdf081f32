import Glibc

/// `store-trial` as it was built beside this test, run as a child whose output can be read. Must be waited for.
final class TrialProgram {
    private let process: pid_t
    private let output: Int32

    init(_ arguments: [String]) throws {
        var exe = [CChar](repeating: 0, count: 4096)
        guard readlink("/proc/self/exe", &exe, exe.count - 1) > 0 else { throw SystemFailure(code: errno) }
        let own = String(decoding: exe.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = own[..<own.lastIndex(of: "/")!] + "/store-trial"
        var ends: [Int32] = [-1, -1]
        // Close-on-exec from the start, or a child started at the same time would keep the writing end open.
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw SystemFailure(code: errno)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        var pointers = ([String(path)] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var noEnvironment: [UnsafeMutablePointer<CChar>?] = [nil]
        var process = pid_t()
        let status = posix_spawn(&process, String(path), &actions, nil, &pointers, &noEnvironment)
        close(ends[1])
        guard status == 0 else {
            close(ends[0])
            throw SystemFailure(code: status)
        }
        self.process = process
        output = ends[0]
    }

    deinit { close(output) }

    /// Waits for more of what it prints; empty when it prints no more.
    func printedNext() -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: 65_536)
        let count = read(output, &octets, octets.count)
        return Array(octets.prefix(max(count, 0)))
    }

    func printedToEnd() -> [UInt8] {
        var octets: [UInt8] = []
        while true {
            let more = printedNext()
            if more.isEmpty { return octets }
            octets += more
        }
    }

    /// Ends it as a power cut would end a process.
    func kill() { Glibc.kill(process, SIGKILL) }

    /// Waits for its end; zero if it was content.
    @discardableResult
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        return status
    }
}
