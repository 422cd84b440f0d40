"""Model servers: one protocol (``protocol.py``), one file per kind of server.

Importing this package loads no client library and no model.
"""

from optiq.servers.opening import open_server
from optiq.servers.protocol import GenerateRequest, Generation, ModelServer, ServedModel

__all__ = ["GenerateRequest", "Generation", "ModelServer", "ServedModel", "open_server"]
