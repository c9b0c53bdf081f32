import Foundation
import Testing

@testable import LoadGenerator

/// `broker-load` as a program: what it answers and with which status it ends.
@Suite(.serialized) struct CommandLineTests {
    private struct Outcome {
        let status: Int32
        let output: String
        let complaints: String
    }

    /// Runs the program that was built beside this test.
    ///
    /// - Parameter interruptAt: interrupts it when it says this on standard error.
    private func load(_ arguments: [String], interruptAt moment: String? = nil) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("broker-load")
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        let (output, complaints) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = complaints
        try process.run()
        var complained = Data()
        if let moment {
            while complained.range(of: Data(moment.utf8)) == nil {
                let more = complaints.fileHandleForReading.availableData
                if more.isEmpty { break }
                complained += more
            }
            process.interrupt()
        }
        // What it puts out is less than a pipe holds; what it complains about need not be (a sanitizer's report), and is read first.
        complained += complaints.fileHandleForReading.readDataToEndOfFile()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: said, as: UTF8.self),
            complaints: String(decoding: complained, as: UTF8.self))
    }

    private func fanout(_ port: UInt16, _ more: [String] = []) -> [String] {
        ["fanout", "broker://127.0.0.1:\(port)", "--rooms", "2", "--members", "4", "--messages", "200", "--drain", "1"] + more
    }

    @Test func aCleanRunIsStatus0() throws {
        let broker = try FakeBroker()
        defer { broker.close() }
        let page = FileManager.default.temporaryDirectory.appendingPathComponent("load-\(UUID().uuidString).html")
        defer { try? FileManager.default.removeItem(at: page) }
        let outcome = try load(fanout(broker.port, ["--json", "--html", page.path]))
        #expect(outcome.status == 0, "\(outcome.complaints)")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        #expect(object["deliveries"] as? Int == 800)
        #expect(object["lost"] as? Int == 0)
        #expect(try String(contentsOf: page, encoding: .utf8).hasPrefix("<!DOCTYPE html>"))
    }

    @Test func aLossIsStatus1() throws {
        let broker = try FakeBroker(.drop)
        defer { broker.close() }
        let outcome = try load(fanout(broker.port))
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("FAILED"))
        #expect(outcome.output.contains(#/lost +1\n/#), "\(outcome.output)")
    }

    @Test(arguments: [
        (["fanout", "localhost"], "expected broker://HOST:PORT"), (["fanout", "broker://h:1", "--members", "0"], "--members"),
        (["fanout", "broker://h:1", "--rate", "x"], "--rate"), (["fanout", "broker://h:1", "--insecure"], "brokers://"),
        (["fanout"], "<url>"), (["dance", "broker://h:1"], "dance"), (["dm", "broker://h:1", "--rooms", "1"], "--rooms"),
    ])
    func aCommandLineWithoutSenseIsStatus2(arguments: [String], word: String) throws {
        let outcome = try load(arguments)
        #expect(outcome.status == 2)
        #expect(outcome.complaints.contains(word), "\(outcome.complaints)")
        #expect(outcome.complaints.split(separator: "\n").count == 1, "\(outcome.complaints)")
        #expect(outcome.output.isEmpty)
    }

    @Test func aBrokerThatIsNotThereIsStatus3() throws {
        let broker = try FakeBroker()
        let port = broker.port
        broker.close()
        let outcome = try load(fanout(port))
        #expect(outcome.status == 3)
        #expect(outcome.complaints.contains("ECONNREFUSED"), "\(outcome.complaints)")
        #expect(outcome.complaints.split(separator: "\n").count == 1)
    }

    @Test func anInterruptEndsTheRunWithItsResult() throws {
        let broker = try FakeBroker()
        defer { broker.close() }
        let arguments = [
            "fanout", "broker://127.0.0.1:\(broker.port)", "--members", "3", "--rate", "100", "--duration", "20", "--warmup", "0",
        ]
        let outcome = try load(arguments + ["--json"], interruptAt: "measuring")
        #expect(outcome.status == 0, "\(outcome.complaints)")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        #expect(object["interrupted"] as? Bool == true)
        #expect((object["duration_seconds"] as? Double).map { $0 > 0.2 && $0 < 20 } == true)
        #expect(object["lost"] as? Int == 0)
    }

    @Test func helpShowsExamplesAndStatuses() throws {
        let outcome = try load(["--help"])
        #expect(outcome.status == 0)
        for word in ["EXAMPLES", "EXIT STATUS", "fanout", "dm", "churn", "idle", "--generate-completion-script"] {
            #expect(outcome.output.contains(word), "\(word)")
        }
        let fanout = try load(["fanout", "--help"])
        for option in [
            "--rooms", "--members", "--publishers", "--body", "--window", "--rate", "--duration", "--warmup", "--messages", "--drain",
            "--stalled", "--stall-seconds", "--loops", "--connect-rate", "--sources", "--server-pid", "--json", "--html", "--ca",
            "--insecure", "--quiet",
        ] {
            #expect(fanout.output.contains(option), "\(option)")
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func writesCompletionScripts(shell: String) throws {
        let outcome = try load(["--generate-completion-script", shell])
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("fanout"))
    }
}
