import ChatCore
import ChatProtocol

/// What the broker, the network or the protocol refuses, as a sentence with its code.
enum FailureText {
    /// - Parameters:
    ///   - request: what was asked, if it is known: it makes the sentence say more.
    ///   - isConversation: whether commands of a conversation can be proposed.
    ///   - bodyByteCountMax: how much text the broker takes, if it is known.
    static func sentence(
        _ failure: Failure, for request: ClientRequest? = nil, isConversation: Bool = true, bodyByteCountMax: UInt64? = nil
    ) -> String {
        var text: String
        if let special = request.flatMap({ special(failure.code, $0) }) {
            text = special + (request.flatMap { isConversation ? hint(failure.code, $0) : verbHint(failure.code, $0) } ?? "")
        } else if failure.code == .exists, let reason = failure.reason, !reason.isEmpty {
            text = reason
        } else {
            text = general[failure.code] ?? "the broker refused"
            // The broker's own words, where they add something.
            if let reason = failure.reason, !reason.isEmpty, reason != text { text += ": " + reason }
        }
        if case .rename(let name)? = request, failure.code == .exists, failure.reason?.contains("account") == true {
            text = "the name \(name) has an account; broker-cli login --user \(name) logs in to it"
        }
        if failure.code == .bodyTooLarge, let bodyByteCountMax { text += "; at most \(bodyByteCountMax) octets are taken" }
        if let wait = failure.retryMilliseconds, wait > 0 { text += "; wait " + DurationText.seconds(milliseconds: wait) }
        return "\(text) (\(failure.code.rawValue) \(failure.code))"
    }

    private static func special(_ code: ResultCode, _ request: ClientRequest) -> String? {
        switch (request, code) {
        case (.join(let room, _), .noSuchRoom), (.leave(let room), .noSuchRoom), (.members(let room), .noSuchRoom),
            (.publish(let room, _, _), .noSuchRoom), (.refer(let room, _, _), .noSuchRoom), (.history(let room, _, _, _, _), .noSuchRoom):
            room.isConversation ? "there is no conversation \(room)" : "there is no room \(room)"
        case (.create(let room, _), .exists): "the room \(room) exists already"
        case (.leave(.lobby), .forbidden): "everybody is in the lobby, and nobody leaves it"
        case (.leave(let room), .notJoined): "you are not in \(room)"
        case (.history(let room, _, _, _, _), .notJoined): "you are not in \(room), so you cannot read it"
        case (.members(let room), .notJoined): "you are not in \(room), so you cannot see who is"
        case (.publish(let room, _, _), .notJoined), (.refer(let room, _, _), .notJoined): "you are not in \(room)"
        case (.refer(_, let draft, _), .forbidden): forbidden(draft.kind)
        case (.refer(_, let draft, _), .exists): draft.kind == .pin ? "that is pinned already" : "you have reacted so already"
        case (.refer(_, let draft, _), .noSuchEvent):
            draft.kind == .unreact
                ? "there is no such reaction of yours" : draft.kind == .unpin ? "that is not pinned" : "there is no such message"
        case (.refer, .rangeGone): "the broker no longer has that message"
        case (.refer(_, let draft, _), .badValue) where draft.kind == .react || draft.kind == .unreact:
            "a reaction is a sign or two, not a text"
        case (.directMessage(let user, _, _), .noSuchUser): "there is no user \(user)"
        case (.rename(let name), .exists): "the name \(name) is in use"
        case (.rename(let name), .badName): "\(name) is no name: " + nameRule
        default: nil
        }
    }

    private static func forbidden(_ kind: EventKind) -> String {
        switch kind {
        case .edit: "only its author edits a message"
        case .delete: "only its author or a moderator deletes a message"
        case .pin, .unpin: "only moderators pin messages here"
        default: "you may not publish here"
        }
    }

    private static func hint(_ code: ResultCode, _ request: ClientRequest) -> String? {
        switch (request, code) {
        case (.join(let room, _), .noSuchRoom) where !room.isConversation, (.publish(let room, _, _), .noSuchRoom),
            (.refer(let room, _, _), .noSuchRoom) where !room.isConversation:
            "; :cr \(room) creates it"
        case (.join, .noSuchRoom): "; the first message begins it"
        case (.create(let room, _), .exists), (.publish(let room, _, _), .notJoined), (.refer(let room, _, _), .notJoined):
            "; :jr \(room) enters it"
        case (.rename, .exists): "; :nick NAME takes another one"
        default: nil
        }
    }

    private static func verbHint(_ code: ResultCode, _ request: ClientRequest) -> String? {
        guard case .join(let room, _) = request, code == .noSuchRoom, !room.isConversation else { return nil }
        return "; broker-cli create \(room) makes it"
    }

    static let nameRule = "1 to 32 of a-z 0-9 . _ -, the first a letter or digit"
    static let roomRule = "1 to 64 of a-z 0-9 . _ - /, the first a letter or digit"

    private static let general: [ResultCode: String] = [
        .authFailed: "name or password is wrong",
        .mechUnsupported: "the broker does not admit guests; `broker-cli login` logs in to an account",
        .bindingMismatch: "somebody may be listening: the broker sees another connection than this one",
        .credentialExpired: "this device has to log in again (broker-cli login)",
        .sessionUnknown: "this device has to log in again (broker-cli login)",
        .forbidden: "that is not permitted",
        .banned: "you are banned from the room",
        .muted: "you may read but not write here",
        .inviteRequired: "the room is by invitation",
        .badName: "that is no name",
        .badText: "the text holds characters that are not accepted",
        .bodyTooLarge: "the text is too long",
        .noSuchRoom: "there is no such room",
        .noSuchUser: "there is no such user",
        .notJoined: "you are not in the room",
        .exists: "that name is in use",
        .internalFault: "the broker has a fault",
        .notImplemented: "the broker does not offer that",
        .overloaded: "the broker is overloaded; try later",
        .shuttingDown: "the broker is shutting down",
        .storeFailed: "the broker could not store it; it was not accepted",
        .retryTooOld: "the broker cannot tell any more whether it was accepted",
        .outcomeUnknown: "it was accepted, but it may not last",
        .rateLimited: "too fast",
        .tooManyRooms: "you are in too many rooms",
        .tooManyRequests: "too many requests at once",
        .tooManyConnections: "too many connections",
        .timeout: "too much time passed",
        .tlsRequired: "the broker wants TLS here: brokers:// instead of broker://",
        .replaced: "a newer connection took your place",
        .suspended: "the account is suspended",
        .slowConsumer: "this client did not read fast enough",
    ]

    static func sentence(_ loss: ConnectionLoss) -> String {
        switch loss {
        case .unreachable(let reason): "cannot connect: " + reason
        case .tls(let reason): "TLS failed: " + reason.replacingPrefix("TLS: ") + hint(reason)
        case .transport(let reason): reason
        case .endOfStream: "the broker closed the connection without a word"
        case .timeout: "no sign of life from the broker"
        case .goodbye(let goodbye) where goodbye.code == .ok: "the broker said goodbye"
        case .goodbye(let goodbye): sentence(Failure(goodbye.code, reason: goodbye.reason))
        case .loginRefused(let failure): sentence(failure)
        case .brokenProtocol(let code, let reason): "\(reason) (\(code.rawValue) \(code))"
        case .left: "left"
        }
    }

    /// What may help against a failure of TLS.
    private static func hint(_ reason: String) -> String {
        if reason.contains("issuer certificate") || reason.contains("self-signed") { return "; --ca FILE trusts an authority of your own" }
        if reason.contains("closed the connection") { return "; perhaps clear text is spoken there: broker://" }
        return ""
    }

    /// - Parameters: as above.
    static func sentence(_ reason: NotSent, for request: ClientRequest? = nil, bodyByteCountMax: UInt64? = nil) -> String {
        switch reason {
        case .deadline: "not sent: there was no connection in time"
        case .queueFull: "not sent: too much waits for the connection already"
        case .sessionEnded: "not sent: the session is over"
        case .unacceptable(let code):
            "not sent: " + sentence(Failure(code), for: request, bodyByteCountMax: bodyByteCountMax ?? Field.body.maximum)
        }
    }

    static func sentence(_ doubt: OutcomeDoubt, for request: ClientRequest) -> String {
        let head: String =
            switch request {
            case .publish, .directMessage, .refer: "it is unknown whether this was accepted: "
            case .create, .rename, .leave, .changePassword, .revoke: "it is unknown whether this had an effect: "
            case .join, .attach, .rooms, .members, .history, .search, .inbox, .ping, .typing, .presence, .mark, .devices:
                "there is no answer: "
            }
        switch doubt {
        case .deadline: return head + "no answer came in time"
        case .connectionLost: return head + "the connection was lost before the answer came"
        case .broker(let failure): return head + sentence(failure)
        }
    }
}

extension String {
    fileprivate func replacingPrefix(_ prefix: String) -> String {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self
    }
}
