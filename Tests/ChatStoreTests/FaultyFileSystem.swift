import CSQLite
import Synchronization

/// A file system for SQLite that refuses to write or to flush when a test says so (sqlite.org/vfs.html). Everything else is the system's.
final class FaultyFileSystem: Sendable {
    /// What is refused, and how.
    enum Fault: Int, CaseIterable, Sendable {
        case none, writesFindNoSpace, writesFail, flushesFail
    }

    let name: String
    private let fault = Atomic<Int>(0)
    /// Writes and flushes that still succeed before the fault begins.
    private let healthy = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    private let flushed = Atomic<Int>(0)
    // Made before the file system is registered, and never freed: SQLite may use it as long as the process lives.
    nonisolated(unsafe) private let own: UnsafeMutablePointer<sqlite3_vfs>
    nonisolated(unsafe) fileprivate let system: UnsafeMutablePointer<sqlite3_vfs>

    private static let count = Atomic<Int>(0)

    init() {
        name = "faulty-\(Self.count.add(1, ordering: .relaxed).newValue)"
        system = sqlite3_vfs_find(nil)!
        own = .allocate(capacity: 1)
        own.initialize(to: system.pointee)
        own.pointee.zName = UnsafePointer(strdupForever(name))
        own.pointee.pNext = nil
        own.pointee.szOsFile = system.pointee.szOsFile + Int32(MemoryLayout<FaultyFile>.stride)
        own.pointee.pAppData = Unmanaged.passRetained(self).toOpaque()
        own.pointee.xOpen = openFile
        sqlite3_vfs_register(own, 0)
    }

    /// Lets `count` more writes and flushes succeed and refuses the later ones.
    func begin(_ fault: Fault, after count: Int = 0) {
        healthy.store(count, ordering: .relaxed)
        self.fault.store(fault.rawValue, ordering: .releasing)
    }

    func end() { fault.store(0, ordering: .releasing) }

    /// How often something was refused.
    var refusals: Int { refused.load(ordering: .relaxed) }

    /// How often something was flushed.
    var flushes: Int { flushed.load(ordering: .acquiring) }

    fileprivate func noteFlush() { flushed.add(1, ordering: .releasing) }

    fileprivate func refusal(isFlush: Bool) -> Int32? {
        let fault = Fault(rawValue: fault.load(ordering: .acquiring)) ?? .none
        if fault == .none || isFlush != (fault == .flushesFail) { return nil }
        if healthy.subtract(1, ordering: .relaxed).oldValue > 0 { return nil }
        refused.add(1, ordering: .relaxed)
        switch fault {
        case .none: return nil
        case .writesFindNoSpace: return SQLITE_FULL
        case .writesFail: return SQLITE_IOERR | 3 << 8
        case .flushesFail: return SQLITE_IOERR | 4 << 8
        }
    }
}

/// What stands behind the system's part of each open file.
private struct FaultyFile {
    let files: Unmanaged<FaultyFileSystem>
    let system: UnsafePointer<sqlite3_io_methods>
}

private func faulty(_ file: UnsafeMutablePointer<sqlite3_file>) -> UnsafeMutablePointer<FaultyFile> {
    let systemByteCount = Int(sqlite3_vfs_find(nil)!.pointee.szOsFile)
    return (UnsafeMutableRawPointer(file) + systemByteCount).assumingMemoryBound(to: FaultyFile.self)
}

private func strdupForever(_ text: String) -> UnsafeMutablePointer<CChar> {
    let octets = Array(text.utf8CString)
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: octets.count)
    copy.initialize(from: octets, count: octets.count)
    return copy
}

/// The system's methods with two replaced, for each table of methods that the system uses. Kept as long as the process lives.
private let methods = Mutex<[UInt: UInt]>([:])

private func faultyMethods(_ system: UnsafePointer<sqlite3_io_methods>) -> UnsafePointer<sqlite3_io_methods> {
    let address = methods.withLock { methods in
        if let known = methods[UInt(bitPattern: system)] { return known }
        let copy = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        copy.initialize(to: system.pointee)
        copy.pointee.xWrite = writeFile
        copy.pointee.xSync = flushFile
        methods[UInt(bitPattern: system)] = UInt(bitPattern: copy)
        return UInt(bitPattern: copy)
    }
    return UnsafePointer(bitPattern: address)!
}

private let openFile:
    @convention(c) (
        UnsafeMutablePointer<sqlite3_vfs>?, sqlite3_filename?, UnsafeMutablePointer<sqlite3_file>?, Int32, UnsafeMutablePointer<Int32>?
    ) -> Int32 = { vfs, name, file, flags, outFlags in
        guard let vfs, let file else { return SQLITE_MISUSE }
        let files = Unmanaged<FaultyFileSystem>.fromOpaque(vfs.pointee.pAppData)
        let system = files.takeUnretainedValue().system
        let code = system.pointee.xOpen(system, name, file, flags, outFlags)
        guard let own = file.pointee.pMethods else { return code }
        faulty(file).initialize(to: FaultyFile(files: files, system: own))
        file.pointee.pMethods = faultyMethods(own)
        return code
    }

private let writeFile: @convention(c) (UnsafeMutablePointer<sqlite3_file>?, UnsafeRawPointer?, Int32, sqlite3_int64) -> Int32 = {
    file, octets, count, offset in
    let own = faulty(file!).pointee
    if let code = own.files.takeUnretainedValue().refusal(isFlush: false) { return code }
    return own.system.pointee.xWrite(file, octets, count, offset)
}

private let flushFile: @convention(c) (UnsafeMutablePointer<sqlite3_file>?, Int32) -> Int32 = { file, flags in
    let own = faulty(file!).pointee
    if let code = own.files.takeUnretainedValue().refusal(isFlush: true) { return code }
    let code = own.system.pointee.xSync(file, flags)
    if code == SQLITE_OK { own.files.takeUnretainedValue().noteFlush() }
    return code
}
