import Foundation
import FoundationXML
import Histogram
import Testing

@testable import LoadGenerator

@Suite struct ReportTests {
    private func makeReport(isClean: Bool = true) throws -> LoadReport {
        var configuration = LoadConfiguration(scenario: .fanout, target: try LoadTarget(url: "broker://127.0.0.1:7400"))
        configuration.stalled = 3
        var report = LoadReport(configuration: configuration)
        report.run = "0000002a"
        report.measuredSeconds = 10
        report.deliveries = 5_000_000
        report.publishes = 50_000
        report.latency.count = 5_000_000
        (report.latency.p50, report.latency.p99, report.latency.max) = (800, 1_250, 2_000_000)
        report.steps = [("log in", report.latency)]
        report.series = (1...40).map {
            SeriesPoint(seconds: Double($0) / 4, deliveriesPerSecond: 500_000 + Double($0), p50: 800, p99: 1_200, max: UInt64($0) * 1_000)
        }
        report.percentiles = [(0, 10), (50, 800), (90, 900), (99, 1_250), (99.9, 40_000), (100, 2_000_000)]
        report.server = ServerUsage(
            processID: 7, cpuSeconds: 1.25, systemSeconds: 0.75, cpuSecondsPerMillionDeliveries: 0.25, residentByteCountBefore: 1,
            residentByteCountReady: 2, residentByteCount: 20_000_000, residentByteCountMax: 21_000_000, residentByteCountPerConnection: 650)
        if !isClean {
            report.tally.lost = 1
            report.errors = ["ERROR 700 <script>\"rate\" & \\ \n\u{1}</script>"]
        }
        return report
    }

    @Test(arguments: [true, false]) func jsonHasTheShapeThatIsPromised(isClean: Bool) throws {
        let report = try makeReport(isClean: isClean)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any])
        #expect(object["deliveries"] as? Int == 5_000_000)
        #expect(object["deliveries_per_second"] as? Double == 500_000)
        #expect(object["clean"] as? Bool == isClean)
        for key in ["publishes", "acknowledged", "lost", "duplicated", "reordered", "foreign", "lagged"] {
            #expect(object[key] is Int, "\(key)")
        }
        #expect(object["lost"] as? Int == (isClean ? 0 : 1))
        #expect(object["errors"] as? [String] == report.errors)
        for key in ["latency_us", "ack_latency_us"] {
            let latency = try #require(object[key] as? [String: Any])
            for percentile in ["p50", "p90", "p99", "p999", "max"] { #expect(latency[percentile] is Int) }
        }
        let server = try #require(object["server"] as? [String: Any])
        #expect(server["cpu_seconds_per_million_deliveries"] as? Double == 0.25)
        #expect(server["cpu_seconds"] as? Double == 1.25)
        #expect(server["system_seconds"] as? Double == 0.75)
        #expect(server["rss_bytes"] as? Int == 20_000_000)
        let configuration = try #require(object["config"] as? [String: Any])
        #expect(configuration["members"] as? Int == 100)
        #expect(configuration["rate"] is NSNull)
    }

    @Test func jsonWithoutAServerOrDeliveries() throws {
        var report = try makeReport()
        report.server = nil
        report.deliveries = 0
        report.measuredSeconds = 0
        let object = try #require(try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any])
        #expect(object["server"] is NSNull)
        #expect(object["deliveries_per_second"] as? Double == 0)
    }

    @Test(arguments: [true, false]) func thePageIsWellFormedAndRefersToNothing(isClean: Bool) throws {
        let page = try makeReport(isClean: isClean).html
        let parser = XMLParser(data: Data(page.utf8))
        #expect(parser.parse(), "\(String(describing: parser.parserError)) in line \(parser.lineNumber)")
        for reference in ["http:", "https:", "src=", "href=", "url(", "@import", "<script"] {
            #expect(!page.contains(reference), "\(reference)")
        }
        #expect(page.components(separatedBy: "<svg").count - 1 == 3)
        #expect(page.contains("prefers-color-scheme:dark"))
        #expect(page.contains(isClean ? ">clean<" : ">failed<"))
        #expect(!page.contains("nan") && !page.contains("inf<"))
    }

    @Test func aPageOfARunThatDeliveredNothing() throws {
        let configuration = LoadConfiguration(scenario: .idle, target: try LoadTarget(url: "broker://127.0.0.1:7400"))
        let page = LoadReport(configuration: configuration).html
        #expect(XMLParser(data: Data(page.utf8)).parse())
    }

    @Test func theTableSaysWhetherItIsClean() throws {
        #expect(try makeReport().table.contains("everything came, once, in order"))
        let failed = try makeReport(isClean: false).table
        #expect(failed.contains("FAILED"))
        #expect(failed.contains("error: ERROR 700"))
        #expect(failed.contains("0.250 s per million deliveries"))
    }

    @Test func writesNumbersForPeople() {
        #expect(DecimalText.grouped(UInt64(1_234_567)) == "1,234,567")
        #expect(DecimalText.grouped(UInt64(123)) == "123")
        #expect(DecimalText.fixed(1.005, decimals: 2) == "1.00" || DecimalText.fixed(1.005, decimals: 2) == "1.01")
        #expect(DecimalText.fixed(-0.001, decimals: 2) == "0.00")
        #expect(DecimalText.fixed(0.05, decimals: 3) == "0.050")
        #expect(DecimalText.trimmed(2.50, decimals: 3) == "2.5")
        #expect(DecimalText.trimmed(200, decimals: 3) == "200")
        #expect(DecimalText.duration(microseconds: 999) == "999 µs")
        #expect(DecimalText.duration(microseconds: 1_250) == "1.25 ms")
        #expect(DecimalText.duration(microseconds: 2_000_000) == "2.00 s")
    }

    @Test func readsProcessTimesWhateverTheProgramIsCalled() throws {
        let stat = "12 (a b) c) S 1 2 3 4 5 6 7 8 9 10 111 222 0 0 20 0 3 0 99"
        let ticks = try #require(ProcessSample.ticks(stat: stat))
        #expect(ticks.user == 111 && ticks.system == 222)
        #expect(ProcessSample.ticks(stat: "12 (x) S 1") == nil)
        #expect(ProcessSample.kibibytes("VmRSS:", status: "Name:\tx\nVmHWM:\t  900 kB\nVmRSS:\t  812 kB\n") == 812)
    }

    @Test func samplesItself() throws {
        let sample = try #require(ProcessSample(processID: ProcessInfo.processInfo.processIdentifier))
        #expect(sample.residentByteCount > 1 << 20)
        #expect(sample.residentByteCountMax >= sample.residentByteCount)
        #expect(ProcessSample(processID: Int32.max) == nil)
    }

    @Test func percentilesGetFinerTowardsTheEnd() {
        var histogram = LatencyRecorder.makeHistogram()
        for value in 1...10_000 as ClosedRange<UInt64> { histogram.record(value) }
        let points = ReportBuilder.percentiles(histogram)
        #expect(points.first?.percentile == 0)
        #expect(points.last?.percentile == 100)
        #expect(points.contains { abs($0.percentile - 99.9) < 1e-6 })
        #expect(zip(points, points.dropFirst()).allSatisfy { $0.percentile <= $1.percentile && $0.microseconds <= $1.microseconds })
    }

    @Test func intervalsAddUpToTheWhole() {
        var recorder = LatencyRecorder()
        for value in 1...100 as ClosedRange<UInt64> {
            recorder.record(nanoseconds: value * 1_000)
            if value == 30 { recorder.closeInterval() }
        }
        #expect(recorder.intervals.map(\.totalCount) == [30])
        #expect(recorder.total.totalCount == 100)
        #expect(recorder.total.maxRecorded == 100)
        recorder.record(nanoseconds: .max)
        #expect(recorder.total.totalCount == 101)
    }

    @Test func findsLogsThatDiverge() {
        func digest(_ log: Int, _ digest: UInt64, _ isUniform: Bool = true) -> LogDigest {
            LogDigest(log: log, digest: digest, isUniform: isUniform)
        }
        #expect(ReportBuilder.divergedLogs([digest(0, 1), digest(1, 2), digest(0, 1)]) == 0)
        #expect(ReportBuilder.divergedLogs([digest(0, 1), digest(1, 2), digest(0, 3), digest(1, 2, false)]) == 2)
    }

    @Test func errorsAreCountedAndBounded() {
        var errors = ErrorLog()
        for _ in 0..<3 { errors.add("again") }
        for index in 0..<100 { errors.add("kind \(index)") }
        #expect(errors.lines.contains("again (3 times)"))
        #expect(errors.lines.count == ErrorLog.distinctCountMax + 1)
    }
}
