// What Swift cannot import of zlib: its initialisers are macros.
#pragma once
#include <zlib.h>

/// A raw inflater: no header, no checksum, a window of 2^15 octets.
static inline int czlib_inflate_begin(z_stream *stream) { return inflateInit2(stream, -15); }

/// A raw deflater with a window of 2^window_bits octets.
static inline int czlib_deflate_begin(z_stream *stream, int level, int window_bits, int memory_level) {
    return deflateInit2(stream, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY);
}
