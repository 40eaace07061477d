"""Local stand-ins for GA4, Meta Ads and Instagram, on the providers' own paths and in their own formats.

`StandIns` serves a `World` from this machine: the demo's (`demo_world`), one written by hand (`accounts`), or one
of many users (`crowd`).
"""
