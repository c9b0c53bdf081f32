/// What settings, each within its own bounds, must keep to together.
enum Agreement {
    /// What does not fit together in `configuration`; each problem names the setting that somebody decided, if only one was decided.
    static func problems(in configuration: Configuration, sources: [String: SettingSource]) -> [ConfigurationProblem] {
        var problems: [ConfigurationProblem] = []

        func report(_ keys: [String], _ message: String) {
            // The key to look at first is one that somebody wrote.
            let key = keys.first { sources[$0] != nil } ?? keys[0]
            problems.append(ConfigurationProblem(source: sources[key] ?? .standard, key: key, message: message))
        }

        let queues = configuration.queues
        if queues.outboundLowWaterBytes >= queues.outboundHighWaterBytes {
            report(
                ["queues.outbound_low_water_bytes", "queues.outbound_high_water_bytes"],
                "the low-water mark (\(queues.outboundLowWaterBytes)) must be below the high-water mark (\(queues.outboundHighWaterBytes))")
        }

        // The bounds alone make sure that a body fits into a frame.
        let limits = configuration.limits
        if limits.unauthenticatedFrameByteCountMax > limits.frameByteCountMax {
            report(
                ["limits.unauthenticated_frame_byte_count_max", "limits.frame_byte_count_max"],
                "unauthenticated_frame_byte_count_max (\(limits.unauthenticatedFrameByteCountMax)) must not exceed "
                    + "frame_byte_count_max (\(limits.frameByteCountMax))")
        }

        let tls = configuration.tls
        if tls.certificateFile.isEmpty != tls.privateKeyFile.isEmpty {
            let (given, missing) =
                tls.privateKeyFile.isEmpty
                ? ("tls.certificate_file", "tls.private_key_file (--tls-key)")
                : ("tls.private_key_file", "tls.certificate_file (--tls-cert)")
            report([given], "TLS needs a certificate and its private key; set \(missing) too, or neither")
        }

        if !tls.clientAuthoritiesFile.isEmpty, !tls.isEnabled {
            report(["tls.client_authorities_file"], "clients show certificates under TLS only; set tls.certificate_file too")
        }

        if let name = configuration.rooms.standingRoomNames.first(where: { !isRoomName($0) }) {
            report(
                ["rooms.standing"],
                "\"\(name)\" is no name of a room: 1 to 64 of a-z 0-9 . _ - / of which the first is a letter or digit")
        }

        let accounts = configuration.accounts
        let needAccounts = [
            ("accounts.registration", accounts.registration == .open), ("accounts.bearer_keys_file", !accounts.bearerKeysFile.isEmpty),
            ("tls.client_authorities_file", !tls.clientAuthoritiesFile.isEmpty),
        ]
        if configuration.runtime.dataDirectory.isEmpty, let (key, _) = needAccounts.first(where: \.1) {
            report([key], "accounts are kept in the data directory; set runtime.data_directory (--data-dir) too")
        }
        if !accounts.bearerKeysFile.isEmpty, accounts.bearerIssuer.isEmpty || accounts.bearerAudience.isEmpty {
            report(
                ["accounts.bearer_keys_file"],
                "tokens are accepted for one issuer and one audience; set accounts.bearer_issuer and accounts.bearer_audience too")
        }

        let listen = configuration.listen
        let doors = [
            ("listen.addresses", listen.addresses), ("listen.line_addresses", listen.lineAddresses),
            ("listen.line_tls_addresses", listen.lineTlsAddresses),
        ]
        let fixed = doors.flatMap { key, addresses in addresses.filter { $0.port != 0 }.map { (key: key, address: $0) } }
        if let twice = fixed.indices.first(where: { index in fixed[..<index].contains { $0.address == fixed[index].address } }) {
            report([fixed[twice].key], "\(fixed[twice].address) is named twice")
        }
        if !tls.isEnabled, !listen.lineTlsAddresses.isEmpty {
            report(["listen.line_tls_addresses"], "line mode under TLS needs tls.certificate_file and tls.private_key_file")
        }
        if !listen.allowClearTextOffLoopback, let open = listen.lineAddresses.first(where: { !$0.isLoopback }) {
            report(
                ["listen.line_addresses"],
                "\(open) can be reached by other machines, and clear text is served on loopback only; use listen.line_tls_addresses, "
                    + "or set listen.allow_clear_text_off_loopback = true")
        }
        if !tls.isEnabled, !listen.allowClearTextOffLoopback, let open = listen.addresses.first(where: { !$0.isLoopback }) {
            report(
                ["listen.addresses"],
                "\(open) can be reached by other machines, and clear text is served on loopback only; "
                    + "set tls.certificate_file and tls.private_key_file, listen on 127.0.0.1, "
                    + "or set listen.allow_clear_text_off_loopback = true")
        }
        return problems
    }

    /// The grammar of docs/PROTOCOL.md, *Names*.
    private static func isRoomName(_ name: String) -> Bool {
        let octets = Array(name.utf8)
        func isAlphanumeric(_ octet: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet)
        }
        guard octets.count <= 64, let first = octets.first, isAlphanumeric(first) else { return false }
        return octets.allSatisfy { isAlphanumeric($0) || "._-/".utf8.contains($0) }
    }
}
