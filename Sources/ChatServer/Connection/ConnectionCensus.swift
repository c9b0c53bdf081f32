import LibUV

/// How many connections there are: in all, from one address, without an account, and on each loop.
///
/// The one thing that all loops share. It is asked when a connection comes and when it goes, and before one is kept behind an answer
/// over HTTP, never for a message.
final class ConnectionCensus: Sendable {
    struct Limits: Sendable {
        let connectionsMax: Int
        let connectionsPerAddressMax: Int
        let unauthenticatedMax: Int
        let unauthenticatedPerAddressMax: Int
    }

    /// What is done with a connection.
    enum Verdict: Sendable {
        case welcome
        /// One too many: told so as soon as it can be.
        case refused
        /// Far too many: closed without a word.
        case shed
    }

    private struct Counts {
        var total = 0
        var unauthenticated = 0
        var byAddress: [String: (total: Int, unauthenticated: Int)] = [:]
        var byLoop: [Int]
    }

    /// How many connections above a limit are told why they are refused.
    private static let refusalsMax = 64

    private let limits: Limits
    private let countsByAddress: Bool
    private let counts: Guarded<Counts>

    init(limits: Limits, loopCount: Int) {
        self.limits = limits
        countsByAddress = limits.connectionsPerAddressMax > 0 || limits.unauthenticatedPerAddressMax > 0
        counts = Guarded(Counts(byLoop: Array(repeating: 0, count: loopCount)))
    }

    /// Connections of each loop at present.
    var countsByLoop: [Int] { counts.withLock { $0.byLoop } }

    /// The loop that a connection accepted on `loop` should live on: another one only if loads are far apart.
    func loop(forConnectionAcceptedOn loop: Int) -> Int {
        counts.withLock { counts in
            guard let least = counts.byLoop.indices.min(by: { counts.byLoop[$0] < counts.byLoop[$1] }) else { return loop }
            let tolerance = max(4, counts.byLoop[least] / 16)
            return counts.byLoop[loop] > counts.byLoop[least] + tolerance ? least : loop
        }
    }

    /// Whether fewer than a quarter of the places are free, in all or for that address: connections that are not needed now then give
    /// theirs back.
    func isCrowded(for peer: SocketAddress) -> Bool {
        let address = countsByAddress ? peer.host : ""
        return counts.withLock { counts in
            let known = counts.byAddress[address] ?? (0, 0)
            return Self.isCrowded(counts.total, of: limits.connectionsMax)
                || Self.isCrowded(counts.unauthenticated, of: limits.unauthenticatedMax)
                || Self.isCrowded(known.total, of: limits.connectionsPerAddressMax)
                || Self.isCrowded(known.unauthenticated, of: limits.unauthenticatedPerAddressMax)
        }
    }

    /// - Parameter limit: 0: none.
    private static func isCrowded(_ count: Int, of limit: Int) -> Bool { limit > 0 && count > limit - (limit + 3) / 4 }

    /// Counts a connection in, unless it is shed.
    func enter(from peer: SocketAddress, loop: Int) -> Verdict {
        let address = countsByAddress ? peer.host : ""
        return counts.withLock { counts in
            let known = counts.byAddress[address] ?? (0, 0)
            let excess = max(
                counts.total - limits.connectionsMax, counts.unauthenticated - limits.unauthenticatedMax,
                limits.connectionsPerAddressMax > 0 ? known.total - limits.connectionsPerAddressMax : -1,
                limits.unauthenticatedPerAddressMax > 0 ? known.unauthenticated - limits.unauthenticatedPerAddressMax : -1)
            guard excess < Self.refusalsMax else { return .shed }
            counts.total += 1
            counts.unauthenticated += 1
            counts.byLoop[loop] += 1
            if countsByAddress { counts.byAddress[address] = (known.total + 1, known.unauthenticated + 1) }
            return excess < 0 ? .welcome : .refused
        }
    }

    func noteAuthenticated(from peer: SocketAddress) {
        let address = countsByAddress ? peer.host : ""
        counts.withLock { counts in
            counts.unauthenticated -= 1
            if countsByAddress { counts.byAddress[address]?.unauthenticated -= 1 }
        }
    }

    func leave(from peer: SocketAddress, loop: Int, isAuthenticated: Bool) {
        let address = countsByAddress ? peer.host : ""
        counts.withLock { counts in
            counts.total -= 1
            if !isAuthenticated { counts.unauthenticated -= 1 }
            counts.byLoop[loop] -= 1
            guard countsByAddress, var known = counts.byAddress[address] else { return }
            known.total -= 1
            if !isAuthenticated { known.unauthenticated -= 1 }
            counts.byAddress[address] = known.total > 0 ? known : nil
        }
    }
}
