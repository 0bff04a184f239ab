"""Who answers at a robot's address? Asked before the SDK connects, which calls every fault "not on the network"."""

import socket
import ssl

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtensionOID, NameOID

from robot_app.errors import RobotIdentityError, RobotUnreachable
from robot_app.robots.identity import HOW_TO_CREATE, VectorIdentity, read_certificate


def check_identity(identity: VectorIdentity, timeout_s: float) -> None:
    """Check that something listens at the address and that it shows the configured certificate.

    Raises:
        ConfigError: the configured certificate cannot be read.
        RobotUnreachable: nothing answers there, or it does not speak TLS.
        RobotIdentityError: it shows another certificate, or one that is not made out to the robot's name.
    """
    expected = read_certificate(identity.certificate)
    shown = _fetch_certificate(identity, timeout_s)
    names = certificate_names(shown)
    if not (shown == expected or _is_issued_by(shown, expected)):
        whose = "the same name" if identity.name in names else f"the name {_listed(names)}"
        raise RobotIdentityError(
            f"{identity}: the robot there shows another certificate than {identity.certificate}, made out to {whose}; "
            f"check ip and serial, or, after a reset of the robot, renew the configuration: {HOW_TO_CREATE}"
        )
    if identity.name not in names:
        raise RobotIdentityError(
            f"{identity}: the certificate there is made out to {_listed(names)}, not to {identity.name}; "
            f"correct the name or the serial in the configuration, or {HOW_TO_CREATE}"
        )


def certificate_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names that a certificate is made out to: its common name and its alternative DNS names."""
    names = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return tuple(names)
    assert isinstance(extension, x509.SubjectAlternativeName)
    return tuple(dict.fromkeys(names + extension.get_values_for_type(x509.DNSName)))


def _fetch_certificate(identity: VectorIdentity, timeout_s: float) -> x509.Certificate:
    # Verification is off on purpose: the certificate is what we want to see. It is compared by the caller, and the
    # connection that carries the token verifies it again.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((identity.ip, identity.port), timeout=timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=identity.name) as secure,
        ):
            encoded = secure.getpeercert(binary_form=True)
    except TimeoutError as error:
        raise RobotUnreachable(
            f"{identity}: no answer within {timeout_s:g} s; check that the robot is awake and on this network, "
            "and its ip in the configuration"
        ) from error
    except ssl.SSLError as error:
        raise RobotUnreachable(
            f"{identity}: what answers there does not speak TLS as Vector does ({error.reason}); check ip and port"
        ) from error
    except OSError as error:
        raise RobotUnreachable(
            f"{identity}: cannot connect ({error.strerror or error}); check that the robot is awake and on this "
            "network, and ip and port in the configuration"
        ) from error
    except UnicodeError as error:  # of a name with an empty part, as in "a..b"
        raise RobotUnreachable(f"{identity}: {identity.ip} is no address and no name of a machine; check ip") from error
    if encoded is None:
        raise RobotIdentityError(f"{identity}: what answers there shows no certificate; check ip and port")
    return x509.load_der_x509_certificate(encoded)


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nobody"
