extension LoadReport {
    /// The result for people: a table of what was done, how long it took, and what was wrong.
    public var table: String {
        var lines: [String] = []
        func row(_ name: String, _ value: String) {
            lines.append("  " + name + String(repeating: " ", count: max(1, 22 - name.count)) + value)
        }
        func rate(_ count: UInt64, _ perSecond: Double) -> String {
            "\(DecimalText.grouped(count))   \(DecimalText.grouped(perSecond))/s"
        }
        lines.append("\(configuration.summary)\(isInterrupted ? " — ended early" : "")")
        lines.append("")
        row(
            "connections",
            "\(DecimalText.grouped(UInt64(configuration.connectionCount)))   logged in at \(DecimalText.grouped(connectionsPerSecond))/s"
                + "   ready after \(DecimalText.fixed(setupSeconds, decimals: 2)) s")
        row("measured", "\(DecimalText.fixed(measuredSeconds, decimals: 2)) s")
        switch configuration.scenario {
        case .fanout, .directMessages:
            row("publishes", rate(publishes, publishesPerSecond))
            row("deliveries", rate(deliveries, deliveriesPerSecond))
        case .churn:
            row("rounds", rate(completed, completedPerSecond))
        case .idle: break
        }
        if unsent > 0 {
            row("not sent in time", "\(DecimalText.grouped(unsent)) of the schedule: the broker, or this program, did not keep up")
        }
        lines.append("")
        lines.append(Self.latencyHead)
        if latency.count > 0 { lines.append(latency.row(configuration.scenario == .churn ? "round" : "delivery")) }
        if acknowledgementLatency.count > 0 { lines.append(acknowledgementLatency.row("acknowledgement")) }
        for step in steps { lines.append(step.latency.row(step.name)) }
        lines.append("")
        row("lost", DecimalText.grouped(tally.lost))
        row("duplicated", DecimalText.grouped(tally.duplicated))
        row("reordered", DecimalText.grouped(tally.reordered))
        row("foreign", DecimalText.grouped(tally.foreign))
        row("named by LAG", DecimalText.grouped(tally.lagged))
        if configuration.stalled > 0 {
            row(
                "stalled readers",
                "\(stalled.caughtUp) of \(stalled.connections) have everything, or a LAG for the rest (\(DecimalText.grouped(stalled.lagged)) events)"
            )
            if configuration.stallSeconds != nil {
                let duration = DecimalText.duration(microseconds: stalled.catchUpMicrosecondsMax)
                let within = stalled.current > 0 ? " within \(duration)" : ""
                row("", "\(stalled.current) of \(stalled.connections) were up to date again\(within) while the run went on")
            }
        }
        if let server {
            lines.append("")
            let perMillion = server.cpuSecondsPerMillionDeliveries.map {
                "   \(DecimalText.fixed($0, decimals: 3)) s per million deliveries"
            }
            row("broker's CPU", "\(DecimalText.fixed(server.cpuSeconds, decimals: 2)) s\(perMillion ?? "")")
            row(
                "broker's memory",
                "\(DecimalText.size(byteCount: Double(server.residentByteCount)))   at most "
                    + "\(DecimalText.size(byteCount: Double(server.residentByteCountMax)))   "
                    + "\(DecimalText.fixed(server.residentByteCountPerConnection, decimals: 0)) B per connection")
        }
        row("this program's CPU", "\(DecimalText.fixed(ownCPUSeconds, decimals: 2)) s")
        lines.append("")
        for error in errors { lines.append("  error: \(error)") }
        lines.append("  " + verdict)
        return lines.joined(separator: "\n") + "\n"
    }

    private var verdict: String {
        guard isClean else { return "FAILED: the broker did not keep what it promises" }
        guard tally.lagged > 0 else { return "everything came, once, in order" }
        return "everything came, once, in order, except what LAG named as missing"
    }

    private static var latencyHead: String {
        "  " + "latency".padded(to: 20) + ["p50", "p90", "p99", "p99.9", "max"].map { $0.padded(to: -11) }.joined()
    }
}

extension LatencySummary {
    fileprivate func row(_ name: String) -> String {
        "  " + name.padded(to: 20)
            + [p50, p90, p99, p999, max].map { DecimalText.duration(microseconds: $0).padded(to: -11) }.joined()
    }
}

extension LoadConfiguration {
    /// What is done to whom, in one line.
    var summary: String {
        let load = ratePerSecond.map { "\(DecimalText.trimmed($0, decimals: 3)) per second" }
        let what: String =
            switch scenario {
            case .fanout:
                "\(rooms) rooms × \(members) members, \(publishers) publishing, \(bodyByteCount) octets, \(load ?? "\(window) in flight a room")"
            case .directMessages: "\(pairs) pairs, \(bodyByteCount) octets, \(load ?? "\(window) in flight a side")"
            case .churn: "\(connections) guests at a time in \(rooms) rooms, \(load ?? "as fast as they can")"
            case .idle: "\(connections) connections" + (createdRooms > 0 ? " in \(createdRooms) rooms of their own" : "")
            }
        return "\(scenario.rawValue) \(target.url): \(what), \(loops) \(loops == 1 ? "loop" : "loops")"
    }
}

extension String {
    /// Blanks behind the text, or before it if the width is negative.
    fileprivate func padded(to width: Int) -> String {
        let blanks = String(repeating: " ", count: max(0, abs(width) - count))
        return width < 0 ? blanks + self : self + blanks
    }
}

extension LoadProgress {
    /// One line for a person who waits.
    public var line: String {
        var parts = ["\(phase.rawValue) \(DecimalText.fixed(seconds, decimals: 0)) s"]
        if phase == .connecting || phase == .joining || connections < UInt64(connectionCount) {
            parts.append("\(DecimalText.grouped(connections)) of \(DecimalText.grouped(UInt64(connectionCount))) connections")
        }
        if publishesPerSecond > 0 { parts.append("\(DecimalText.grouped(publishesPerSecond)) sent/s") }
        if deliveriesPerSecond > 0 { parts.append("\(DecimalText.grouped(deliveriesPerSecond)) delivered/s") }
        if completedPerSecond > 0, phase != .connecting { parts.append("\(DecimalText.grouped(completedPerSecond)) rounds/s") }
        if deliveries > 0 { parts.append("\(DecimalText.grouped(deliveries)) in all") }
        if parts.count == 1 { parts.append("\(DecimalText.grouped(connections)) connections") }
        if lagged > 0 { parts.append("\(DecimalText.grouped(lagged)) lagged") }
        if problems > 0 { parts.append("\(DecimalText.grouped(problems)) PROBLEMS") }
        return parts.joined(separator: " · ")
    }
}
