/// A list that needs no storage of its own while it has at most one element, as nearly every list of its kind has.
struct ShortList<Element> {
    private var head: Element?
    /// What comes behind the first element.
    private var rest: ContiguousArray<Element> = []
}

extension ShortList: RandomAccessCollection, MutableCollection, RangeReplaceableCollection {
    var startIndex: Int { 0 }

    var endIndex: Int { head == nil ? 0 : rest.count + 1 }

    subscript(position: Int) -> Element {
        get {
            if position > 0 { return rest[position - 1] }
            guard position == 0, let head else { preconditionFailure("no element has this place") }
            return head
        }
        set {
            if position > 0 { return rest[position - 1] = newValue }
            precondition(position == 0 && head != nil, "no element has this place")
            head = newValue
        }
    }

    // Long lists are searched like arrays, not place by place.

    func first(where isWanted: (Element) -> Bool) -> Element? {
        if let head, isWanted(head) { return head }
        return rest.first(where: isWanted)
    }

    func firstIndex(where isWanted: (Element) -> Bool) -> Int? {
        if let head, isWanted(head) { return 0 }
        return rest.firstIndex(where: isWanted).map { $0 + 1 }
    }

    mutating func append(_ element: Element) {
        if head == nil { head = element } else { rest.append(element) }
    }

    @discardableResult
    mutating func remove(at position: Int) -> Element {
        let element = self[position]
        if position > 0 {
            rest.remove(at: position - 1)
        } else {
            head = rest.isEmpty ? nil : rest.removeFirst()
        }
        if rest.isEmpty { rest = [] }
        return element
    }

    mutating func replaceSubrange(_ range: Range<Int>, with elements: some Collection<Element>) {
        var all = ContiguousArray(self)
        all.replaceSubrange(range, with: elements)
        head = all.first
        rest = all.count > 1 ? ContiguousArray(all.dropFirst()) : []
    }
}

extension ShortList: ExpressibleByArrayLiteral {
    init(arrayLiteral elements: Element...) { self.init(elements) }
}
