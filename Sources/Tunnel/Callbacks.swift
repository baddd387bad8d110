// nghttp2's callbacks: from C to the tunnel that owns the session. One static table serves all
// sessions.
internal import CNGHTTP2
internal import Loop

@IO enum Callbacks {
    /// The table (`nghttp2_session_callbacks`), made once.
    static let table: OpaquePointer? = {
        var table: OpaquePointer?
        nghttp2_session_callbacks_new(&table)
        nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, frame, context in
            guard let frame, let tunnel = tunnel(context) else { return 0 }
            IO.assume(frame) { tunnel.beginHeaders($0) }
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(table) {
            _, frame, name, nameLength, value, valueLength, _, context in
            guard let frame, let tunnel = tunnel(context) else { return 0 }
            let header = (
                frame, UnsafeBufferPointer(start: name, count: nameLength),
                UnsafeBufferPointer(start: value, count: valueLength)
            )
            let accepted = IO.assume(header) { tunnel.receiveHeader($0.0, $0.1, $0.2) }
            return accepted ? 0 : Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) {
            _, _, id, bytes, count, context in
            guard let tunnel = tunnel(context) else { return 0 }
            IO.assume((id, UnsafeRawBufferPointer(start: bytes, count: count))) {
                tunnel.data($0.0, $0.1)
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, context in
            guard let frame, let tunnel = tunnel(context) else { return 0 }
            IO.assume(frame) { tunnel.frame($0) }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, id, code, context in
            guard let tunnel = tunnel(context) else { return 0 }
            IO.assume { tunnel.streamClosed(id, code) }
            return 0
        }
        return table
    }()

    /// Fills DATA frames from the stream that the data source points to.
    static let produce: nghttp2_data_source_read_callback = {
        _, _, space, count, flags, source, _ in
        guard let space, let flags, let pointer = source?.pointee.ptr else { return 0 }
        let stream = Unmanaged<TunnelStream>.fromOpaque(pointer).takeUnretainedValue()
        return IO.assume((UnsafeMutableRawBufferPointer(start: space, count: count), flags)) {
            guard let made = stream.produce($0.0) else {
                return Int(NGHTTP2_ERR_DEFERRED.rawValue)
            }
            if made.last { $0.1.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
            return made.count
        }
    }

    private nonisolated static func tunnel(_ context: UnsafeMutableRawPointer?) -> Tunnel? {
        context.map { Unmanaged<Tunnel>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// A header made of constants, so that nothing is copied or allocated.
func header(_ name: StaticString, _ value: StaticString) -> nghttp2_nv {
    nghttp2_nv(
        name: UnsafeMutablePointer(mutating: name.utf8Start),
        value: UnsafeMutablePointer(mutating: value.utf8Start),
        namelen: name.utf8CodeUnitCount, valuelen: value.utf8CodeUnitCount,
        flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
    )
}
