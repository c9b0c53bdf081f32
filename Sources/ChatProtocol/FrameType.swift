/// The frame types implemented (docs/PROTOCOL.md, *Frame types*); any other is answered by 102, or skipped.
public enum FrameType: UInt8, Sendable, CaseIterable {
    case hello = 0x01
    case welcome = 0x02
    case authenticate = 0x03
    case authenticateStep = 0x04
    case authenticated = 0x05
    case ping = 0x06
    case pong = 0x07
    case ok = 0x08
    case error = 0x09
    case goodbye = 0x0A
    case resume = 0x0B
    case resumed = 0x0C
    case notice = 0x0E
    case join = 0x10
    case joined = 0x11
    case leave = 0x12
    case list = 0x13
    case items = 0x14
    case members = 0x15
    case create = 0x16
    case publish = 0x20
    case published = 0x21
    case deliver = 0x22
    case directMessage = 0x23
    case history = 0x24
    case batch = 0x25
    case lag = 0x26
    case mark = 0x27
    case typing = 0x28
    case presence = 0x29
    case inbox = 0x2A
    case register = 0x3A
    case changePassword = 0x3B
    case listDevices = 0x3C
    case revokeDevice = 0x3D
}
