import LibUV
import Logging

/// Log messages as lines: when, how grave, who, the facts, where in the program, and the message. No loop waits for them to be read.
struct LineLogHandler: LogHandler {
    private let label: String
    private let pipe: LinePipe
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    init(label: String, to pipe: LinePipe) {
        self.label = label
        self.pipe = pipe
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let facts = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        pipe.write("\(LocalTime.now) \(event.level) \(label):\(facts) [\(event.source)] \(event.message)")
    }
}
