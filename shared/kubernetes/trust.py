"""Whether a certificate would be taken: tried out between two ends in memory, with the very roots that our requests trust.

Which roots those are is a setting of `requests`: the public ones, or those of the file that REQUESTS_CA_BUNDLE names.
"""

import ssl
from pathlib import Path

from shared.kubernetes.private import PrivateFolder, private_file


def refusal(chain: str, key: str, host: str) -> str:
    """OpenSSL's words for why a client would refuse the chain for this host; empty when it would take it."""
    folder = PrivateFolder()
    try:
        with private_file(folder.path, ".pem", chain + key) as path:
            server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.load_cert_chain(path)
    except ssl.SSLError as error:
        return str(error.reason or "the certificate cannot be served")
    finally:
        folder.close()
    return _shaken(server, _client(), host)


def _client() -> ssl.SSLContext:
    import certifi
    import requests
    from urllib3.util.ssl_ import create_urllib3_context

    bundle = requests.Session().merge_environment_settings("https://", {}, None, None, None)["verify"]
    roots = bundle if isinstance(bundle, str) else certifi.where()
    context = create_urllib3_context()
    context.verify_mode, context.check_hostname = ssl.CERT_REQUIRED, True
    if Path(roots).is_dir():
        context.load_verify_locations(capath=roots)
    else:
        context.load_verify_locations(roots)
    return context


def _shaken(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> str:
    """The client's end refuses or is content; each end is fed with what the other has said until then."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(4):  # client and server hello, the client's end, and one to spare
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
            except ssl.SSLError as error:
                return str(error.reason)
    return ""
