import Testing

@testable import ChatConfiguration

/// Defaults, file, environment, flags: what comes later wins, setting by setting.
@Suite struct LayerTests {
    @Test func nothingGivenMeansTheDefaults() throws {
        let loaded = try ConfigurationLoader.load()
        #expect(loaded.configuration == Configuration())
        #expect(loaded.sources.isEmpty)
    }

    @Test func laterLayersWin() throws {
        let text = """
            [runtime]
            loops = 2
            node_name = "from file"
            log_level = "debug"
            """
        try withTemporaryFile(text) { path in
            let loaded = try ConfigurationLoader.load(
                file: path, environment: ["BROKER_RUNTIME_LOOPS": "3", "BROKER_RUNTIME_LOG_LEVEL": "error", "HOME": "/"],
                flags: ["--loops": ["4"]])
            #expect(loaded.configuration.runtime.loops == 4)
            #expect(loaded.configuration.runtime.logLevel == .error)
            #expect(loaded.configuration.runtime.nodeName == "from file")
            #expect(loaded.sources["runtime.loops"] == .flag(name: "--loops"))
            #expect(loaded.sources["runtime.log_level"] == .environment(name: "BROKER_RUNTIME_LOG_LEVEL"))
            #expect(loaded.sources["runtime.node_name"] == .file(path: path, line: 3, column: 1))
            #expect(loaded.sources["runtime.data_directory"] == nil)
        }
    }

    @Test func everyShapeIsReadFromEveryLayer() throws {
        let text = """
            [listen]
            addresses = ["127.0.0.1:0", "[::1]:7401"]
            allow_clear_text_off_loopback = true
            [tls]
            minimum_version = "1.3"
            [guests]
            mode = "off"
            [rooms]
            lobby_topic = "Grüße \\"an alle\\""
            lobby_autojoin = false
            """
        var expected = Configuration()
        expected.listen.addresses = [ListenAddress(host: "127.0.0.1", port: 0), ListenAddress(host: "::1", port: 7401)]
        expected.listen.allowClearTextOffLoopback = true
        expected.tls.minimumVersion = .tls13
        expected.guests.mode = .off
        expected.rooms.lobbyTopic = "Grüße \"an alle\""
        expected.rooms.lobbyAutojoin = false
        #expect(try ConfigurationLoader.load(text: text, path: "a.toml").configuration == expected)

        let environment = [
            "BROKER_LISTEN_ADDRESSES": "127.0.0.1:0, [::1]:7401", "BROKER_LISTEN_ALLOW_CLEAR_TEXT_OFF_LOOPBACK": "true",
            "BROKER_TLS_MINIMUM_VERSION": "1.3", "BROKER_GUESTS_MODE": "off", "BROKER_ROOMS_LOBBY_TOPIC": "Grüße \"an alle\"",
            "BROKER_ROOMS_LOBBY_AUTOJOIN": "false",
        ]
        #expect(try ConfigurationLoader.load(environment: environment).configuration == expected)
    }

    @Test func aRepeatedFlagIsAList() throws {
        let loaded = try ConfigurationLoader.load(flags: ["--listen": ["localhost:1", "[::1]:2"]])
        #expect(loaded.configuration.listen.addresses.map(\.description) == ["127.0.0.1:1", "[::1]:2"])
    }

    @Test func theEnvironmentMayNameTheFile() throws {
        let loops = try withTemporaryFile("[runtime]\nloops = 2\n") { named in
            try withTemporaryFile("[runtime]\nloops = 5\n") { flagged in
                [
                    try ConfigurationLoader.load(environment: ["BROKER_CONFIG": named]).configuration.runtime.loops,
                    try ConfigurationLoader.load(file: flagged, environment: ["BROKER_CONFIG": named]).configuration.runtime.loops,
                    try ConfigurationLoader.load(environment: ["BROKER_CONFIG": ""]).configuration.runtime.loops,
                ]
            }
        }
        #expect(loops == [2, 5, 0])
    }

    @Test func dottedAndInlineTablesAreTheSameSettings() throws {
        let loaded = try ConfigurationLoader.load(text: "limits.connections_max = 5\nruntime = { loops = 3 }\n", path: "a.toml")
        #expect(loaded.configuration.limits.connectionsMax == 5)
        #expect(loaded.configuration.runtime.loops == 3)
        #expect(loaded.sources["limits.connections_max"] == .file(path: "a.toml", line: 1, column: 1))
        // What stands inside an inline table is placed at the table.
        #expect(loaded.sources["runtime.loops"] == .file(path: "a.toml", line: 2, column: 1))
    }

    @Test func variablesOfOtherProgramsArePassedOver() throws {
        let environment = [
            "BROKER_SERVICE_HOST": "10.0.0.1", "BROKER_PORT": "tcp://10.0.0.1:7400", "BROKER_PORT_7400_TCP_PROTO": "tcp", "BROKER": "x",
        ]
        #expect(try ConfigurationLoader.load(environment: environment).sources.isEmpty)
    }
}
