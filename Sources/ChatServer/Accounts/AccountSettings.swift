import ChatConfiguration
import ChatProtocol
import SASL

/// What the judge of credentials goes by.
struct AccountSettings: Sendable {
    let directory: String
    let accountsMax: Int
    /// For each address; 0: no limit.
    let registrationsPerHourMax: Int
    let iterationCountMin: Int
    let tokenMilliseconds: UInt64
    let bearer: Bearer?

    struct Bearer: Sendable {
        let keysFile: String
        let rules: WebTokenRules
    }

    /// nil: the broker keeps no accounts, because it has nowhere to keep them.
    init?(_ configuration: Configuration) {
        guard !configuration.runtime.dataDirectory.isEmpty else { return nil }
        directory = configuration.runtime.dataDirectory
        let accounts = configuration.accounts
        accountsMax = accounts.accountsMax
        registrationsPerHourMax = accounts.registrationsPerHourMax
        iterationCountMin = accounts.iterationsMin
        tokenMilliseconds = UInt64(accounts.tokenSeconds) * 1_000
        bearer =
            accounts.bearerKeysFile.isEmpty
            ? nil
            : Bearer(
                keysFile: accounts.bearerKeysFile,
                rules: WebTokenRules(
                    issuer: accounts.bearerIssuer, audience: accounts.bearerAudience, subjectClaim: accounts.bearerSubjectClaim))
    }
}

/// What the adapter knows of the connection on which somebody logs in.
struct ChannelEvidence: Sendable {
    var address = ""
    /// `tls-exporter` (RFC 9266); nil without TLS 1.3.
    var exporter: [UInt8]?
    /// The account that the client's certificate names.
    var certificateName: AccountName?
}
