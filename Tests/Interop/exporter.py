"""TLS that gives out the exporter of RFC 9266: `libssl` itself, by ctypes, because Python's ssl module does not."""
import ctypes
import ctypes.util
import socket
import struct

from cbp import Client, Connection


class ExporterSocket:
    """A TLS 1.3 client over libssl that gives out `tls-exporter`; as much of a socket as cbp.Connection needs."""

    def __init__(self, sock, cafile, hostname="localhost"):
        self._ssl = ctypes.CDLL(ctypes.util.find_library("ssl"))
        for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(self._ssl, name).restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._ssl.SSL_CTX_new(ctypes.c_void_p(self._ssl.TLS_client_method())))
        assert self._ssl.SSL_CTX_load_verify_file(self._context, str(cafile).encode()) == 1
        self._ssl.SSL_CTX_set_verify(self._context, 1, None)
        self._connection = ctypes.c_void_p(self._ssl.SSL_new(self._context))
        self._ssl.SSL_ctrl(self._connection, 123, ctypes.c_long(0x0304), None)         # SSL_CTRL_SET_MIN_PROTO_VERSION
        assert self._ssl.SSL_set1_host(self._connection, hostname.encode()) == 1
        self._socket = sock
        sock.settimeout(None)
        self._ssl.SSL_set_fd(self._connection, sock.fileno())
        assert self._ssl.SSL_connect(self._connection) == 1, "no TLS"
        octets = ctypes.create_string_buffer(32)
        label = b"EXPORTER-Channel-Binding"
        assert self._ssl.SSL_export_keying_material(
            self._connection, octets, ctypes.c_size_t(32), label, ctypes.c_size_t(len(label)), b"", ctypes.c_size_t(0), 1) == 1
        self.exporter = octets.raw

    def settimeout(self, seconds):
        # Under libssl the descriptor blocks; the kernel ends the wait.
        value = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)

    def fileno(self):
        return self._socket.fileno()

    def setsockopt(self, *arguments):
        self._socket.setsockopt(*arguments)

    def send(self, octets):
        octets = bytes(octets)
        count = self._ssl.SSL_write(self._connection, octets, len(octets))
        if count <= 0:
            raise BrokenPipeError("TLS")
        return count

    def recv(self, count):
        buffer = ctypes.create_string_buffer(count)
        received = self._ssl.SSL_read(self._connection, buffer, count)
        if received > 0:
            return buffer.raw[:received]
        if self._ssl.SSL_get_error(self._connection, received) in (2, 3):              # wants to read or to write
            raise TimeoutError
        return b""

    def close(self):
        self._ssl.SSL_free(self._connection)
        self._ssl.SSL_CTX_free(self._context)
        self._socket.close()


def connect_with_exporter(broker, cafile, **options):
    connection = Connection(broker.host, broker.port)
    connection.sock = ExporterSocket(connection.sock, cafile)
    return Client(connection, **options)
