import ArgumentParser

/// What the scripted verbs have besides the options of every command.
struct VerbOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The broker; may also stand before the verb.", valueName: "url"))
    var url: String?

    @Option(help: ArgumentHelp("Give up after so many seconds.", valueName: "seconds"))
    var timeout: Double = 10

    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard timeout > 0, timeout <= 86_400 else { throw ValidationError("--timeout is more than 0 and at most 86400 seconds") }
    }

    var timeoutMilliseconds: UInt64 { UInt64((timeout * 1000).rounded(.up)) }
}
