/// One thing an operator can decide: its key, its shape, its bounds and where it lives in ``Configuration``.
///
/// The TOML file, the environment, the flags, `broker --list-settings`, the messages about mistakes and the test of `config/broker.toml` are all
/// derived from ``all``; a setting is described nowhere else in code. Its default is what `Configuration()` holds.
public struct Setting: Sendable {
    /// What values a setting takes. Bounds are inclusive.
    public enum Shape: Sendable, Equatable {
        /// A whole number in a range.
        case integer(ClosedRange<Int>)
        /// `true` or `false`.
        case boolean
        /// Text without control characters, with so many octets of UTF-8.
        case text(byteCount: ClosedRange<Int>)
        /// One of these words.
        case choice([String])
        /// A list of ``ListenAddress``, with so many elements.
        case addresses(count: ClosedRange<Int>)
    }

    /// The key in the TOML file, with its table: `limits.connections_max`.
    public let key: String
    /// What values it takes.
    public let shape: Shape
    /// What it does, in one sentence for operators, without its bounds.
    public let explanation: String
    /// The flag of `broker` that sets it, if there is one: `--loops`.
    public let flag: String?

    let read: @Sendable (Configuration) -> SettingValue
    let write: @Sendable (SettingValue, inout Configuration) -> Bool

    /// The table of the TOML file: `limits`.
    public var table: String { String(key.prefix { $0 != "." }) }
    /// The key within its table: `connections_max`.
    public var name: String { String(key.drop { $0 != "." }.dropFirst()) }
    /// The environment variable that sets it: `BROKER_LIMITS_CONNECTIONS_MAX`.
    public var environmentName: String { "BROKER_" + key.uppercased().map { $0 == "." ? "_" : String($0) }.joined() }
    /// Its value where nobody decided otherwise.
    public var defaultValue: SettingValue { read(Configuration()) }
    /// Its value in `configuration`.
    public func value(in configuration: Configuration) -> SettingValue { read(configuration) }

    /// The values it takes, in words that complete “accepted: …”.
    public var accepted: String {
        switch shape {
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .boolean: "true or false"
        case .text(let range) where range.lowerBound == 0: "text of at most \(range.upperBound) octets, without control characters"
        case .text(let range): "text of \(range.lowerBound) to \(range.upperBound) octets, without control characters"
        case .choice(let words): "one of " + words.map { "\"\($0)\"" }.joined(separator: ", ")
        case .addresses(let range):
            "\(range.lowerBound) to \(range.upperBound) numeric addresses with a port, such as \"127.0.0.1:7400\" or \"[::]:7400\""
        }
    }

    /// Writes `value` into `configuration` if it is within the bounds; false, and no change, if it is not.
    func set(_ value: SettingValue, in configuration: inout Configuration) -> Bool {
        switch (shape, value) {
        case (.integer(let range), .integer(let number)):
            guard range.contains(number) else { return false }
        case (.text(let range), .text(let text)):
            guard range.contains(text.utf8.count), !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
            else { return false }
        case (.addresses(let range), .texts(let texts)):
            guard range.contains(texts.count) else { return false }
        case (.boolean, .boolean), (.choice, .text):
            break
        default:
            return false
        }
        return write(value, &configuration)
    }

    /// Reads what the environment or a flag says; nil if the words have another shape. An address list is separated by commas.
    func value(ofWords words: String) -> SettingValue? {
        switch shape {
        case .integer: Int(words).map(SettingValue.integer)
        case .boolean: Bool(words).map(SettingValue.boolean)
        case .text, .choice: .text(words)
        case .addresses: .texts(words.split(separator: ",").map { String($0.drop { $0 == " " }) })
        }
    }
}

/// The value of a setting, as TOML knows it.
public enum SettingValue: Sendable, Equatable, CustomStringConvertible {
    /// A whole number.
    case integer(Int)
    /// `true` or `false`.
    case boolean(Bool)
    /// Text, or a word.
    case text(String)
    /// A list of texts.
    case texts([String])

    /// The value as it is written in TOML.
    public var description: String {
        switch self {
        case .integer(let number): String(number)
        case .boolean(let isTrue): String(isTrue)
        case .text(let text): Self.quoted(text)
        case .texts(let texts): "[" + texts.map(Self.quoted).joined(separator: ", ") + "]"
        }
    }

    /// `text` as a basic string of TOML 1.0. Control characters are escaped, so that a message about them cannot drive a terminal.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where scalar.properties.generalCategory == .control:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

extension Setting {
    /// Where a value of this type lives in ``Configuration``.
    typealias Field<Value> = any WritableKeyPath<Configuration, Value> & Sendable

    static func integer(
        _ key: String, _ field: Field<Int>, _ range: ClosedRange<Int>, flag: String? = nil,
        _ explanation: String
    ) -> Setting {
        Setting(key: key, shape: .integer(range), explanation: explanation, flag: flag) {
            .integer($0[keyPath: field])
        } write: { value, configuration in
            guard case .integer(let number) = value else { return false }
            configuration[keyPath: field] = number
            return true
        }
    }

    static func boolean(_ key: String, _ field: Field<Bool>, _ explanation: String) -> Setting {
        Setting(key: key, shape: .boolean, explanation: explanation, flag: nil) {
            .boolean($0[keyPath: field])
        } write: { value, configuration in
            guard case .boolean(let isTrue) = value else { return false }
            configuration[keyPath: field] = isTrue
            return true
        }
    }

    static func text(
        _ key: String, _ field: Field<String>, _ byteCount: ClosedRange<Int>, flag: String? = nil,
        _ explanation: String
    ) -> Setting {
        Setting(key: key, shape: .text(byteCount: byteCount), explanation: explanation, flag: flag) {
            .text($0[keyPath: field])
        } write: { value, configuration in
            guard case .text(let text) = value else { return false }
            configuration[keyPath: field] = text
            return true
        }
    }

    static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ key: String, _ field: Field<Choice>, flag: String? = nil, _ explanation: String
    ) -> Setting {
        Setting(key: key, shape: .choice(Choice.allCases.map(\.rawValue)), explanation: explanation, flag: flag) {
            .text($0[keyPath: field].rawValue)
        } write: { value, configuration in
            guard case .text(let word) = value, let choice = Choice(rawValue: word) else { return false }
            configuration[keyPath: field] = choice
            return true
        }
    }

    static func addresses(
        _ key: String, _ field: Field<[ListenAddress]>, _ count: ClosedRange<Int>, flag: String? = nil,
        _ explanation: String
    ) -> Setting {
        Setting(key: key, shape: .addresses(count: count), explanation: explanation, flag: flag) {
            .texts($0[keyPath: field].map(\.description))
        } write: { value, configuration in
            guard case .texts(let texts) = value else { return false }
            let addresses = texts.compactMap { ListenAddress($0) }
            guard addresses.count == texts.count else { return false }
            configuration[keyPath: field] = addresses
            return true
        }
    }
}
