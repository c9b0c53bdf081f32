import Foundation

/// A broker that keeps accounts, and the home of somebody who uses it.
final class AccountTrial {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("accounts-cli-\(UUID().uuidString)").path
    let broker: RunningBroker

    init(isSecure: Bool = true) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        broker = try RunningBroker(
            isSecure: isSecure,
            environment: ["BROKER_ACCOUNTS_REGISTRATION": "open", "BROKER_RUNTIME_DATA_DIRECTORY": folder + "/data"])
    }

    deinit {
        broker.kill()
        try? FileManager.default.removeItem(atPath: folder)
    }

    func run(_ words: String..., input: String = "", home: String = "home") throws -> Program {
        try run(words, input: input, home: home)
    }

    func run(_ words: [String], input: String = "", home: String = "home") throws -> Program {
        try Program.run(
            [broker.url] + words + ["--ca", RunningBroker.authority], input: input, environment: ["XDG_CONFIG_HOME": folder + "/" + home])
    }

    /// A program that goes on, after it is connected.
    func follow(_ words: String...) throws -> RunningProgram {
        let program = try RunningProgram(
            [broker.url, "--json"] + words + ["--ca", RunningBroker.authority], environment: ["XDG_CONFIG_HOME": folder + "/home"])
        _ = try program.output.next { $0.hasPrefix(#"{"t":"joined""#) }
        return program
    }

    /// `broker user …`
    func operate(_ words: String..., input: String = "", octets: [UInt8]? = nil) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = Program.url("broker")
        process.arguments = ["user"] + words + ["--data-dir", folder + "/data"]
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = FileHandle.nullDevice
        try process.run()
        stdin.fileHandleForWriting.write(Data(octets ?? Array(input.utf8)))
        try stdin.fileHandleForWriting.close()
        let output = stdout.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// Who said the last message of the lobby.
    func lastSpeaker() throws -> String? {
        let history = try run("history", "lobby", "--json", "--user", "reader", home: "reader").output
        return history.last { $0.contains(#""body":"#) }?.firstMatch(of: #/"from":"([a-z]+)"/#).map { String($0.1) }
    }

    /// The ids of the devices that are logged in.
    func sessions() throws -> [String] {
        try run("sessions", "--json").output.compactMap { $0.firstMatch(of: #/"id":"([0-9a-f]+)"/#).map { String($0.1) } }
    }

    func profiles(_ home: String = "home") -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(home)/broker-cli")) ?? []).sorted()
    }

    /// Everything that any file of the folder says.
    func everythingWritten() throws -> String {
        let paths = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return paths.compactMap { FileManager.default.contents(atPath: folder + "/" + $0) }.map { String(decoding: $0, as: UTF8.self) }
            .joined()
    }
}
