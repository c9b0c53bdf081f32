import ChatProtocol

/// What went wrong, for people: the broker's own words where it has some, and never a name of the protocol's.
enum FailureWords {
    static func text(_ failure: Failure) -> String { text(failure.code, failure.reason) }

    static func text(_ code: ResultCode, _ reason: String?) -> String {
        if let reason, !reason.isEmpty { return reason }
        return words[code] ?? "the broker refused (code \(code.rawValue))"
    }

    private static let words: [ResultCode: String] = [
        .authFailed: "not the name and password of an account", .mechUnsupported: "that way to log in is not offered here",
        .suspended: "the account is suspended", .replaced: "a newer connection took this one's place", .timeout: "too much time passed",
        .forbidden: "that is not permitted", .exists: "that name is in use", .badName: "that is no name",
        .noSuchRoom: "there is no such room",
        .noSuchUser: "there is no such user", .notJoined: "you are not in that room", .bodyTooLarge: "the text is too long",
        .badText: "a text with characters that are not taken", .overloaded: "the broker has too much to do; try again later",
        .shuttingDown: "the broker is shutting down", .storeFailed: "the broker cannot store it at present; nothing was said",
        .outcomeUnknown: "it was said, but it may not last", .rateLimited: "too fast", .tooManyRooms: "you are in too many rooms",
        .tooManyRequests: "too much at once", .quota: "the broker has as much of it as it may",
        .notImplemented: "this broker does not offer that",
        .internalFault: "the broker has a fault", .slowConsumer: "too little was read",
    ]
}
