"""The connections behind requests: TLS and proxies, as the kubernetes client's configuration has them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from kubepreflight.errors import SourceError
from kubepreflight.sources.unreachable import plain_reason

if TYPE_CHECKING:
    import ssl

    from kubernetes.client import Configuration
    from urllib3 import PoolManager

MOST = 8


def pool_of(configuration: Configuration) -> PoolManager:
    """A pool for several threads that has read all certificates and keys. Raises SourceError."""
    from kubernetes.client.rest import RESTClientObject

    configuration.connection_pool_maxsize = MOST
    configuration.retries = False
    if configuration.proxy:
        _complete(configuration, configuration.proxy)
    try:
        pool = RESTClientObject(configuration).pool_manager
    except ImportError as error:
        raise SourceError("the proxy is a SOCKS proxy: install pysocks where kubepreflight is installed") from error
    except Exception as error:  # what is wrong with an address is told by many kinds of errors
        raise SourceError(
            f"the proxy of this environment or kubeconfig cannot be used: {plain_reason(error)}"
        ) from error
    if configuration.host.startswith("https"):
        without_files = {"ca_certs": None, "cert_file": None, "key_file": None}
        pool.connection_pool_kw.update(without_files, ssl_context=_tls(configuration))
    return pool


def _complete(configuration: Configuration, proxy: str) -> None:
    """What kubectl understands of a proxy's address and the client does not: no scheme, a name and a password."""
    from urllib3.exceptions import LocationParseError
    from urllib3.util import make_headers, parse_url

    configuration.proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        user = parse_url(configuration.proxy).auth
    except LocationParseError:
        return  # the pool says so
    if user:
        configuration.proxy_headers = make_headers(proxy_basic_auth=unquote(user))


def _tls(configuration: Configuration) -> ssl.SSLContext:
    """As strict as kubectl: Python's additional demands on authorities would refuse clusters that work."""
    import ssl

    try:
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    except OSError as error:
        raise SourceError(
            f"the kubeconfig's certificate authority cannot be used: {plain_reason(error)}. "
            "It is /etc/kubernetes/pki/ca.crt on a control-plane node"
        ) from error
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if configuration.cert_file:
        try:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
        except OSError as error:
            raise SourceError(
                f"the kubeconfig's client certificate and key cannot be used: {plain_reason(error)}. "
                "Is it damaged, or is the key another certificate's? /etc/kubernetes/admin.conf on a node has both"
            ) from error
    return context
