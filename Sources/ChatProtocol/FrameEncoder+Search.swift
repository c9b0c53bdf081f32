import Bytes

extension ByteWriter {
    mutating func append(_ search: Search) {
        append(.room, address: search.room)
        append(.from, name: search.from)
        append(.limit, number: search.limit)
        append(.until, number: search.until)
        append(.cursor, bytes: search.cursor)
        append(.query, text: search.query)
        append(.since, number: search.since)
    }

    mutating func append(_ found: Found) {
        append(.cursor, bytes: found.cursor)
        append(.incomplete, flag: found.isIncomplete)
        append(.frames, bytes: found.frames)
    }
}
