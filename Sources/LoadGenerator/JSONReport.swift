extension LoadReport {
    /// The result for machines: one JSON object, documented in docs/PERFORMANCE.md. Latencies are microseconds.
    public var json: String {
        var members: [(String, JSONText)] = [
            ("scenario", .text(configuration.scenario.rawValue)),
            ("run", .text(run)),
            ("clean", .bool(isClean)),
            ("interrupted", .bool(isInterrupted)),
            ("duration_seconds", .number(measuredSeconds, decimals: 3)),
            ("deliveries", .count(deliveries)),
            ("deliveries_per_second", .number(deliveriesPerSecond, decimals: 1)),
            ("deliveries_total", .count(deliveriesTotal)),
            ("publishes", .count(publishes)),
            ("publishes_per_second", .number(publishesPerSecond, decimals: 1)),
            ("acknowledged", .count(acknowledged)),
            ("unsent", .count(unsent)),
            ("lost", .count(tally.lost)),
            ("duplicated", .count(tally.duplicated)),
            ("reordered", .count(tally.reordered)),
            ("foreign", .count(tally.foreign)),
            ("lagged", .count(tally.lagged)),
            ("contradictions", .count(tally.contradictions)),
            ("lobby_events", .count(lobbyEvents)),
            ("errors", .list(errors.map { .text($0) })),
            ("latency_us", latency.json),
            ("ack_latency_us", acknowledgementLatency.json),
            ("connections", .count(UInt64(configuration.connectionCount))),
            ("connections_per_second", .number(connectionsPerSecond, decimals: 1)),
            ("connect_seconds", .number(connectSeconds, decimals: 3)),
            ("setup_seconds", .number(setupSeconds, decimals: 3)),
            ("steps_us", .object(steps.map { ($0.name.split(separator: " ").joined(separator: "_"), $0.latency.json) })),
        ]
        if configuration.scenario == .churn {
            members.append(("rounds", .count(completed)))
            members.append(("rounds_per_second", .number(completedPerSecond, decimals: 1)))
        }
        if configuration.stalled > 0 {
            members.append(
                (
                    "stalled",
                    .object([
                        ("connections", .count(stalled.connections)), ("caught_up", .count(stalled.caughtUp)),
                        ("lagged", .count(stalled.lagged)), ("current", .count(stalled.current)),
                        ("catch_up_us_max", .count(stalled.catchUpMicrosecondsMax)),
                    ])
                ))
        }
        members.append(("server", server?.json ?? .null))
        members.append(("generator", .object([("cpu_seconds", .number(ownCPUSeconds, decimals: 3))])))
        members.append(("config", configuration.json))
        return JSONText.object(members).rendered()
    }
}

extension LatencySummary {
    var json: JSONText {
        .object([
            ("count", .count(count)), ("p50", .count(p50)), ("p90", .count(p90)), ("p99", .count(p99)), ("p999", .count(p999)),
            ("max", .count(max)), ("mean", .number(mean, decimals: 1)),
        ])
    }
}

extension ServerUsage {
    var json: JSONText {
        .object([
            ("pid", .count(UInt64(processID))),
            ("cpu_seconds", .number(cpuSeconds, decimals: 3)),
            ("system_seconds", .number(systemSeconds, decimals: 3)),
            ("cpu_seconds_per_million_deliveries", cpuSecondsPerMillionDeliveries.map { .number($0, decimals: 4) } ?? .null),
            ("rss_bytes", .count(residentByteCount)),
            ("rss_bytes_before", .count(residentByteCountBefore)),
            ("rss_bytes_ready", .count(residentByteCountReady)),
            ("rss_bytes_max", .count(residentByteCountMax)),
            ("rss_bytes_per_connection", .number(residentByteCountPerConnection, decimals: 1)),
        ])
    }
}

extension LoadConfiguration {
    var json: JSONText {
        var entries: [(String, JSONText)] = [("url", .text(target.url)), ("loops", .count(UInt64(loops)))]
        func add(_ name: String, _ value: Int) { entries.append((name, .count(UInt64(value)))) }
        switch scenario {
        case .fanout:
            add("rooms", rooms)
            add("members", members)
            add("publishers", publishers)
            add("stalled", stalled)
            entries.append(("stall_seconds", stallSeconds.map { .number($0, decimals: 3) } ?? .null))
        case .directMessages:
            add("pairs", pairs)
        case .churn:
            add("rooms", rooms)
            add("connections", connections)
        case .idle:
            add("connections", connections)
            add("rooms", createdRooms)
        }
        if scenario == .fanout || scenario == .directMessages {
            add("body_bytes", bodyByteCount)
            entries.append(("window", ratePerSecond == nil ? .count(UInt64(window)) : .null))
        }
        entries += [
            ("rate", ratePerSecond.map { .number($0, decimals: 3) } ?? .null),
            ("duration_seconds", messagesMax == nil ? .number(durationSeconds, decimals: 3) : .null),
            ("warmup_seconds", .number(warmupSeconds, decimals: 3)),
            ("messages", messagesMax.map { .count($0) } ?? .null),
            ("drain_seconds", .number(drainSeconds, decimals: 3)),
            ("connect_rate", connectRatePerSecond.map { .number($0, decimals: 3) } ?? .null),
            ("sources", .count(UInt64(sources))),
        ]
        return .object(entries)
    }
}
