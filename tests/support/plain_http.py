"""What a client over plain HTTP needs of authorities: none, as loading those of the web takes 30 ms each time."""

from __future__ import annotations

import ssl

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
