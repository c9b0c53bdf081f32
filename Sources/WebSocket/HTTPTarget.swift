/// What a request is for (RFC 9112 section 3.2).
struct HTTPTarget: Sendable {
    let path: String
    let query: String?

    /// - Parameter target: without spaces and control characters.
    init(_ target: String, method: String) throws(HTTPRefusal) {
        switch method {
        case "CONNECT":
            guard HTTPSyntax.isHost(target) else { throw HTTPRefusal(.badRequest, "CONNECT to what is no host") }
            path = target
            query = nil
            return
        case "OPTIONS" where target == "*", "PRI" where target == "*":
            path = target
            query = nil
            return
        default: break
        }
        var target = Substring(target)
        if !target.hasPrefix("/") {
            // The absolute form, which every server must take, names the host once more.
            let lower = HTTPSyntax.lowercased(target)
            guard let scheme = ["http://", "https://"].first(where: lower.hasPrefix) else {
                throw HTTPRefusal(.badRequest, "a target that is no path")
            }
            target = target.dropFirst(scheme.utf8.count)
            let end = target.firstIndex { $0 == "/" || $0 == "?" } ?? target.endIndex
            guard HTTPSyntax.isHost(String(target[..<end])) else { throw HTTPRefusal(.badRequest, "a target without a host") }
            target = target[end...]
            if !target.hasPrefix("/") { target = "/" + target }
        }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        query = parts.count == 2 ? String(parts[1]) : nil
    }
}
