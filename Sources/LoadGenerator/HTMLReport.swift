extension LoadReport {
    /// The result as a page: one well-formed file that refers to nothing outside itself, light or dark as the reader prefers.
    public var html: String {
        let title = "broker-load \(configuration.scenario.rawValue)"
        var body = "<header><h1>\(title) <span class=\"verdict \(isClean ? "good" : "bad")\">\(isClean ? "clean" : "failed")</span></h1>\n"
        body += "<p>\(Markup.escaped(configuration.summary))\(isInterrupted ? " — ended early" : "")</p></header>\n"
        body += "<section class=\"cards\">\(cards.map { Self.card($0.0, $0.1) }.joined())</section>\n"
        if !errors.isEmpty {
            body += "<section class=\"errors\"><h2>Errors</h2><ul>"
            body += errors.map { "<li>\(Markup.escaped($0))</li>" }.joined() + "</ul></section>\n"
        }
        body +=
            "<section class=\"plots\">\n\(plots)<figure><figcaption>Verification</figcaption>\(verificationTable)</figure>\n</section>\n"
        body += "<section><h2>Latency</h2>\(latencyTable)</section>\n"
        body += "<details><summary>The result as JSON</summary><pre>\(Markup.escaped(json))</pre></details>\n"
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(Markup.escaped(title))</title><style>\(Self.style)</style></head>
            <body><main>
            \(body)</main></body></html>

            """
    }

    private var cards: [(String, String)] {
        var cards: [(String, String)] = []
        switch configuration.scenario {
        case .fanout, .directMessages:
            cards.append(("deliveries per second", DecimalText.grouped(deliveriesPerSecond)))
            cards.append(("publishes per second", DecimalText.grouped(publishesPerSecond)))
        case .churn: cards.append(("rounds per second", DecimalText.grouped(completedPerSecond)))
        case .idle: cards.append(("log-ins per second", DecimalText.grouped(connectionsPerSecond)))
        }
        if latency.count > 0 {
            cards.append(("latency p50", DecimalText.duration(microseconds: latency.p50)))
            cards.append(("latency p99", DecimalText.duration(microseconds: latency.p99)))
        }
        if let server {
            if let cost = server.cpuSecondsPerMillionDeliveries {
                cards.append(("broker's CPU per million deliveries", "\(DecimalText.fixed(cost, decimals: 3)) s"))
            }
            cards.append(("broker's memory", DecimalText.size(byteCount: Double(server.residentByteCount))))
            if configuration.scenario == .idle {
                cards.append(("memory per connection", DecimalText.size(byteCount: server.residentByteCountPerConnection)))
            }
        }
        return cards
    }

    private static func card(_ name: String, _ value: String) -> String {
        "<div class=\"card\"><b>\(Markup.escaped(value))</b><span>\(Markup.escaped(name))</span></div>"
    }

    private var plots: String {
        let seconds: (Double) -> String = { "\(DecimalText.trimmed($0, decimals: 2)) s" }
        let duration: (Double) -> String = { DecimalText.duration(microseconds: UInt64(max(0, $0).rounded()), isTrimmed: true) }
        let throughput = SVGPlot(
            title: "Deliveries per second",
            lines: [.init(name: "deliveries/s", points: series.map { ($0.seconds, $0.deliveriesPerSecond) })],
            xName: "time", formatX: seconds, formatY: { DecimalText.grouped($0) })
        let delivered = series.filter { $0.max > 0 }
        let overTime = SVGPlot(
            title: "Latency over time",
            lines: [
                .init(name: "p50", points: delivered.map { ($0.seconds, Double($0.p50)) }),
                .init(name: "p99", points: delivered.map { ($0.seconds, Double($0.p99)) }),
                .init(name: "max", points: delivered.map { ($0.seconds, Double($0.max)) }),
            ], yScale: .logarithmic, xName: "time", formatX: seconds, formatY: duration)
        // The maximum has no place on an axis that never reaches 100.
        let distribution = SVGPlot(
            title: "Latency by percentile",
            lines: [
                .init(name: "latency", points: percentiles.filter { $0.percentile < 100 }.map { ($0.percentile, Double($0.microseconds)) })
            ],
            xScale: .percentile, yScale: .logarithmic, xName: "percentile", formatX: { DecimalText.trimmed($0, decimals: 5) },
            formatY: duration)
        let hasDeliveries = series.contains { $0.deliveriesPerSecond > 0 }
        return (hasDeliveries ? throughput.rendered() + overTime.rendered() : "") + distribution.rendered()
    }

    private var latencyTable: String {
        var rows: [(String, LatencySummary)] = []
        if latency.count > 0 { rows.append((configuration.scenario == .churn ? "round" : "delivery", latency)) }
        if acknowledgementLatency.count > 0 { rows.append(("acknowledgement", acknowledgementLatency)) }
        rows += steps.map { ($0.name, $0.latency) }
        let head = ["", "count", "p50", "p90", "p99", "p99.9", "max"].map { "<th>\($0)</th>" }.joined()
        let body = rows.map { name, summary in
            let values = [summary.p50, summary.p90, summary.p99, summary.p999, summary.max]
            let cells = values.map { "<td>\(DecimalText.duration(microseconds: $0))</td>" }.joined()
            return "<tr><th>\(Markup.escaped(name))</th><td>\(DecimalText.grouped(summary.count))</td>\(cells)</tr>"
        }.joined()
        return "<div class=\"wide\"><table><thead><tr>\(head)</tr></thead><tbody>\(body)</tbody></table></div>"
    }

    private var verificationTable: String {
        let rows: [(String, UInt64, Bool)] = [
            ("lost", tally.lost, true), ("duplicated", tally.duplicated, true), ("reordered", tally.reordered, true),
            ("foreign", tally.foreign, true), ("contradictions", tally.contradictions, true),
            ("missing, but named by LAG", tally.lagged, false), ("not sent in time", unsent, false),
        ]
        let body = rows.map { name, count, isFault in
            "<tr><th>\(name)</th><td class=\"\(isFault && count > 0 ? "bad" : "")\">\(DecimalText.grouped(count))</td></tr>"
        }.joined()
        return "<table><tbody>\(body)</tbody></table>"
    }

    private static let style = """
        :root{color-scheme:light dark;--back:#fbfbfd;--card:#fff;--text:#1d2330;--soft:#667085;--edge:#e3e6ee;--a:#2563eb;--b:#d97706;--c:#c026d3;--good:#15803d;--bad:#b91c1c}
        @media (prefers-color-scheme:dark){:root{--back:#0f131a;--card:#171c26;--text:#e6e9f0;--soft:#98a2b3;--edge:#2a3140;--a:#60a5fa;--b:#fbbf24;--c:#e879f9;--good:#4ade80;--bad:#f87171}}
        body{margin:0;background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif}
        main{max-width:1080px;margin:0 auto;padding:24px}
        h1{font-size:22px;margin:0}h2{font-size:16px;margin:28px 0 8px}header p{color:var(--soft);margin:4px 0 18px}
        .verdict{font-size:13px;padding:2px 10px;border-radius:12px;border:1px solid currentColor;vertical-align:3px}
        .good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
        .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(155px,1fr));gap:12px}.card{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:12px 16px}
        .card b{display:block;font-size:22px;font-variant-numeric:tabular-nums}.card span{color:var(--soft);font-size:13px}
        .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:12px;margin-top:16px}
        figure{margin:0;background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:12px}figcaption{font-weight:600;margin-bottom:4px}
        .key{font-weight:400;font-size:13px;margin-left:12px}.key::before{content:"";display:inline-block;width:14px;height:3px;margin:0 5px 4px 0;background:currentColor}
        .key0{color:var(--a)}.key1{color:var(--b)}.key2{color:var(--c)}
        svg{width:100%;height:auto;display:block}.grid{stroke:var(--edge)}.axis{fill:var(--soft);font-size:12px}
        .line{fill:none;stroke-width:2;stroke-linejoin:round}.line0{stroke:var(--a)}.line1{stroke:var(--b)}.line2{stroke:var(--c)}
        .hover{fill:transparent;stroke:transparent}.hover.line0:hover{fill:var(--a)}.hover.line1:hover{fill:var(--b)}.hover.line2:hover{fill:var(--c)}
        table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:5px 14px 5px 0;text-align:right;border-bottom:1px solid var(--edge)}tbody th{text-align:left;font-weight:400;color:var(--soft)}thead th{font-weight:400;color:var(--soft)}
        .wide{overflow-x:auto}.errors{border-left:3px solid var(--bad);padding-left:16px}
        details{margin-top:28px}summary{cursor:pointer;color:var(--soft)}pre{overflow-x:auto;background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:14px;font-size:13px}
        """
}
