internal import COpenSSL

/// The functions that OpenSSL calls. They run inside a call of the engine or context concerned, hence on its thread.
enum TLSCallbacks {
    /// Chooses the first of our protocols that the client offers (SSL_CTX_set_alpn_select_cb(3)).
    static let selectProtocol: SSL_CTX_alpn_select_cb_func = { _, chosen, chosenCount, offered, offeredCount, argument in
        let context = Unmanaged<TLSContext>.fromOpaque(argument!).takeUnretainedValue()
        return context.withProtocols { protocols in
            var selected: UnsafeMutablePointer<UInt8>?
            let outcome = SSL_select_next_proto(
                &selected, chosenCount, protocols.baseAddress, UInt32(protocols.count), offered, offeredCount)
            guard outcome == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
            chosen!.pointee = UnsafePointer(selected)
            return SSL_TLSEXT_ERR_OK
        }
    }

    /// The kind of BIO whose ends are an engine's input and output. Made once, never freed, as every connection uses it.
    nonisolated(unsafe) static let method: OpaquePointer = {
        let kind = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
        guard let method = BIO_meth_new(kind, "engine"),
            BIO_meth_set_read(method, read) == 1, BIO_meth_set_write(method, write) == 1, BIO_meth_set_ctrl(method, control) == 1
        else { preconditionFailure("OpenSSL has no memory for one BIO method") }
        return method
    }()

    /// Gives OpenSSL what is being received; "try again" when all of it has been given.
    private static let read: @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, Int32) -> Int32 = { bio, buffer, count in
        copenssl_bio_clear_retry_flags(bio)
        let given = engine(of: bio).giveInput(to: UnsafeMutableRawPointer(buffer!), byteCountMax: Int(count))
        if given == 0 {
            copenssl_bio_set_retry_read(bio)
            return -1
        }
        return Int32(given)
    }

    /// Takes what OpenSSL wants to be sent: always all of it.
    private static let write: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 = { bio, octets, count in
        copenssl_bio_clear_retry_flags(bio)
        engine(of: bio).takeOutput(UnsafeRawPointer(octets!), byteCount: Int(count))
        return count
    }

    /// Flushing succeeds, as nothing is buffered here; nothing else is offered.
    private static let control: @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int = { _, command, _, _ in
        command == BIO_CTRL_FLUSH ? 1 : 0
    }

    private static func engine(of bio: OpaquePointer?) -> TLSEngine {
        Unmanaged<TLSEngine>.fromOpaque(BIO_get_data(bio)!).takeUnretainedValue()
    }
}
