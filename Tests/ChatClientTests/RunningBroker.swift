import Foundation
import Glibc

/// A `broker` as it was built beside this test, over TLS with the certificate that `make run` would make. It dies with its owner.
final class RunningBroker {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    /// The folder of the development certificate, made once for each run of the tests and removed at its end.
    static let certificates: String = {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("broker-cli-tests-\(UUID().uuidString)").path
        do {
            try makeCertificate(in: folder)
        } catch {
            fatalError("no certificate: \(error)")
        }
        atexit { try? FileManager.default.removeItem(atPath: RunningBroker.certificates) }
        return folder
    }()

    /// What a client trusts.
    static var authority: String { certificates + "/ca.pem" }

    /// The ports of the listeners, in the order asked for.
    private(set) var ports: [UInt16] = []
    private let process = Process()

    /// Starts a broker and waits until it listens.
    ///
    /// - Parameters:
    ///   - addresses: what it listens on.
    ///   - environment: its settings.
    init(_ addresses: [String] = ["127.0.0.1:0"], isSecure: Bool = true, environment: [String: String] = [:]) throws {
        process.executableURL = Program.url("broker")
        process.arguments = addresses.flatMap { ["--listen", $0] }
        if isSecure {
            process.arguments! += ["--tls-cert", Self.certificates + "/server.pem", "--tls-key", Self.certificates + "/server.key"]
        }
        let standard = ["SWIFT_BACKTRACE": "enable=no", "BROKER_STORAGE_ENABLED": "false"]
        process.environment = environment.merging(standard) { given, _ in given }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let log = Pipe()
        process.standardError = log
        try process.run()
        let lines = LineReader(log.fileHandleForReading)
        while ports.count < addresses.count {
            let line = try lines.next { $0.contains(" listening on ") || $0.contains("broker: ") }
            guard let port = line.firstMatch(of: #/listening on \S+:(\d+) /#).flatMap({ UInt16($0.1) }) else { continue }
            ports.append(port)
        }
    }

    deinit { kill() }

    var url: String { "brokers://localhost:\(ports[0])" }

    /// Ends it without a word, as `kill -9` does, and waits until it is gone.
    func kill() {
        guard process.isRunning else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    private static func makeCertificate(in folder: String) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let process = Process()
        process.executableURL = root.appendingPathComponent("scripts/development-certificate")
        process.arguments = [folder]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed(description: "scripts/development-certificate failed") }
    }
}

/// Lines of a pipe, as they come.
final class LineReader {
    private static let deadlineMilliseconds: Int32 = 20_000

    private let file: FileHandle
    private var pending: [UInt8] = []
    /// Every line so far.
    private(set) var lines: [String] = []

    init(_ file: FileHandle) { self.file = file }

    /// The next line that fits.
    func next(where fits: (String) -> Bool = { _ in true }) throws -> String {
        while true {
            while let end = pending.firstIndex(of: 0x0A) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeFirst(end + 1)
                lines.append(line)
                if fits(line) { return line }
            }
            var poll = pollfd(fd: file.fileDescriptor, events: Int16(POLLIN), revents: 0)
            var piece = [UInt8](repeating: 0, count: 4096)
            guard Glibc.poll(&poll, 1, Self.deadlineMilliseconds) == 1 else {
                throw RunningBroker.Failed(description: "no such line came after \(lines)")
            }
            let count = read(file.fileDescriptor, &piece, piece.count)
            guard count > 0 else { throw RunningBroker.Failed(description: "the output ended with \(lines)") }
            pending += piece[..<count]
        }
    }
}

/// A `broker-cli` that goes on, such as `tail --follow`; its standard output is read line by line.
final class RunningProgram {
    let output: LineReader
    private let process = Process()
    private let input = Pipe()

    init(_ arguments: [String], environment: [String: String] = [:]) throws {
        process.executableURL = Program.url("broker-cli")
        process.arguments = arguments
        process.environment = environment.merging(["TZ": "UTC", "SWIFT_BACKTRACE": "enable=no"]) { given, _ in given }
        let pipe = Pipe()
        process.standardInput = input
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        output = LineReader(pipe.fileHandleForReading)
        try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    func say(_ line: String) { input.fileHandleForWriting.write(Data((line + "\n").utf8)) }

    /// Ends it by a signal; its status.
    func end(_ signal: Int32 = SIGTERM) -> Int32 {
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        return process.terminationStatus
    }
}
