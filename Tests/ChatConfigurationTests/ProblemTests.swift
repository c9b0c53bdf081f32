import Testing

@testable import ChatConfiguration

/// A message says where, which key, what was given, what is accepted.
@Suite struct ProblemTests {
    /// The problems of a file named `a.toml` with this text.
    private func problems(_ text: String) -> [String] {
        do {
            _ = try ConfigurationLoader.load(text: text, path: "a.toml")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    private func problems(environment: [String: String] = [:], flags: [String: [String]] = [:]) -> [String] {
        do {
            _ = try ConfigurationLoader.load(environment: environment, flags: flags)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func namesFileLineColumnKeyAndBounds() {
        #expect(
            problems("[runtime]\n\n  loops = 257\n") == [
                "a.toml:3:3: runtime.loops: 257 is not accepted; accepted: a whole number from 0 to 256"
            ])
    }

    @Test func standingRoomsHaveNamesOfRooms() {
        #expect(problems("[rooms]\nstanding = \" general , tech,\"") == [])
        #expect(problems("[rooms]\nstanding = \"a b\"").first?.contains("\"a b\" is no name of a room") == true)
    }

    @Test func namesVariableAndFlag() {
        #expect(
            problems(environment: ["BROKER_RUNTIME_LOOPS": "many"]) == [
                "environment variable BROKER_RUNTIME_LOOPS: runtime.loops: \"many\" is not accepted; accepted: a whole number from 0 to 256"
            ])
        #expect(
            problems(flags: ["--log-level": ["loud"]]) == [
                "flag --log-level: runtime.log_level: \"loud\" is not accepted; "
                    + "accepted: one of \"trace\", \"debug\", \"info\", \"notice\", \"warning\", \"error\""
            ])
        #expect(
            problems(flags: ["--listen": ["127.0.0.1"]]).first?.hasPrefix(
                "flag --listen: listen.addresses: \"127.0.0.1\" is not accepted; accepted: 1 to 64 numeric addresses with a port") == true)
    }

    @Test(arguments: [
        ("[runtime]\nloops = \"2\"", "\"2\" is not accepted; accepted: a whole number"),
        ("[runtime]\nloops = 2.5", "a value of type floating-point number is not accepted"),
        ("[runtime]\nloops = true", "true is not accepted"),
        ("[runtime]\nnode_name = 1979-05-27", "a value of type date is not accepted"),
        ("[listen]\naddresses = \"127.0.0.1:1\"", "\"127.0.0.1:1\" is not accepted; accepted: 1 to 64 numeric addresses"),
        ("[listen]\naddresses = [\"127.0.0.1:1\", 2]", "a value of type array is not accepted"),
        ("[rooms]\nlobby_autojoin = \"yes\"", "\"yes\" is not accepted; accepted: true or false"),
        ("[rooms]\nlobby_topic = \"\\u001B[2J\"", "\"\\u001B[2J\" is not accepted; accepted: text of at most 512 octets, without control"),
        ("[limits]\nconnections_max = { all = 3 }", "a value of type table is not accepted"),
    ])
    func refusesAnotherType(text: String, message: String) {
        let found = problems(text)
        #expect(found.count == 1)
        #expect(found.first?.contains(message) == true, "\(found)")
    }

    @Test(arguments: [
        ("[limits]\nconection_max = 1", "a.toml:2:1: limits.conection_max: unknown key; did you mean limits.connections_max?"),
        ("[limits]\nloops = 1", "a.toml:2:1: limits.loops: unknown key; did you mean runtime.loops?"),
        ("loops = 1", "a.toml:1:1: loops: unknown key; did you mean runtime.loops?"),
        ("[limit]\nconnections_max = 1", "a.toml:2:1: limit.connections_max: unknown key; did you mean limits.connections_max?"),
        ("[runtime]\ncolour = 1", "a.toml:2:1: runtime.colour: unknown key"),
        ("[nothing]", "a.toml:1:1: nothing: unknown key"),
        ("[runtime.colours]\nloops = 1", "a.toml:1:1: runtime.colours: unknown key"),
        ("[[runtime]]\nloops = 1", "a.toml:1:1: runtime: unknown key"),
    ])
    func refusesUnknownKeys(text: String, message: String) {
        #expect(problems(text) == [message])
    }

    @Test func refusesADuplicateKeyAtTheSecond() {
        let found = problems("[runtime]\nloops = 1\nloops = 2\n")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("a.toml:3:") == true, "\(found)")
        #expect(found.first?.contains("loops") == true, "\(found)")
    }

    @Test(arguments: ["[runtime", "loops", "loops = ", "a = 1 b = 2", "[runtime]\nnode_name = \"open"])
    func syntaxErrorsNameTheirPlaceOnOneLine(text: String) throws {
        let found = problems(text)
        #expect(found.count == 1)
        let message = try #require(found.first)
        #expect(message.hasPrefix("a.toml:\(text.hasPrefix("[runtime]") ? 2 : 1):"), "\(message)")
        #expect(!message.contains { $0.isNewline })
    }

    @Test func misspeltVariablesAreMistakes() {
        #expect(
            problems(environment: ["BROKER_LIMITS_CONECTIONS_MAX": "1"]) == [
                "environment variable BROKER_LIMITS_CONECTIONS_MAX: no such setting; did you mean BROKER_LIMITS_CONNECTIONS_MAX?"
            ])
        #expect(problems(environment: ["BROKER_RUNTIME_COLOUR": "1"]) == ["environment variable BROKER_RUNTIME_COLOUR: no such setting"])
        #expect(
            problems(environment: ["BROKER_LIMIT_CONNECTIONS_MAX": "1"]) == [
                "environment variable BROKER_LIMIT_CONNECTIONS_MAX: no such setting; did you mean BROKER_LIMITS_CONNECTIONS_MAX?"
            ])
        #expect(
            problems(environment: ["BROKER_LIMITS_LOOPS": "1"]) == [
                "environment variable BROKER_LIMITS_LOOPS: no such setting; did you mean BROKER_RUNTIME_LOOPS?"
            ])
    }

    @Test func tellsAllProblemsOfAllLayersAtOnce() throws {
        try withTemporaryFile("[rooms]\nrooms_max = 0\n[runtime]\nloops = -1\n") { path in
            let error = #expect(throws: ConfigurationError.self) {
                try ConfigurationLoader.load(
                    file: path, environment: ["BROKER_GUESTS_MODE": "some"], flags: ["--log-level": ["loud"], "--listen": ["x"]])
            }
            #expect(
                error?.problems.map(\.source) == [
                    .file(path: path, line: 2, column: 1), .file(path: path, line: 4, column: 1),
                    .environment(name: "BROKER_GUESTS_MODE"), .flag(name: "--listen"), .flag(name: "--log-level"),
                ])
        }
    }

    @Test func theShortFormIsOneLine() {
        let one = ConfigurationProblem(source: .flag(name: "--loops"), key: "runtime.loops", message: "x")
        #expect(ConfigurationError([one]).description == "flag --loops: runtime.loops: x")
        #expect(
            ConfigurationError([one, one]).description == "flag --loops: runtime.loops: x (and one more problem; --check-config names both)"
        )
        #expect(ConfigurationError([one, one, one]).description.hasSuffix("(and 2 more problems; --check-config names all)"))
    }

    // MARK: What does not fit together

    @Test func lowWaterIsBelowHighWater() {
        let base = "[queues]\noutbound_high_water_bytes = 65536\noutbound_low_water_bytes = "
        #expect(problems(base + "65535").isEmpty)
        #expect(
            problems(base + "65536") == [
                "a.toml:3:1: queues.outbound_low_water_bytes: the low-water mark (65536) must be below the high-water mark (65536)"
            ])
        // Only the high-water mark was written, so it is the one to look at.
        #expect(
            problems("[queues]\noutbound_high_water_bytes = 1024").first?.hasPrefix("a.toml:2:1: queues.outbound_high_water_bytes: ")
                == true)
    }

    @Test func unauthenticatedFramesAreNotLongerThanOthers() {
        let base = "[limits]\nframe_byte_count_max = 65536\nunauthenticated_frame_byte_count_max = "
        #expect(problems(base + "65536").isEmpty)
        #expect(problems(base + "65537").first?.hasPrefix("a.toml:3:1: limits.unauthenticated_frame_byte_count_max: ") == true)
    }

    @Test func certificateAndKeyComeTogether() {
        #expect(problems(flags: ["--tls-cert": ["c.pem"], "--tls-key": ["k.pem"]]).isEmpty)
        #expect(
            problems(flags: ["--tls-cert": ["c.pem"]]) == [
                "flag --tls-cert: tls.certificate_file: TLS needs a certificate and its private key; "
                    + "set tls.private_key_file (--tls-key) too, or neither"
            ])
        #expect(problems(flags: ["--tls-key": ["k.pem"]]).first?.contains("set tls.certificate_file (--tls-cert) too") == true)
    }

    @Test func clearTextStaysOnLoopbackUnlessAllowed() {
        for address in ["0.0.0.0:7400", "[::]:7400", "192.0.2.1:0"] {
            let found = problems(flags: ["--listen": ["127.0.0.1:1", address]])
            #expect(found.count == 1)
            #expect(
                found.first?.hasPrefix("flag --listen: listen.addresses: \(address) can be reached by other machines") == true, "\(found)")
            #expect(found.first?.contains("listen.allow_clear_text_off_loopback = true") == true)
            #expect(problems(flags: ["--listen": [address], "--tls-cert": ["c"], "--tls-key": ["k"]]).isEmpty)
            #expect(problems(environment: ["BROKER_LISTEN_ALLOW_CLEAR_TEXT_OFF_LOOPBACK": "true"], flags: ["--listen": [address]]).isEmpty)
        }
        #expect(problems(flags: ["--listen": ["127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"]]).isEmpty)
    }

    @Test func anAddressIsNamedOnce() {
        #expect(
            problems(flags: ["--listen": ["127.0.0.1:1", "127.0.0.1:1"]]) == ["flag --listen: listen.addresses: 127.0.0.1:1 is named twice"]
        )
        // Port 0 is another port each time.
        #expect(problems(flags: ["--listen": ["127.0.0.1:0", "127.0.0.1:0"]]).isEmpty)
    }
}
