import Glibc

/// Lends a file with these octets, and removes it afterwards.
func withTemporaryFile<Result>(octets: [UInt8], _ body: (_ path: String) throws -> Result) throws -> Result {
    var template = Array("/tmp/chat-configuration.XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw SystemFailure(code: errno) }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(path) }
    defer { close(descriptor) }
    var rest = octets[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { throw SystemFailure(code: errno) }
        rest = rest.dropFirst(count)
    }
    return try body(path)
}

/// Lends a file with this text, and removes it afterwards.
func withTemporaryFile<Result>(_ text: String, _ body: (_ path: String) throws -> Result) throws -> Result {
    try withTemporaryFile(octets: Array(text.utf8), body)
}

struct SystemFailure: Error {
    let code: Int32
}
