"""Local stand-ins for GA4, Meta Ads and Instagram, with the providers' paths and formats.

`StandIns` serves a `ProviderWorld` from this machine: the demo's (`demo_world`), one with rows written by hand
(`accounts`), or one of many users (`crowd`).
"""
