extension Setting {
    /// Every setting, in the order of `config/broker.toml`.
    public static let all: [Setting] =
        listen + web + tls + runtime + storage + deadlines + limits + rooms + guests + accounts + queues

    /// The setting with this key, or nil.
    public static func named(_ key: String) -> Setting? { byKey[key] }

    private static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })

    /// The octets of a path, without its closing zero (limits.h, `PATH_MAX`).
    private static let path = 0...4095
    private static let milliseconds = 1...3_600_000

    private static let listen: [Setting] = [
        .addresses(
            "listen.addresses", \.listen.addresses, 1...64, flag: "--listen",
            "Addresses served, native frames and TLS on each; port 0 lets the kernel choose."),
        .addresses(
            "listen.line_addresses", \.listen.lineAddresses, 0...64, flag: "--line",
            "Addresses of line mode in the clear, for people with nc or telnet."),
        .addresses(
            "listen.line_tls_addresses", \.listen.lineTlsAddresses, 0...64,
            "Addresses of line mode under TLS."),
        .boolean(
            "listen.allow_clear_text_off_loopback", \.listen.allowClearTextOffLoopback,
            "Whether clear text is served on addresses that other machines can reach."),
        .integer(
            "listen.backlog", \.listen.backlog, 1...65_535,
            "Connections the kernel completes before the broker accepts them."),
        .integer(
            "listen.accept_burst_max", \.listen.acceptBurstMax, 1...65_536,
            "Connections a listener accepts in one turn of its loop."),
    ]

    private static let web: [Setting] = [
        .boolean("web.client", \.web.client, "Whether the web client is served."),
        .text(
            "web.allowed_origins", \.web.allowedOrigins, path,
            "Origins of other web pages that may open a WebSocket, separated by commas; * is any."),
        .boolean("web.compression", \.web.compression, "Whether WebSocket messages may be compressed."),
        .boolean("web.echo", \.web.echo, "Whether /echo sends back what it is sent over a WebSocket."),
    ]

    private static let tls: [Setting] = [
        .text(
            "tls.certificate_file", \.tls.certificateFile, path, flag: "--tls-cert",
            "PEM file with the broker's certificate, then its chain; empty means no TLS."),
        .text(
            "tls.private_key_file", \.tls.privateKeyFile, path, flag: "--tls-key",
            "PEM file with the private key of that certificate; empty means no TLS."),
        .text(
            "tls.client_authorities_file", \.tls.clientAuthoritiesFile, path,
            "PEM file with the authorities whose certificates clients may log in with; empty means that none may."),
        .choice("tls.minimum_version", \.tls.minimumVersion, "Oldest version of TLS spoken."),
    ]

    private static let runtime: [Setting] = [
        .integer(
            "runtime.loops", \.runtime.loops, 0...256, flag: "--loops",
            "Event loops, each on its own thread; 0 means one for each core."),
        .text(
            "runtime.data_directory", \.runtime.dataDirectory, path, flag: "--data-dir",
            "Folder of what outlives the process; empty means one of the user's."),
        .text(
            "runtime.ready_file", \.runtime.readyFile, path, flag: "--ready-file",
            "JSON file written once the broker accepts, with the addresses chosen; empty means none."),
        .choice("runtime.log_level", \.runtime.logLevel, flag: "--log-level", "How much is logged to standard error."),
        .text("runtime.node_name", \.runtime.nodeName, 1...64, "Name of this broker in WELCOME and in the log."),
        .integer(
            "runtime.shutdown_timeout_milliseconds", \.runtime.shutdownTimeoutMilliseconds, 1...600_000,
            "From SIGINT or SIGTERM until the process ends, whatever its clients do."),
    ]

    private static let storage: [Setting] = [
        .boolean("storage.enabled", \.storage.enabled, "Whether rooms, messages and memberships are kept in the data directory."),
        .boolean("storage.search_enabled", \.storage.searchEnabled, "Whether what was said can be searched, by an index beside it."),
        .integer(
            "storage.commit_delay_milliseconds", \.storage.commitDelayMilliseconds, 0...1_000,
            "How long messages that are not to be durable may wait to be stored together; 0 means not at all."),
        .integer(
            "storage.retained_events_per_room_max", \.storage.retainedEventsPerRoomMax, 0...1_000_000_000_000,
            "Events of a room that are kept, the newest; 0 means all."),
        .integer(
            "storage.retained_days_max", \.storage.retainedDaysMax, 0...36_500, "How long events are kept, in days; 0 means for ever."),
    ]

    private static let deadlines: [Setting] = [
        .integer(
            "deadlines.preface_milliseconds", \.deadlines.prefaceMilliseconds, milliseconds,
            "From accept, with TLS including its handshake, until the preface is complete."),
        .integer(
            "deadlines.http_idle_milliseconds", \.deadlines.httpIdleMilliseconds, 0...3_600_000,
            "From an answer over HTTP until the next request on that connection begins; 0 means that each answer ends it."),
        .integer("deadlines.hello_milliseconds", \.deadlines.helloMilliseconds, milliseconds, "From the preface until HELLO is complete."),
        .integer(
            "deadlines.authentication_milliseconds", \.deadlines.authenticationMilliseconds, milliseconds, "From HELLO until AUTH_OK."),
        .integer(
            "deadlines.heartbeat_milliseconds", \.deadlines.heartbeatMilliseconds, 10...3_600_000,
            "Silence after which the broker sends PING; after twice as long the connection is closed."),
        .integer(
            "deadlines.drain_milliseconds", \.deadlines.drainMilliseconds, milliseconds,
            "How long input is discarded after GOODBYE, so that a reset does not destroy it."),
        .integer(
            "deadlines.slow_consumer_milliseconds", \.deadlines.slowConsumerMilliseconds, milliseconds,
            "How long a connection may take nothing at all before it is closed."),
    ]

    private static let limits: [Setting] = [
        .integer("limits.connections_max", \.limits.connectionsMax, 1...10_000_000, "Connections served at once."),
        .integer(
            "limits.connections_per_address_max", \.limits.connectionsPerAddressMax, 0...10_000_000,
            "Connections from one address; 0 means no limit."),
        .integer(
            "limits.unauthenticated_connections_max", \.limits.unauthenticatedConnectionsMax, 1...10_000_000,
            "Connections not yet authenticated."),
        .integer(
            "limits.unauthenticated_connections_per_address_max", \.limits.unauthenticatedConnectionsPerAddressMax, 0...10_000_000,
            "Connections not yet authenticated, from one address; 0 means no limit."),
        .integer(
            "limits.frame_byte_count_max", \.limits.frameByteCountMax, 65_536...1_048_576,
            "Payload octets of a frame that the broker accepts once the client is authenticated."),
        .integer(
            "limits.unauthenticated_frame_byte_count_max", \.limits.unauthenticatedFrameByteCountMax, 16_384...1_048_576,
            "Payload octets of a frame that the broker accepts before that."),
        .integer("limits.body_byte_count_max", \.limits.bodyByteCountMax, 1...16_384, "Octets of the text or data of one message."),
        .integer(
            "limits.requests_in_flight_max", \.limits.requestsInFlightMax, 1...65_535,
            "Requests of one connection that have not had their final reply."),
        .integer(
            "limits.unauthenticated_requests_in_flight_max", \.limits.unauthenticatedRequestsInFlightMax, 3...65_536,
            "The same before authentication."),
        .integer(
            "limits.malformed_frames_max", \.limits.malformedFramesMax, 1...1_000_000,
            "Malformed payloads of one connection that are answered by ERROR; the last is followed by GOODBYE."),
        .integer(
            "limits.publishes_per_second", \.limits.publishesPerSecond, 0...10_000_000,
            "Messages one connection may publish each second, lastingly; 0 means no limit."),
        .integer(
            "limits.publish_burst", \.limits.publishBurst, 0...10_000_000,
            "Messages one connection may publish at once after a pause; 0 means as many as in one second."),
    ]

    private static let rooms: [Setting] = [
        .integer("rooms.rooms_max", \.rooms.roomsMax, 1...100_000_000, "Rooms that exist at once."),
        .integer("rooms.rooms_per_account_max", \.rooms.roomsPerAccountMax, 1...1_000_000, "Rooms one account is a member of."),
        .integer("rooms.members_per_room_max", \.rooms.membersPerRoomMax, 1...10_000_000, "Members of one room."),
        .integer(
            "rooms.recent_events_per_room", \.rooms.recentEventsPerRoom, 0...1_048_576, "Events a room keeps in memory; 0 means none."),
        .integer(
            "rooms.recent_event_bytes_per_room_max", \.rooms.recentEventBytesPerRoomMax, 0...1_073_741_824,
            "Octets of events a room keeps in memory; the bound reached first counts."),
        .integer(
            "rooms.notice_members_max", \.rooms.noticeMembersMax, 0...1_000_000,
            "Members up to which a room tells of joins and leaves one by one; above, only their count."),
        .integer(
            "rooms.deduplication_entries_per_account_max", \.rooms.deduplicationEntriesPerAccountMax, 1...1_048_576,
            "Client message ids remembered for each account, to recognise a retry."),
        .integer(
            "rooms.deduplication_seconds", \.rooms.deduplicationSeconds, 1...604_800, "How long a client message id is remembered."),
        .integer(
            "rooms.empty_room_seconds", \.rooms.emptyRoomSeconds, 0...31_536_000,
            "How long a room outlives its last member, with its events."),
        .boolean("rooms.lobby_autojoin", \.rooms.lobbyAutojoin, "Whether everybody who logs in is attached to the room lobby."),
        .text("rooms.lobby_topic", \.rooms.lobbyTopic, 0...512, "Topic of the room lobby."),
        .text("rooms.standing", \.rooms.standing, 0...4096, "Rooms that exist from the first start on, separated by commas."),
    ]

    private static let guests: [Setting] = [
        .choice(
            "guests.mode", \.guests.mode,
            "Users without an account: none, named by the broker, or under a name of their choice.")
    ]

    private static let accounts: [Setting] = [
        .choice("accounts.registration", \.accounts.registration, "Who makes accounts: the operator alone, or everybody who connects."),
        .integer("accounts.accounts_max", \.accounts.accountsMax, 1...100_000_000, "Accounts that exist at once."),
        .integer(
            "accounts.registrations_per_hour_max", \.accounts.registrationsPerHourMax, 0...1_000_000,
            "Accounts that one address may make in an hour; 0 means any number."),
        .integer(
            "accounts.iterations_min", \.accounts.iterationsMin, 4_096...10_000_000,
            "Iterations of PBKDF2 below which a new password is refused."),
        .integer(
            "accounts.token_seconds", \.accounts.tokenSeconds, 0...315_360_000,
            "How long a device may come back without the password; 0 means not at all."),
        .text(
            "accounts.bearer_keys_file", \.accounts.bearerKeysFile, path,
            "JSON Web Key Set, or one public key as PEM, by which tokens are accepted; empty means that none are."),
        .text("accounts.bearer_issuer", \.accounts.bearerIssuer, 0...512, "What the claim iss of a token must be."),
        .text("accounts.bearer_audience", \.accounts.bearerAudience, 0...512, "What the claim aud of a token must have."),
        .text("accounts.bearer_subject_claim", \.accounts.bearerSubjectClaim, 1...64, "The claim of a token that names the account."),
    ]

    private static let queues: [Setting] = [
        .integer(
            "queues.outbound_high_water_bytes", \.queues.outboundHighWaterBytes, 1024...1_073_741_824,
            "Octets waiting for one connection at which it counts as lagging and is sent nothing more from rooms."),
        .integer(
            "queues.outbound_low_water_bytes", \.queues.outboundLowWaterBytes, 0...1_073_741_824,
            "Octets waiting below which a lagging connection catches up."),
        .integer(
            "queues.outbound_total_bytes_max", \.queues.outboundTotalBytesMax, 1_048_576...1_099_511_627_776,
            "Octets waiting for all slow readers together, above which they are sent nothing more from rooms."),
        .integer(
            "queues.mailbox_messages_max", \.queues.mailboxMessagesMax, 16...16_777_216,
            "Messages that wait from one loop to another."),
        .integer(
            "queues.flush_window_microseconds", \.queues.flushWindowMicroseconds, 0...100_000,
            "Under load, the longest wait for more to send with the same write; 0 means that nothing waits."),
    ]
}
