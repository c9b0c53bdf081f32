/// “Did you mean …?”
enum Suggestion {
    /// The word of `candidates` that `word` most likely stands for, or nil if none is near.
    ///
    /// Near is at most one edit in three letters, and always one edit.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        let letters = Array(word.lowercased().utf8)
        let bound = max(1, letters.count / 3)
        let measured = candidates.map { (candidate: $0, distance: distance(letters, Array($0.lowercased().utf8))) }
        guard let best = measured.min(by: { $0.distance < $1.distance }), best.distance <= bound else { return nil }
        return best.candidate
    }

    /// A key of ``Setting/all`` near to `key`: the same name in another table, or else a like name in this table, or else a like name anywhere.
    static func key(near key: String) -> String? {
        let name = key.split(separator: ".").last.map(String.init) ?? key
        if let same = Setting.all.first(where: { $0.name == name }) { return same.key }
        let table = nearest(to: String(key.prefix { $0 != "." }), among: Setting.all.map(\.table))
        let here = Setting.all.filter { $0.table == table }
        guard let like = nearest(to: name, among: here.map(\.name)) ?? nearest(to: name, among: Setting.all.map(\.name)) else { return nil }
        return (here + Setting.all).first { $0.name == like }?.key
    }

    /// An environment name of ``Setting/all`` near to `name`, found like a key.
    static func environmentName(near name: String) -> String? {
        let tables = Set(Setting.all.map(\.table))
        guard let table = tables.first(where: { name.hasPrefix("BROKER_\($0.uppercased())_") }) else {
            return nearest(to: name, among: Setting.all.map(\.environmentName))
        }
        let rest = name.dropFirst("BROKER_\(table)_".count).lowercased()
        return key(near: table + "." + rest).flatMap(Setting.named)?.environmentName
    }

    /// The number of octets to insert, remove, replace or swap with their neighbour between `first` and `second` (optimal string alignment).
    static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
        guard !first.isEmpty, !second.isEmpty else { return max(first.count, second.count) }
        var beforePrevious: [Int] = []
        var previous = Array(0...second.count)
        for row in 1...first.count {
            var current = [row] + Array(repeating: 0, count: second.count)
            for column in 1...second.count {
                let isSame = first[row - 1] == second[column - 1]
                var best = min(previous[column] + 1, current[column - 1] + 1, previous[column - 1] + (isSame ? 0 : 1))
                if row > 1, column > 1, first[row - 1] == second[column - 2], first[row - 2] == second[column - 1] {
                    best = min(best, beforePrevious[column - 2] + 1)
                }
                current[column] = best
            }
            beforePrevious = previous
            previous = current
        }
        return previous[second.count]
    }
}
