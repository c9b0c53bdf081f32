import Foundation
import Testing

@testable import ChatConfiguration

/// The files that operators read say what the code does.
@Suite struct ShippedFilesTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    private func lines(_ path: String) throws -> [String] {
        try TextFile.read(Self.root + "/" + path).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// Each setting once, in the order of the table, at its default, with the bounds and names that the code has; and nothing else.
    @Test func brokerFileExplainsEverySettingAtItsDefault() throws {
        let lines = try lines("config/broker.toml")
        var found: [String] = []
        var table = ""
        for (index, line) in lines.enumerated() where !line.isEmpty && !line.hasPrefix("#") {
            guard !line.hasPrefix("[") else {
                table = String(line.dropFirst().dropLast())
                continue
            }
            let name = String(line.prefix { $0 != " " })
            let setting = try #require(Setting.named(table + "." + name), "\(line)")
            found.append(setting.key)
            #expect(line == "\(name) = \(setting.defaultValue)")
            #expect(lines[index - 1] == "# Environment: \(setting.environmentName)" + (setting.flag.map { "   Flag: \($0)" } ?? ""))
            #expect(lines[index - 2] == "# Accepted: \(setting.accepted).")
            #expect(lines[index - 3] == "#")
            #expect(lines[index - 4].hasPrefix("# ") && lines[index - 4].count > 3, "\(setting.key) is not explained")
        }
        #expect(found == Setting.all.map(\.key))
    }

    @Test func brokerFileIsTheDefaultConfiguration() throws {
        let loaded = try ConfigurationLoader.load(file: Self.root + "/config/broker.toml")
        #expect(loaded.configuration == Configuration())
        #expect(loaded.sources.count == Setting.all.count)
    }

    @Test func developmentFileHasTLSOnLoopback() throws {
        let configuration = try ConfigurationLoader.load(file: Self.root + "/config/development.toml").configuration
        #expect(configuration.tls.isEnabled)
        #expect(configuration.listen.addresses.allSatisfy { $0.isLoopback })
    }

    /// `--print-config` gives a file that gives the same configuration.
    @Test func printedConfigurationReadsBack() throws {
        let loaded = try ConfigurationLoader.load(
            environment: ["BROKER_ROOMS_LOBBY_TOPIC": "a \"quoted\" \\ word — é"],
            flags: ["--listen": ["[::1]:0", "127.0.0.1:0"], "--loops": ["2"]])
        let text = SettingListing.toml(of: loaded)
        #expect(text.contains("loops = 2  # flag --loops"))
        #expect(try ConfigurationLoader.load(text: text, path: "printed").configuration == loaded.configuration)
    }

    @Test func catalogueHasEverySetting() {
        let catalogue = SettingListing.catalogue()
        for setting in Setting.all {
            #expect(catalogue.contains("\(setting.key) = \(setting.defaultValue)\n    \(setting.explanation)\n    Accepted: "))
        }
    }

    @Test func deviationsAreNamedWithTheirSource() throws {
        let unchanged = try ConfigurationLoader.load()
        #expect(SettingListing.deviations(of: unchanged) == ["\(Setting.all.count) of \(Setting.all.count) settings at their defaults"])
        let loaded = try ConfigurationLoader.load(environment: ["BROKER_RUNTIME_LOOPS": "0"], flags: ["--log-level": ["error"]])
        #expect(SettingListing.deviations(of: loaded).first == "runtime.log_level = \"error\"  (flag --log-level)")
        #expect(SettingListing.deviations(of: loaded).count == 2)
    }

    /// A setting that nothing reads would be a promise that nobody keeps.
    @Test func theServerReadsEverySetting() throws {
        let unread: Set<String> = []
        let folder = Self.root + "/Sources/ChatServer"
        let paths = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }.filter {
            $0.hasSuffix(".swift")
        }
        let text = try paths.map { try TextFile.read(folder + "/" + $0) }.joined()
        let found = Setting.all.map(\.key).filter { key in
            let name = key.drop { $0 != "." }.dropFirst().split(separator: "_").enumerated()
                .map { $0 == 0 ? String($1) : $1.prefix(1).uppercased() + $1.dropFirst() }.joined()
            return text.contains("." + name)
        }
        #expect(Set(Setting.all.map(\.key)).subtracting(found) == unread)
    }

    /// A flag in the table that the program does not have would be a promise in `config/broker.toml` that nobody keeps.
    @Test func theProgramHasTheFlagsOfTheTable() throws {
        let command = try TextFile.read(Self.root + "/Sources/broker/BrokerCommand.swift")
        for flag in Setting.all.compactMap(\.flag) {
            #expect(command.contains("words[\"\(flag)\"]"), "\(flag)")
        }
    }
}
