import Foundation
import Testing

/// What `broker` answers to its command line, without serving anybody.
@Suite struct BrokerCommandLineTests {
    private struct Outcome {
        let status: Int32
        let output: String
        let complaints: [String]
    }

    /// Runs the program that was built beside this test, with these flags and no other environment.
    private func broker(_ flags: [String], environment: [String: String] = [:]) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("broker")
        process.arguments = flags
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        let complaints = Pipe()
        process.standardOutput = output
        process.standardError = complaints
        try process.run()
        // What it puts out is less than a pipe holds; what it complains about need not be (a sanitizer's report), and is read first.
        let complained = complaints.fileHandleForReading.readDataToEndOfFile()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: said, as: UTF8.self),
            complaints: String(decoding: complained, as: UTF8.self).split(separator: "\n").map(String.init))
    }

    @Test func tellsItsVersion() throws {
        let outcome = try broker(["--version"])
        #expect(outcome.status == 0)
        #expect(outcome.output.wholeMatch(of: #/broker \d+\.\d+\.\d+\S*\n/#) != nil, "\(outcome.output)")
    }

    @Test func helpNamesEveryFlag() throws {
        let outcome = try broker(["--help"])
        #expect(outcome.status == 0)
        for flag in [
            "--config", "--listen", "--tls-cert", "--tls-key", "--loops", "--data-dir", "--ready-file", "--log-level", "--check-config",
            "--print-config", "--list-settings", "--version", "--help",
        ] {
            #expect(outcome.output.contains(flag + " "), "\(flag)")
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func writesCompletionScripts(shell: String) throws {
        let outcome = try broker(["--generate-completion-script", shell])
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("broker"))
        #expect(outcome.output.contains("log-level"))
    }

    @Test(arguments: [["--lisen", "127.0.0.1:0"], ["--loops"], ["extra"], ["--check-config=yes"]])
    func aBadCommandLineIsOneLineAndStatus64(flags: [String]) throws {
        let outcome = try broker(flags)
        #expect(outcome.status == 64)
        #expect(outcome.complaints.count == 1, "\(outcome.complaints)")
        #expect(outcome.complaints.first?.hasPrefix("broker: ") == true)
        #expect(outcome.output.isEmpty)
    }

    @Test(arguments: [
        ("--loops", "300", "flag --loops: runtime.loops: \"300\" is not accepted; accepted: a whole number from 0 to 256"),
        ("--listen", "0.0.0.0:0", "flag --listen: listen.addresses: 0.0.0.0:0 can be reached by other machines"),
        ("--tls-cert", "a.pem", "flag --tls-cert: tls.certificate_file: TLS needs a certificate and its private key"),
        ("--config", "/absent.toml", "/absent.toml: cannot open it: No such file or directory"),
    ])
    func aWrongConfigurationIsOneLineAndStatus2(flag: String, words: String, message: String) throws {
        let outcome = try broker([flag, words])
        #expect(outcome.status == 2)
        #expect(outcome.complaints.count == 1, "\(outcome.complaints)")
        #expect(outcome.complaints.first?.hasPrefix("broker: " + message) == true, "\(outcome.complaints)")
        #expect(outcome.output.isEmpty)
    }

    @Test(arguments: [["list"], ["add", "ada"], ["passwd", "ada"], ["suspend", "ada"]])
    func aFolderThatIsNotThereHasNoAccounts(words: [String]) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("absent-\(UUID().uuidString)").path
        let outcome = try broker(["user"] + words + ["--data-dir", folder])
        #expect(outcome.status == 1)
        #expect(outcome.complaints == ["broker: there are no accounts in \(folder): No such file or directory"])
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test func checkNamesEveryProblem() throws {
        let outcome = try broker(
            ["--check-config", "--loops", "x"], environment: ["BROKER_GUESTS_MODE": "y", "BROKER_ROOMS_ROOMS_MAX": "0"])
        #expect(outcome.status == 2)
        #expect(outcome.complaints.count == 3)
        #expect(!outcome.output.contains("ok"))
        let short = try broker(["--loops", "x"], environment: ["BROKER_GUESTS_MODE": "y", "BROKER_ROOMS_ROOMS_MAX": "0"])
        #expect(short.complaints.count == 1)
        #expect(short.complaints.first?.hasSuffix("(and 2 more problems; --check-config names all)") == true)
    }

    @Test func checkLooksForTheFilesNamed() throws {
        let outcome = try broker(["--check-config", "--tls-cert", "/absent.pem", "--tls-key", "/dev/null"])
        #expect(outcome.status == 2)
        #expect(outcome.complaints.count == 1)
        #expect(outcome.complaints.first?.contains("tls.certificate_file: \"/absent.pem\": cannot read it") == true)
    }

    @Test func checkSaysWhatIsNotAtItsDefault() throws {
        let outcome = try broker(
            ["--check-config", "--loops", "2"], environment: ["BROKER_RUNTIME_LOOPS": "1", "BROKER_GUESTS_MODE": "off"])
        #expect(outcome.status == 0)
        #expect(outcome.complaints == [])
        #expect(
            outcome.output.hasPrefix(
                """
                configuration ok
                  runtime.loops = 2  (flag --loops)
                  guests.mode = "off"  (environment variable BROKER_GUESTS_MODE)

                """), "\(outcome.output)")
    }

    @Test func everyFlagReachesItsSetting() throws {
        let outcome = try broker([
            "--print-config", "--listen", "127.0.0.1:1", "--listen", "[::1]:2", "--tls-cert", "c", "--tls-key", "k", "--loops", "3",
            "--data-dir", "d", "--ready-file", "r", "--log-level", "error",
        ])
        #expect(outcome.status == 0)
        for line in [
            "addresses = [\"127.0.0.1:1\", \"[::1]:2\"]  # flag --listen", "certificate_file = \"c\"  # flag --tls-cert",
            "private_key_file = \"k\"  # flag --tls-key", "loops = 3  # flag --loops", "data_directory = \"d\"  # flag --data-dir",
            "ready_file = \"r\"  # flag --ready-file", "log_level = \"error\"  # flag --log-level",
        ] {
            #expect(outcome.output.contains(line + "\n"), "\(line)")
        }
    }
}
