"""Rate limits: so many requests a user in so long a time."""

from __future__ import annotations

import math
import time


class Rate:
    """A limit such as `100/minute`, counted for each user in this process."""

    def __init__(self, text: str) -> None:
        from limits import parse
        from limits.storage import MemoryStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        self.item = parse(text)
        self.limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def wait(self, user: str) -> int:
        """Count a request of `user`: 0 when it may pass, else the whole seconds until one may."""
        if self.limiter.hit(self.item, user):
            return 0
        reset = self.limiter.get_window_stats(self.item, user).reset_time
        return max(1, math.ceil(reset - time.time()))
