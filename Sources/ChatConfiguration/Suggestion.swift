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

    /// A key of ``Setting/all`` near to `key`: the same name in another table first.
    static func key(near key: String) -> String? {
        let name = key.split(separator: ".").last.map(String.init) ?? key
        return Setting.all.first { $0.name == name }?.key ?? nearest(to: key, among: Setting.all.map(\.key))
            ?? nearest(to: name, among: Setting.all.map(\.name)).flatMap { name in Setting.all.first { $0.name == name }?.key }
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
