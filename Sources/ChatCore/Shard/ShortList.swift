/// A list that needs no storage of its own while it has at most one element, as nearly every list of its kind has.
struct ShortList<Element> {
    private enum Storage {
        case none
        case one(Element)
        case several(ContiguousArray<Element>)
    }

    private var storage = Storage.none
}

extension ShortList: RandomAccessCollection, MutableCollection, RangeReplaceableCollection {
    var startIndex: Int { 0 }

    var endIndex: Int {
        switch storage {
        case .none: 0
        case .one: 1
        case .several(let elements): elements.count
        }
    }

    subscript(position: Int) -> Element {
        get {
            switch storage {
            case .several(let elements): return elements[position]
            case .one(let element) where position == 0: return element
            case .one, .none: preconditionFailure("no element has this place")
            }
        }
        set { replaceSubrange(position..<(position + 1), with: CollectionOfOne(newValue)) }
    }

    mutating func replaceSubrange(_ range: Range<Int>, with elements: some Collection<Element>) {
        var all: ContiguousArray<Element>
        switch storage {
        case .none: all = []
        case .one(let element): all = [element]
        case .several(let several): all = several
        }
        // The storage is let go first, so that the elements are not copied.
        storage = .none
        all.replaceSubrange(range, with: elements)
        switch all.count {
        case 0: storage = .none
        case 1: storage = .one(all[0])
        default: storage = .several(all)
        }
    }
}

extension ShortList: ExpressibleByArrayLiteral {
    init(arrayLiteral elements: Element...) { self.init(elements) }
}
