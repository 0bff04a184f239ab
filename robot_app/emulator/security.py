"""What the emulated robot proves itself with, and what it asks its clients for."""

import datetime
from collections.abc import Callable

import grpc
from anki_vector.messaging import client
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_DAYS = 30

Handlers = Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler]


def make_certificate(name: str) -> tuple[bytes, bytes]:
    """A new key and a certificate signed with it, made out to `name` as Vector's is; both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key_pem, certificate.public_bytes(serialization.Encoding.PEM)


class Gatekeeper(grpc.ServerInterceptor):  # type: ignore[misc] # grpc has no types
    """Lets in calls that carry the token and that the service implements."""

    def __init__(self, guid: str, service: client.ExternalInterfaceServicer) -> None:
        self._authorization = f"Bearer {guid}"
        self._service = service

    def intercept_service(self, continuation: Handlers, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Refuse the call, or pass it on."""
        if dict(call.invocation_metadata).get("authorization") != self._authorization:
            return _refusal(grpc.StatusCode.UNAUTHENTICATED, "unknown token")
        name = call.method.rpartition("/")[2]
        unimplemented = getattr(client.ExternalInterfaceServicer, name, None)
        if getattr(type(self._service), name, unimplemented) is unimplemented:
            return _refusal(grpc.StatusCode.UNIMPLEMENTED, f"the emulated Vector has no {name}")
        return continuation(call)


def _refusal(code: grpc.StatusCode, details: str) -> grpc.RpcMethodHandler:
    def refuse(_: object, context: grpc.ServicerContext) -> None:
        context.abort(code, details)

    return grpc.unary_unary_rpc_method_handler(refuse)
