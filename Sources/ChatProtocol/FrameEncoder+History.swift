import Bytes

extension ByteWriter {
    mutating func append(_ history: ReadHistory) {
        append(.room, address: history.room)
        append(.thread, number: history.thread)
        append(.epoch, number: history.epoch)
        append(.fromSeq, number: history.fromSeq)
        append(.toSeq, number: history.toSeq)
        append(.limit, number: history.limit)
        append(.direction, number: (history.direction?.rawValue).map(UInt64.init))
    }

    mutating func append(_ batch: Batch) {
        append(.room, address: batch.room)
        append(.epoch, number: batch.epoch)
        append(.head, number: batch.head)
        append(.floor, number: batch.floor)
        append(.fromSeq, number: batch.fromSeq)
        append(.toSeq, number: batch.toSeq)
        append(.frames, bytes: batch.frames)
    }

    mutating func append(_ resume: Resume) {
        append(
            resume.items.map { item in
                var group = ByteWriter(minimumCapacity: 128)
                group.append(.room, address: item.room)
                group.append(.seq, number: item.cursor.seq)
                group.append(.epoch, number: item.cursor.epoch)
                return group.finish()
            })
        append(.tail, number: resume.tail)
    }

    mutating func append(_ rooms: [ResumedRoom]) {
        append(
            rooms.map { room in
                var group = ByteWriter(minimumCapacity: 128)
                group.append(.room, address: room.room)
                group.append(.epoch, number: room.epoch)
                group.append(.head, number: room.head)
                group.append(.floor, number: room.floor)
                group.append(.next, number: room.next)
                group.append(.code, number: (room.code?.rawValue).map(UInt64.init))
                return group.finish()
            })
    }

    /// Appends `items`, each behind its length.
    private mutating func append(_ groups: [SharedBytes]) {
        precondition(groups.count <= Int(Field.items.maximum), "a list of too many items")
        var list = ByteWriter(minimumCapacity: 1024)
        for group in groups {
            list.appendVariableLength(group.count)
            list.append(group)
        }
        append(.items, groups: list.finish())
    }
}
