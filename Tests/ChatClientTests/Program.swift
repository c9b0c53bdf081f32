import Foundation

/// `broker-cli` as it was built beside this test, run with plain pipes.
struct Program {
    let status: Int32
    let output: [String]
    let complaints: [String]

    /// A program that was built beside this test.
    static func url(_ name: String) -> URL {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent(name)
    }

    /// Runs the program to its end. The environment is empty but for `environment` and a time zone.
    ///
    /// - Parameters:
    ///   - octets: the input, where it is no text.
    ///   - output: a file that takes the output instead of the test.
    static func run(
        _ arguments: [String], input: String = "", octets: [UInt8]? = nil, output file: String? = nil, environment: [String: String] = [:]
    ) throws -> Program {
        let process = Process()
        process.executableURL = url("broker-cli")
        process.arguments = arguments
        process.environment = environment.merging(["TZ": "UTC"]) { given, _ in given }
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = try file.map { try FileHandle(forWritingTo: URL(fileURLWithPath: $0)) as Any } ?? stdout
        process.standardError = stderr
        try process.run()
        // The input is far less than a pipe holds, so writing all of it first cannot block.
        stdin.fileHandleForWriting.write(Data(octets ?? Array(input.utf8)))
        try stdin.fileHandleForWriting.close()
        // What it puts out is less than a pipe holds; what it complains about need not be (a sanitizer's report), and is read first.
        let complaints = stderr.fileHandleForReading.readDataToEndOfFile()
        if file != nil { try stdout.fileHandleForWriting.close() }
        let output = stdout.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Program(status: process.terminationStatus, output: lines(output), complaints: lines(complaints))
    }

    private static func lines(_ data: Data) -> [String] {
        String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
    }
}
