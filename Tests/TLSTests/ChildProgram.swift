import Glibc

/// A program run as a child, with a socket to what it reads and from what it prints.
///
/// Foundation's `Process` would do, but it leaves allocations behind that the leak sanitizer reports. Must be waited for.
final class ChildProgram: Sendable {
    private let process: pid_t
    private let socket: Int32

    /// Starts a program in `folder`, or where the test runs, with an empty environment.
    init(_ path: String, _ arguments: [String], folder: String = ".") throws {
        var ends: [Int32] = [-1, -1]
        // Close-on-exec, or a child started at the same time would keep this one's input open.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Failure(number: errno) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor: Int32 in 0...2 { posix_spawn_file_actions_adddup2(&actions, ends[1], descriptor) }
        let words = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", folder, path] + arguments
        var pointers = words.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var noEnvironment: [UnsafeMutablePointer<CChar>?] = [nil]
        var process = pid_t()
        let status = posix_spawn(&process, "/bin/sh", &actions, nil, &pointers, &noEnvironment)
        close(ends[1])
        guard status == 0 else {
            close(ends[0])
            throw Failure(number: status)
        }
        self.process = process
        socket = ends[0]
    }

    /// Gives it something to read. A program that has ended already does not mind.
    func give(_ text: String) {
        var octets = Array(text.utf8)[...]
        while !octets.isEmpty {
            let count = octets.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            octets = octets.dropFirst(count)
        }
    }

    /// Waits for more of what it prints; empty when it prints no more.
    func printedNext() -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: 4096)
        let count = read(socket, &octets, octets.count)
        return Array(octets.prefix(max(count, 0)))
    }

    /// Waits for all that it prints until it ends.
    func printedToEnd() -> String {
        var octets: [UInt8] = []
        while true {
            let more = printedNext()
            if more.isEmpty { return String(decoding: octets, as: UTF8.self) }
            octets += more
        }
    }

    /// Asks it to end.
    func terminate() {
        kill(process, SIGTERM)
    }

    /// Waits for its end; zero if it was content.
    func wait() -> Int32 {
        shutdown(socket, Int32(SHUT_WR))
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    deinit {
        close(socket)
    }

    struct Failure: Error, CustomStringConvertible {
        let number: Int32
        var description: String { String(cString: strerror(number)) }
    }
}
