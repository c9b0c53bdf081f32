import Bytes
import ChatConfiguration
import ChatCore
import ChatProtocol
import ChatStore
import Credentials
import Foundation
import LibUV
import Logging
import SASL
import Testing

@testable import ChatServer

/// Who judges credentials, asked without a broker around it. What clients see is in Tests/Interop.
@Suite struct AccountServiceTests {
    /// A judge with an account `ada`, whose password is `right`.
    private final class Trial {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("accounts-\(UUID().uuidString)").path
        let settings: AccountSettings

        init() throws {
            var configuration = Configuration()
            configuration.runtime.dataDirectory = folder
            configuration.accounts.iterationsMin = 4096
            settings = try #require(AccountSettings(configuration))
            let verifier = ScramVerifier(password: Array("right".utf8), iterationCount: 4096)
            let store = try AccountStore(directory: folder)
            _ = try store.add(try AccountName("ada"), verifier: verifier.text, iterationCount: 4096, at: 1)
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }
    }

    private static func plain(_ name: String, _ password: String) -> CredentialQuestion.Subject {
        .begin(mechanism: "PLAIN", message: SharedBytes(PlainMessage(name: name, password: Array(password.utf8)).octets))
    }

    private static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Asks the service, and waits for all answers, by number.
    private static func ask(_ trial: Trial, _ subjects: [CredentialQuestion.Subject]) throws -> [UInt64: CredentialAnswer] {
        let loop = try EventLoop()
        let answers = Mailbox<(UInt64, CredentialAnswer)>()
        defer {
            answers.close()
            loop.close()
        }
        var received: [UInt64: CredentialAnswer] = [:]
        var expected = 0
        try answers.attach(to: loop) { batch in
            for (number, answer) in batch { received[number] = answer }
            if received.count == expected { loop.stop() }
        }
        let service = try AccountService.start(
            trial.settings,
            listener: AccountService.Listener(
                deliver: { _, number, answer in answers.post([(number, answer)]) }, suspended: { _ in }), log: log)
        for (index, subject) in subjects.enumerated() {
            let question = CredentialQuestion(number: UInt64(index), subject: subject, session: nil, origin: LogInOrigin())
            if service.ask(AccountService.Request(loop: 0, question: question, evidence: ChannelEvidence())) { expected += 1 }
        }
        if received.count < expected { loop.run() }
        service.stop()
        return received
    }

    @Test func typedPasswordsAreDerivedElsewhere() throws {
        let trial = try Trial()
        let answers = try Self.ask(
            trial, [Self.plain("ada", "right"), Self.plain("ada", "wrong"), Self.plain("eve", "right"), Self.plain("No Name", "right")])
        guard case .accepted(let accepted) = answers[0] else {
            Issue.record("\(String(describing: answers[0]))")
            return
        }
        #expect(accepted.name.description == "ada" && accepted.provesPassword && accepted.token == nil)
        for number: UInt64 in 1...3 {
            guard case .refused(.authFailed, nil, let delay) = answers[number], (200...2_000).contains(delay) else {
                Issue.record("\(String(describing: answers[number]))")
                return
            }
        }
    }

    @Test func tooManyDerivationsAreTurnedAway() throws {
        let trial = try Trial()
        let answers = try Self.ask(trial, (0..<400).map { _ in Self.plain("ada", "right") })
        let turnedAway = answers.values.count { if case .refused(.overloaded, _, _) = $0 { true } else { false } }
        let accepted = answers.values.count { if case .accepted = $0 { true } else { false } }
        #expect(answers.count == 400 && turnedAway + accepted == 400)
        // All came at once, and 32 may wait.
        #expect(turnedAway > 0 && accepted >= 32)
    }

    @Test func aDataDirectoryThatCannotBeUsedIsSaidSo() throws {
        let trial = try Trial()
        _ = FileManager.default.createFile(
            atPath: trial.folder + "/accounts.secret", contents: Data([1]), attributes: [.posixPermissions: 0o600])
        #expect(throws: ServerError.self) { _ = try Self.ask(trial, []) }
    }

    @Test func failuresMakeTheNextOneSlower() {
        var memory = FailureMemory(countMax: 4)
        #expect((0..<6).map { memory.note(["a"], at: UInt64($0)) } == [200, 400, 800, 1_600, 2_000, 2_000])
        // The slower of the two counts.
        #expect(memory.note(["b", "a"], at: 7) == 2_000)
        memory.forget("a")
        #expect(memory.note(["a"], at: 8) == 200)
        #expect(memory.note(["b"], at: 700_000) == 200, "ten minutes later nothing is left")
        for index in 0..<100 { _ = memory.note(["c\(index)"], at: 700_001) }
        #expect(memory.note(["c99"], at: 700_002) == 400)
    }
}
