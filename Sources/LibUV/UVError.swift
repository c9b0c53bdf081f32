import CLibUV

/// A failure that the operating system or libuv reported, with its code and name kept.
///
/// Source: libuv documentation, "Error handling"; `errno(3)`.
public struct UVError: Error, Sendable, Hashable {
    /// libuv's code: `-errno` on Unix, or one of libuv's own negative codes such as `UV_EOF` and `UV_EAI_NONAME`.
    public let code: Int32

    /// An error with libuv's code; a code that is not negative is no error and traps.
    public init(code: Int32) {
        precondition(code < 0, "libuv's error codes are negative")
        self.code = code
    }

    /// The error of a failed system call, given its `errno`.
    public init(systemErrorNumber: Int32) {
        self.init(code: uv_translate_sys_error(systemErrorNumber))
    }

    /// The name of the code, such as `EADDRINUSE`.
    public var name: String {
        Self.text { uv_err_name_r(code, $0, $1) }
    }

    /// What the code means, in English: `address already in use`.
    public var message: String {
        Self.text { uv_strerror_r(code, $0, $1) }
    }

    /// Gives a status of libuv back if it is not negative, and throws it as an error if it is.
    @discardableResult
    static func check(_ status: Int32) throws(UVError) -> Int32 {
        if status < 0 { throw UVError(code: status) }
        return status
    }

    /// Gives the result of a system call back if it is not negative, and throws `errno` if it is.
    @discardableResult
    static func checkSystemCall(_ result: Int32) throws(UVError) -> Int32 {
        if result < 0 { throw UVError(systemErrorNumber: currentSystemErrorNumber()) }
        return result
    }

    private static func text(_ fill: (UnsafeMutablePointer<CChar>, Int) -> UnsafeMutablePointer<CChar>?) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            buffer.initialize(repeating: 0)
            _ = fill(buffer.baseAddress!, buffer.count)
            return String(cString: buffer.baseAddress!)
        }
    }
}

extension UVError: CustomStringConvertible {
    /// Name and meaning: `EADDRINUSE: address already in use`.
    public var description: String { "\(name): \(message)" }
}

extension UVError {
    /// Somebody listens at the address already.
    public static let addressInUse = UVError(code: UV_EADDRINUSE.rawValue)
    /// The address is not one of this machine's, or it has no free port left.
    public static let addressNotAvailable = UVError(code: UV_EADDRNOTAVAIL.rawValue)
    /// Nobody listens there.
    public static let connectionRefused = UVError(code: UV_ECONNREFUSED.rawValue)
    /// The peer broke the connection off (RST).
    public static let connectionReset = UVError(code: UV_ECONNRESET.rawValue)
    /// Written to a connection that the peer, or this side, has ended.
    public static let brokenPipe = UVError(code: UV_EPIPE.rawValue)
    /// The request was called off, or its loop is being closed.
    public static let cancelled = UVError(code: UV_ECANCELED.rawValue)
    /// The argument is malformed.
    public static let invalidArgument = UVError(code: UV_EINVAL.rawValue)
    /// This process has reached its limit of open descriptors.
    public static let tooManyOpenDescriptors = UVError(code: UV_EMFILE.rawValue)
    /// The machine has reached its limit of open descriptors.
    public static let tooManyOpenDescriptorsInSystem = UVError(code: UV_ENFILE.rawValue)
}
