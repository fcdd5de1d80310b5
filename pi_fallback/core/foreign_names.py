"""Names of foreign exceptions: what the class that some client raises is called tells what happened on the wire."""

from collections.abc import Mapping

from pi_fallback_hookspecs import FaultKind as F

TELLING: Mapping[str, F] = {
    # httpx, httpx2, httpcore
    "ConnectTimeout": F.CONNECT_TIMEOUT,
    "PoolTimeout": F.CONNECT_TIMEOUT,
    "ReadTimeout": F.FIRST_CONTENT_TIMEOUT,
    "WriteTimeout": F.FIRST_CONTENT_TIMEOUT,
    "ConnectError": F.CONNECT,
    "ProxyError": F.CONNECT,
    "ReadError": F.BROKEN,
    "WriteError": F.BROKEN,
    "CloseError": F.BROKEN,
    "RemoteProtocolError": F.MALFORMED,  # also what a lost connection is called: see PHRASES
    "DecodingError": F.MALFORMED,
    "TooManyRedirects": F.REDIRECT,
    # requests, urllib3, urllib, http.client
    "ConnectTimeoutError": F.CONNECT_TIMEOUT,
    "ReadTimeoutError": F.FIRST_CONTENT_TIMEOUT,
    "NewConnectionError": F.CONNECT,
    "SSLError": F.CONNECT,
    "RemoteDisconnected": F.STALE,
    "BadStatusLine": F.MALFORMED,
    "ChunkedEncodingError": F.BROKEN,
    "IncompleteRead": F.BROKEN,
    "ContentDecodingError": F.MALFORMED,
    # aiohttp
    "ConnectionTimeoutError": F.CONNECT_TIMEOUT,
    "ServerTimeoutError": F.FIRST_CONTENT_TIMEOUT,
    "ClientConnectorError": F.CONNECT,
    "ServerDisconnectedError": F.STALE,
    "ClientOSError": F.BROKEN,
    "ClientPayloadError": F.BROKEN,
    "ContentTypeError": F.MALFORMED,
    # botocore, google-auth, anthropic's own logins
    "EndpointConnectionError": F.CONNECT,
    "ConnectionClosedError": F.BROKEN,
    "ResponseStreamingError": F.BROKEN,
    "NoCredentialsError": F.KEY,
    "PartialCredentialsError": F.KEY,
    "CredentialRetrievalError": F.KEY,
    "DefaultCredentialsError": F.KEY,
    "RefreshError": F.KEY,
    "CredentialsError": F.KEY,
    # what SDKs make of an answer
    "APIResponseValidationError": F.MALFORMED,
    "UnknownApiResponseError": F.MALFORMED,
    "LengthFinishReasonError": F.FINISH,
    "ContentFilterFinishReasonError": F.FINISH,
    # Python and anyio
    "ConnectionRefusedError": F.CONNECT,
    "gaierror": F.CONNECT,
    "ConnectionResetError": F.BROKEN,
    "ConnectionAbortedError": F.BROKEN,
    "BrokenPipeError": F.BROKEN,
    "BrokenResourceError": F.BROKEN,
    "EndOfStream": F.BROKEN,
    "IncompleteReadError": F.BROKEN,
    "JSONDecodeError": F.MALFORMED,  # the SDKs let it through when an event is cut or is no JSON
    "UnicodeDecodeError": F.MALFORMED,
}
"""By class name, the nearest one of a class's ancestors."""

VAGUE: Mapping[str, F] = {
    "APITimeoutError": F.FIRST_CONTENT_TIMEOUT,
    "TimeoutException": F.FIRST_CONTENT_TIMEOUT,
    "Timeout": F.FIRST_CONTENT_TIMEOUT,
    "TimeoutError": F.FIRST_CONTENT_TIMEOUT,
    "URLError": F.CONNECT,
    "APIConnectionError": F.BROKEN,
    "ConnectionError": F.BROKEN,
    "ClientConnectionError": F.BROKEN,
    "NetworkError": F.BROKEN,
    "ProtocolError": F.BROKEN,
    "MaxRetryError": F.BROKEN,
    "HTTPClientError": F.BROKEN,
    "TransportError": F.OTHER,
    "RequestError": F.OTHER,
    "RequestException": F.OTHER,
    "HTTPError": F.OTHER,
    "ClientError": F.OTHER,
    "BotoCoreError": F.OTHER,
    "APIError": F.OTHER,
}
"""Names that say that a call failed, and little of how: an exception behind it may say more."""

FINISHES: Mapping[str, str] = {
    "LengthFinishReasonError": "length",
    "ContentFilterFinishReasonError": "content_filter",
}
"""The finish reason for which an SDK raises."""

PHRASES: tuple[tuple[str, F], ...] = (
    ("without sending", F.STALE),  # h11: "Server disconnected without sending a response."
    ("without response", F.STALE),
    ("peer closed connection", F.BROKEN),
    ("disconnected", F.BROKEN),
)
"""What a protocol error says if it is none: the connection was lost."""

CONTROL = frozenset({"CancelledError", "Cancelled"})
"""Cancellation that is an ordinary exception, as that of `concurrent.futures`."""
