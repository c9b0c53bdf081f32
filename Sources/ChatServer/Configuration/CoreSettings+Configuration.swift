import ChatConfiguration
import ChatCore
import ChatProtocol

extension CoreSettings {
    /// The part of a configuration by which a shard acts. Bounds on the whole broker are divided among its shards.
    init(_ configuration: Configuration, shardCount: Int) {
        self.init()
        nodeName = configuration.runtime.nodeName
        guestMode =
            switch configuration.guests.mode {
            case .off: .off
            case .numbered: .numbered
            case .named: .named
            }

        offersAccounts = !configuration.runtime.dataDirectory.isEmpty
        isRegistrationOpen = offersAccounts && configuration.accounts.registration == .open
        acceptsBearerTokens = offersAccounts && !configuration.accounts.bearerKeysFile.isEmpty
        givesTokens = offersAccounts && configuration.accounts.tokenSeconds > 0
        offersPasswordsInClear = configuration.listen.allowClearTextOffLoopback

        offersSearch = configuration.storage.searchEnabled

        let deadlines = configuration.deadlines
        prefaceMilliseconds = UInt64(deadlines.prefaceMilliseconds)
        helloMilliseconds = UInt64(deadlines.helloMilliseconds)
        authenticationMilliseconds = UInt64(deadlines.authenticationMilliseconds)
        heartbeatMilliseconds = UInt64(deadlines.heartbeatMilliseconds)
        slowConsumerMilliseconds = UInt64(deadlines.slowConsumerMilliseconds)
        drainMilliseconds = UInt64(deadlines.drainMilliseconds)

        let limits = configuration.limits
        frameByteCountMax = limits.frameByteCountMax
        unauthenticatedFrameByteCountMax = limits.unauthenticatedFrameByteCountMax
        bodyByteCountMax = limits.bodyByteCountMax
        requestsInFlightMax = limits.requestsInFlightMax
        unauthenticatedRequestsInFlightMax = limits.unauthenticatedRequestsInFlightMax
        malformedFramesMax = limits.malformedFramesMax
        publishesPerSecond = limits.publishesPerSecond
        publishBurst = limits.publishBurst == 0 ? limits.publishesPerSecond : limits.publishBurst

        let rooms = configuration.rooms
        roomsMax = (rooms.roomsMax + shardCount - 1) / shardCount
        roomsPerAccountMax = rooms.roomsPerAccountMax
        membersPerRoomMax = rooms.membersPerRoomMax
        recentEventsPerRoom = rooms.recentEventsPerRoom
        recentEventBytesPerRoomMax = rooms.recentEventBytesPerRoomMax
        noticeMembersMax = rooms.noticeMembersMax
        deduplicationEntriesPerAccountMax = rooms.deduplicationEntriesPerAccountMax
        deduplicationSeconds = UInt64(rooms.deduplicationSeconds)
        emptyRoomSeconds = UInt64(rooms.emptyRoomSeconds)
        attachesToLobby = rooms.lobbyAutojoin
        lobbyTopic = rooms.lobbyTopic
        standingRooms = Set(configuration.rooms.standingRoomNames.compactMap { try? RoomAddress($0) })

        outboundHighWaterBytes = configuration.queues.outboundHighWaterBytes
        outboundLowWaterBytes = configuration.queues.outboundLowWaterBytes
        outboundTotalBytesMax = (configuration.queues.outboundTotalBytesMax + shardCount - 1) / shardCount
        mailboxMessagesMax = configuration.queues.mailboxMessagesMax
    }
}
