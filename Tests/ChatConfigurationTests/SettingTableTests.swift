import Testing

@testable import ChatConfiguration

@Suite struct SettingTableTests {
    static let keys = Setting.all.map(\.key)

    /// A field without a setting could not be decided by anybody; a setting on the wrong field would decide something else.
    @Test func everyFieldHasTheSettingOfItsName() {
        var fields: [String] = []
        for group in Mirror(reflecting: Configuration()).children {
            for field in Mirror(reflecting: group.value).children {
                fields.append(Self.snakeCase(group.label ?? "") + "." + Self.snakeCase(field.label ?? ""))
            }
        }
        #expect(fields == Setting.all.map(\.key))
    }

    /// Every setting is written alone, and found again where it was written: two settings never share a field.
    @Test(arguments: keys) func writesItsOwnFieldOnly(key: String) throws {
        let setting = try #require(Setting.named(key))
        var configuration = Configuration()
        #expect(setting.set(Self.another(setting), in: &configuration))
        #expect(setting.value(in: configuration) == Self.another(setting))
        #expect(Setting.all.filter { $0.value(in: configuration) != $0.defaultValue }.map(\.key) == [setting.key])
    }

    @Test(arguments: keys) func acceptsItsDefault(key: String) throws {
        let setting = try #require(Setting.named(key))
        var configuration = Configuration()
        #expect(setting.set(setting.defaultValue, in: &configuration))
        #expect(configuration == Configuration())
    }

    @Test(arguments: keys) func holdsItsBounds(key: String) throws {
        let setting = try #require(Setting.named(key))
        var accepted: [SettingValue] = []
        var refused: [SettingValue] = []
        switch setting.shape {
        case .integer(let range):
            accepted = [.integer(range.lowerBound), .integer(range.upperBound)]
            refused = [.integer(range.lowerBound - 1), .integer(range.upperBound + 1), .text("1"), .boolean(true)]
        case .boolean:
            accepted = [.boolean(true), .boolean(false)]
            refused = [.text("true"), .integer(1)]
        case .text(let range):
            accepted = [.text(String(repeating: "x", count: range.lowerBound)), .text(String(repeating: "x", count: range.upperBound))]
            refused = [.text(String(repeating: "x", count: range.upperBound + 1)), .text("a\u{1B}[2J"), .text("a\nb"), .integer(1)]
            if range.lowerBound > 0 { refused.append(.text(String(repeating: "x", count: range.lowerBound - 1))) }
        case .choice(let words):
            accepted = words.map { .text($0) }
            refused = [.text("something else"), .text(""), .integer(1)]
        case .addresses(let range):
            accepted = [.texts(["127.0.0.1:0"]), .texts(Array(repeating: "[::1]:1", count: range.upperBound))]
            refused = [
                .texts(Array(repeating: "[::1]:1", count: range.upperBound + 1)), .texts(["name:1"]), .text("127.0.0.1:0"),
            ]
            if range.lowerBound == 0 { accepted.append(.texts([])) } else { refused.append(.texts([])) }
        }
        for value in accepted {
            var configuration = Configuration()
            #expect(setting.set(value, in: &configuration), "\(value)")
            #expect(setting.value(in: configuration) == value)
        }
        for value in refused {
            var configuration = Configuration()
            #expect(!setting.set(value, in: &configuration), "\(value)")
            #expect(configuration == Configuration())
        }
    }

    @Test func namesAreDistinct() {
        #expect(Set(Setting.all.map(\.key)).count == Setting.all.count)
        #expect(Set(Setting.all.map(\.environmentName)).count == Setting.all.count)
        let flags = Setting.all.compactMap(\.flag)
        #expect(Set(flags).count == flags.count)
    }

    @Test func environmentNamesFollowFromKeys() throws {
        let setting = try #require(Setting.named("limits.connections_max"))
        #expect(setting.environmentName == "BROKER_LIMITS_CONNECTIONS_MAX")
        #expect(setting.table == "limits")
        #expect(setting.name == "connections_max")
    }

    /// The bounds alone make sure of this; a check at start would be one that cannot fail.
    @Test func anyAcceptedBodyFitsIntoAnyAcceptedFrame() throws {
        let body = try #require(Setting.named("limits.body_byte_count_max"))
        let frame = try #require(Setting.named("limits.frame_byte_count_max"))
        guard case .integer(let bodies) = body.shape, case .integer(let frames) = frame.shape else {
            Issue.record("both are numbers")
            return
        }
        #expect(bodies.upperBound <= frames.lowerBound)
    }

    /// Within the bounds, and not the default.
    private static func another(_ setting: Setting) -> SettingValue {
        switch (setting.shape, setting.defaultValue) {
        case (.integer(let range), .integer(let number)): .integer(number == range.upperBound ? number - 1 : number + 1)
        case (.boolean, .boolean(let isTrue)): .boolean(!isTrue)
        case (.choice(let words), .text(let word)): .text(words.first { $0 != word } ?? "")
        case (.addresses, _): .texts(["127.0.0.2:1"])
        default: .text("another")
        }
    }

    private static func snakeCase(_ name: String) -> String {
        name.map { $0.isUppercase ? "_" + $0.lowercased() : String($0) }.joined()
    }
}
