"""The emulated Vector as a whole: a gRPC server with its own certificate, token and configuration file."""

import datetime
import secrets
import threading
from collections.abc import Callable
from concurrent import futures
from contextlib import suppress
from pathlib import Path

import grpc
from anki_vector.messaging import client
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from robot_app.core.errors import ConfigError
from robot_app.core.step import Closable
from robot_app.emulator.body import Body
from robot_app.emulator.camera_feed import Camera
from robot_app.emulator.control import CommandLog, Control
from robot_app.emulator.discovery import CONFIG_NAME, emulator_folder
from robot_app.emulator.fault_proxy import FaultProxy
from robot_app.emulator.faults import Fault, Faults
from robot_app.emulator.grpc_service import VectorService
from robot_app.emulator.world import World
from robot_app.robots.vector.identity import VectorIdentity, write_sdk_config

NAME = "Vector-E1A2"
SERIAL = "00e1a2e1"
STOP_GRACE_S = 0.5
REACTION_POLL_S = 0.02
"""How soon the control follows when the body begins, or ends, to get away from an edge."""

MAX_CALLS = 48
"""At a time. Three are streams of each client; actions wait in the others."""

VALID_DAYS = 30


class Emulator(Closable):
    """Runs an emulated Vector in threads of its own while its `with` block is open.

    `robot_app.robots.vector.driver.VectorRobot(emulator.identity)` connects to it, and so does any program that uses
    the SDK and reads `config_path`.

    Attributes:
        body: where it is, what it feels, and what else its sensors are to report.
        commands: what it was told by clients.
        faults: what goes wrong; may be started and ended at any time.
    """

    def __init__(
        self,
        world: World,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Faults | None = None,
        folder: Path | None = None,
    ) -> None:
        """Show `world` at `host:port` (port 0: a free one), with these faults.

        `folder` is where the configuration is written; by default where `read_emulator_config` looks for it.
        """
        self._world = world
        self._host = host
        self._port = port
        self._folder = folder
        self._identity: VectorIdentity | None = None
        self._link: FaultProxy | None = None
        self._server: grpc.Server | None = None
        self._executor: futures.Executor | None = None
        self.commands = CommandLog()
        self.faults = faults or Faults()
        self.body = Body(surroundings=world.surroundings, start=world.start)
        self._ended = threading.Event()
        self._living = threading.Thread(target=self._live, daemon=True, name="emulator body")

    def open(self) -> None:
        """Start to listen and write the configuration.

        Raises:
            ConfigError: the port is taken or not allowed.
        """
        try:
            self._link = link = FaultProxy(self._host, self._port)
        except OSError as error:
            raise ConfigError(
                f"cannot listen at {self._host}:{self._port}: taken by another program, or not allowed; "
                "choose another port, or 0 for a free one"
            ) from error
        guid, (key, certificate) = secrets.token_urlsafe(16), make_certificate(NAME)
        self._boot(guid, key, certificate)
        self._living.start()
        faults = self.faults
        faults.on(Fault.STALL, link.stall, link.resume)
        faults.on(Fault.MID_FRAME, link.stall_mid_frame, link.resume)
        faults.on(Fault.CUT, link.cut, link.mend)
        faults.on(Fault.LOSE_CONTROL, lambda: self._control.withhold("fault"), lambda: self._control.give_back("fault"))
        faults.on(Fault.NEW_CERTIFICATE, self._go_down, lambda: self._boot(self.identity.guid, *make_certificate(NAME)))
        faults.on(
            Fault.NEW_TOKEN, self._go_down, lambda: self._boot(secrets.token_urlsafe(16), self._key, self._certificate)
        )

    def close(self) -> None:
        """End all streams as a robot does that shuts down, and remove the configuration."""
        self.shut_down()
        self.config_path.unlink(missing_ok=True)
        self.identity.certificate.unlink(missing_ok=True)
        with suppress(OSError):  # something else is in there, too
            self.config_path.parent.rmdir()
            self.sdk_home.rmdir()

    def shut_down(self) -> None:
        """Stop the server, as when the robot is switched off; the configuration stays."""
        self.faults.cancel()
        self._end_service()
        if self._link is not None:
            self._link.close()
        self._ended.set()

    def wait(self) -> None:
        """Wait while the server runs; a KeyboardInterrupt passes through."""
        self._ended.wait()

    @property
    def identity(self) -> VectorIdentity:
        if self._identity is None:
            raise RuntimeError("the emulator has not been started; use it inside of its `with` block")
        return self._identity

    @property
    def sdk_home(self) -> Path:
        """The emulator's folder. A program of the SDK that is started with this as its HOME finds the emulator."""
        return self.identity.certificate.parent.parent

    @property
    def config_path(self) -> Path:
        """The configuration file, in the format of `~/.anki_vector/sdk_config.ini`."""
        return self.sdk_home / CONFIG_NAME

    def _live(self) -> None:
        """Let time pass for the body, and let control go and come as it begins and ends to act by itself."""
        was_its_own = False
        while not self._ended.wait(REACTION_POLL_S):
            readings = self.body.readings
            is_its_own = readings.is_reacting or readings.has_fallen
            if is_its_own and not was_its_own:
                self._control.withhold("edge")
            elif was_its_own and not is_its_own:
                self._control.give_back("edge")
            was_its_own = is_its_own

    def _boot(self, guid: str, key: bytes, certificate: bytes) -> None:
        """Begin to serve, and write the configuration that fits."""
        assert self._link is not None
        self._key, self._certificate = key, certificate
        self._stopping = threading.Event()
        self._control = Control()
        camera = Camera(self._world, self.body, self.faults)
        self._service = VectorService(self.body, camera, self._control, self.commands, self._stopping, self.faults)
        executor = futures.ThreadPoolExecutor(MAX_CALLS, thread_name_prefix="emulator")
        # Without this option another server could listen at the same port and take half of the connections.
        server = grpc.server(
            executor, interceptors=[TokenInterceptor(guid, self._service)], options=[("grpc.so_reuseport", 0)]
        )
        client.add_ExternalInterfaceServicer_to_server(self._service, server)
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
        server.start()
        self._identity = self._write_identity(self._link.port, guid, certificate)
        self._server, self._executor = server, executor
        self._link.lead_to(port)

    def _go_down(self) -> None:
        """Switch off without a word: the motors stop and the network is gone."""
        assert self._link is not None
        self._link.lead_to(None)
        self.body.halt()
        self._end_service()

    def _end_service(self) -> None:
        if self._server is not None:
            self._stopping.set()
            self._service.end_streams()
            self._server.stop(STOP_GRACE_S).wait()
            self._server = None
        if self._executor is not None:
            self._executor.shutdown(wait=False)

    def _write_identity(self, port: int, guid: str, certificate: bytes) -> VectorIdentity:
        config_path = (self._folder or emulator_folder(port)).resolve() / CONFIG_NAME
        config_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = config_path.parent / f"{NAME}-{SERIAL}.cert"
        path.write_bytes(certificate)
        identity = VectorIdentity(serial=SERIAL, name=NAME, ip=self._host, port=port, certificate=path, guid=guid)
        write_sdk_config(config_path, identity)
        return identity


class TokenInterceptor(grpc.ServerInterceptor):  # type: ignore[misc] # grpc has no types
    """Lets in calls that carry the token and that the service implements."""

    def __init__(self, guid: str, service: client.ExternalInterfaceServicer) -> None:
        self._authorization = f"Bearer {guid}"
        self._service = service

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler], call: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler:
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
