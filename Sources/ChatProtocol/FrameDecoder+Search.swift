import Bytes

extension FrameDecoder {
    static func search(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Search {
        let room = try fields.addressIfPresent(.room, in: payload)
        let from = try fields.nameIfPresent(.from, in: payload)
        let limit = try fields.numberIfPresent(.limit, in: payload)
        let until = try fields.numberIfPresent(.until, in: payload)
        let cursor = try fields.bytesIfPresent(.cursor, in: payload)
        let query = try fields.text(.query, in: payload)
        let since = try fields.numberIfPresent(.since, in: payload)
        return Search(query: query, room: room, from: from, since: since, until: until, limit: limit, cursor: cursor)
    }

    static func found(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Found {
        let cursor = try fields.bytesIfPresent(.cursor, in: payload)
        let isIncomplete = try fields.flag(.incomplete, in: payload)
        return Found(frames: try frames(&fields, payload), cursor: cursor, isIncomplete: isIncomplete)
    }
}
