import Bytes
import ChatProtocol
import Glibc
import Testing

@testable import ChatStore

@Suite struct AccountStoreTests {
    private static func name(_ text: String) throws -> AccountName { try AccountName(text) }

    private static func device(_ octet: UInt8, renewedAt: Timestamp, expiresAt: Timestamp = 1_000_000) -> DeviceRow {
        let octets = SharedBytes([UInt8](repeating: octet, count: 16))
        return DeviceRow(
            publicID: octets, nonce: octets, previousNonce: nil, renewedAt: renewedAt, expiresAt: expiresAt, agent: "agent \(octet)")
    }

    @Test func accountsAreThereAfterAReopening() throws {
        let folder = try TemporaryFolder()
        do {
            let store = try AccountStore(directory: folder.path)
            let ada = try #require(try store.add(Self.name("ada"), verifier: "v", iterationCount: 5000, at: 7))
            #expect(try store.add(Self.name("ada"), verifier: "w", iterationCount: 6000, at: 8) == nil)
            #expect(try store.add(Self.name("web"), verifier: nil, iterationCount: nil, at: 8) != nil)
            try store.setSuspended(true, of: ada.id)
            try store.setVerifier("x", iterationCount: 7000, of: ada.id, at: 9)
        }
        let store = try AccountStore(directory: folder.path)
        let ada = try #require(try store.account(named: Self.name("ada")))
        #expect(ada.verifier == "x" && ada.isSuspended && ada.createdAt == 7)
        #expect(try store.account(named: Self.name("eve")) == nil)
        #expect(try store.accountCount() == 2)
        #expect(try store.accounts().map(\.name.description) == ["ada", "web"])
        #expect(try store.suspendedAccounts() == [Self.name("ada")])
        #expect(try store.iterationCounts().map(\.iterations) == [7000])
    }

    @Test func theFilesAreTheirOwnersAlone() throws {
        let folder = try TemporaryFolder()
        _ = try AccountStore(directory: folder.path)
        _ = try DeploymentSecret.load(directory: folder.path, orKeep: SharedBytes([UInt8](repeating: 1, count: 32)))
        for name in folder.files {
            var status = stat()
            #expect(stat(folder.path + "/" + name, &status) == 0 && status.st_mode & 0o077 == 0, "\(name)")
        }
    }

    @Test func devicesAreReplacedExpireAndMakeWay() throws {
        let folder = try TemporaryFolder()
        let store = try AccountStore(directory: folder.path)
        let ada = try #require(try store.add(Self.name("ada"), verifier: nil, iterationCount: nil, at: 0))
        try store.keep(Self.device(1, renewedAt: 1), of: ada.id, at: 1)
        try store.keep(Self.device(1, renewedAt: 5), of: ada.id, at: 5)
        try store.keep(Self.device(2, renewedAt: 6, expiresAt: 7), of: ada.id, at: 6)
        #expect(try store.devices(of: ada.id).map(\.renewedAt) == [6, 5])
        try store.keep(Self.device(3, renewedAt: 7), of: ada.id, at: 7)
        #expect(try store.devices(of: ada.id).map(\.agent) == ["agent 3", "agent 1"])
        for octet in 10..<(10 + UInt8(AccountStore.devicesPerAccountMax)) {
            try store.keep(Self.device(octet, renewedAt: UInt64(octet)), of: ada.id, at: 8)
        }
        #expect(try store.devices(of: ada.id).count == AccountStore.devicesPerAccountMax)
        let kept = Self.device(12, renewedAt: 0).publicID
        #expect(try store.device(kept, of: ada.id)?.renewedAt == 12)
        #expect(try store.forgetDevice(Self.device(11, renewedAt: 0).publicID, of: ada.id))
        #expect(try !store.forgetDevice(Self.device(11, renewedAt: 0).publicID, of: ada.id))
        try store.forgetDevices(of: ada.id, except: kept)
        #expect(try store.devices(of: ada.id).map(\.publicID) == [kept])
        try store.forgetDevices(of: ada.id, except: nil)
        #expect(try store.devices(of: ada.id).isEmpty)
    }

    @Test func whatFailsTogetherIsUndoneTogether() throws {
        let folder = try TemporaryFolder()
        let store = try AccountStore(directory: folder.path)
        #expect(throws: StoreError.self) {
            try store.together { () throws(StoreError) in
                _ = try store.add(AccountName.ada, verifier: nil, iterationCount: nil, at: 0)
                throw StoreError(.full, path: "")
            }
        }
        #expect(try store.accountCount() == 0)
        try store.together { () throws(StoreError) in _ = try store.add(AccountName.ada, verifier: nil, iterationCount: nil, at: 0) }
        #expect(try store.accountCount() == 1)
    }

    @Test func whatAnotherProgramChangesIsNoticed() throws {
        let folder = try TemporaryFolder()
        let broker = try AccountStore(directory: folder.path)
        let before = try broker.changeNumber()
        _ = try broker.add(Self.name("own"), verifier: nil, iterationCount: nil, at: 0)
        #expect(try broker.changeNumber() == before)
        _ = try AccountStore(directory: folder.path).add(Self.name("other"), verifier: nil, iterationCount: nil, at: 0)
        #expect(try broker.changeNumber() != before)
        #expect(try broker.accountCount() == 2)
    }

    @Test func otherFilesAreRefused() throws {
        let folder = try TemporaryFolder()
        try folder.write(Array("this is no database, and long enough to be seen as such".utf8), to: "accounts.db")
        #expect(throws: StoreError.self) { try AccountStore(directory: folder.path) }
        let newer = try TemporaryFolder()
        do {
            _ = try AccountStore(directory: newer.path)
            try Database(path: newer.path + "/accounts.db", for: .writing).execute("PRAGMA user_version = 99")
        }
        do {
            _ = try AccountStore(directory: newer.path)
            Issue.record("opened")
        } catch {
            #expect(error.kind == .newerSchema(found: 99, known: 1))
        }
    }

    @Test func theSecretIsMadeOnce() throws {
        let folder = try TemporaryFolder()
        let first = SharedBytes([UInt8](repeating: 1, count: 32))
        #expect(try DeploymentSecret.load(directory: folder.path, orKeep: first) == first)
        #expect(try DeploymentSecret.load(directory: folder.path, orKeep: SharedBytes([UInt8](repeating: 2, count: 32))) == first)
        #expect(folder.files == ["accounts.secret"])
        chmod(folder.path + "/accounts.secret", 0o640)
        #expect(throws: StoreError.self) { try DeploymentSecret.load(directory: folder.path, orKeep: first) }
        try folder.write([1, 2, 3], to: "accounts.secret")
        chmod(folder.path + "/accounts.secret", 0o600)
        #expect(throws: StoreError.self) { try DeploymentSecret.load(directory: folder.path, orKeep: first) }
    }

    @Test func accountsThatAreGoneAreNotBegunAnew() throws {
        let folder = try TemporaryFolder()
        _ = try AccountStore(directory: folder.path)
        _ = try DeploymentSecret.load(directory: folder.path, orKeep: SharedBytes([UInt8](repeating: 1, count: 32)))
        for name in folder.files where name.hasPrefix("accounts.db") { unlink(folder.path + "/" + name) }
        #expect {
            try AccountStore(directory: folder.path)
        } throws: {
            ($0 as? StoreError)?.kind == .damaged && "\($0)".contains("accounts.secret")
        }
        #expect(folder.files == ["accounts.secret"])
        unlink(folder.path + "/accounts.secret")
        #expect(try AccountStore(directory: folder.path).accountCount() == 0)
    }

    @Test func aPersonReadsTheUsers() throws {
        let folder = try TemporaryFolder()
        let store = try AccountStore(directory: folder.path)
        let ada = try #require(try store.add(Self.name("ada"), verifier: "v", iterationCount: 5000, at: 1_795_251_319_123))
        try store.keep(Self.device(1, renewedAt: 1), of: ada.id, at: 1)
        let database = try Database(path: folder.path + "/accounts.db", for: .reading)
        let row = try database.text("SELECT name || '|' || state || '|' || has_password || '|' || created_at || '|' || devices FROM users")
        #expect(row == "ada|active|yes|2026-11-21T08:55:19.123Z|1")
    }
}

extension AccountName {
    fileprivate static let ada = try! AccountName("ada")
}
