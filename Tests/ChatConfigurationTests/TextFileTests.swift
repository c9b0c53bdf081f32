import Testing

@testable import ChatConfiguration

@Suite struct TextFileTests {
    private func reason(_ path: String) -> String? {
        do {
            _ = try TextFile.read(path)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test(arguments: ["", "é\r\n", String(repeating: "x", count: TextFile.byteCountMax)])
    func readsText(text: String) throws {
        let read = try withTemporaryFile(text) { try TextFile.read($0) }
        #expect(read == text)
    }

    @Test func refusesWhatIsNoConfiguration() throws {
        let tooLong = Array(repeating: UInt8(ascii: "x"), count: TextFile.byteCountMax + 1)
        #expect(try withTemporaryFile(octets: tooLong) { reason($0) } == "larger than 1048576 octets: not a configuration")
        #expect(try withTemporaryFile(octets: [0x61, 0x00, 0x62]) { reason($0) } == "not UTF-8 text")
        #expect(try withTemporaryFile(octets: [0x61, 0xE9]) { reason($0) } == "not UTF-8 text")
    }

    @Test func namesTheSystemsReason() throws {
        #expect(try withTemporaryFile("") { reason($0 + ".absent") } == "cannot open it: No such file or directory (errno 2)")
        #expect(try withTemporaryFile("") { reason($0 + "/x") } == "cannot open it: Not a directory (errno 20)")
        #expect(reason("/") == "cannot read it: Is a directory (errno 21)")
    }

    @Test func theLoaderNamesTheFile() throws {
        let error = #expect(throws: ConfigurationError.self) { try ConfigurationLoader.load(file: "/absent/broker.toml") }
        #expect(error?.description == "/absent/broker.toml: cannot open it: No such file or directory (errno 2)")
    }

    @Test func checksTheFilesNamed() throws {
        try withTemporaryFile("") { path in
            let good = try ConfigurationLoader.load(flags: ["--tls-cert": [path], "--tls-key": [path]])
            #expect(FileAccess.problems(of: good).isEmpty)
            let bad = try ConfigurationLoader.load(flags: ["--tls-cert": [path], "--tls-key": [path + ".absent"]])
            #expect(
                FileAccess.problems(of: bad).map(\.description) == [
                    "flag --tls-key: tls.private_key_file: \"\(path).absent\": cannot read it: No such file or directory (errno 2)"
                ])
        }
    }
}
