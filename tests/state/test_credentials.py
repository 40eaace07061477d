"""Credentials at rest: encrypted, rotated, never shown."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from engine.errors import InvalidSetting
from state.credentials import Credentials, Keyring
from state.errors import NoEncryptionKey, UnreadableCredentials

TOKEN = {"refresh_token": "1//secret-refresh-token"}


def make_key() -> str:
    return Fernet.generate_key().decode()


def test_what_is_encrypted_can_be_read_back() -> None:
    keyring = Keyring.parse(make_key())
    stored = keyring.encrypt(TOKEN)
    assert "secret" not in stored
    assert dict(keyring.decrypt(stored)) == TOKEN


def test_credentials_and_keys_never_show_themselves() -> None:
    setting = make_key()
    keyring = Keyring.parse(setting)
    credentials = keyring.decrypt(keyring.encrypt(TOKEN))
    assert credentials["refresh_token"] == TOKEN["refresh_token"]
    assert len(credentials) == 1
    for shown in (repr(credentials), str(credentials), f"{[credentials]}", repr(keyring)):
        assert "secret" not in shown
        assert setting not in shown


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    old, new = make_key(), make_key()
    stored = Keyring.parse(old).encrypt(TOKEN)
    both = Keyring.parse(f"{new}, {old}")
    assert dict(both.decrypt(stored)) == TOKEN
    assert dict(Keyring.parse(new).decrypt(both.encrypt(TOKEN))) == TOKEN
    renewed = both.rotate(stored)
    assert renewed is not None
    assert dict(Keyring.parse(new).decrypt(renewed)) == TOKEN
    assert both.rotate(renewed) is None


def test_a_lost_key_says_so() -> None:
    stored = Keyring.parse(make_key()).encrypt(TOKEN)
    keyring = Keyring.parse(make_key())
    with pytest.raises(UnreadableCredentials, match="ENCRYPTION_KEY"):
        keyring.decrypt(stored)
    with pytest.raises(UnreadableCredentials, match="ENCRYPTION_KEY"):
        keyring.rotate(stored)


@pytest.mark.parametrize("setting", [None, "", " , "])
def test_without_a_key_nothing_can_be_stored(setting: str | None) -> None:
    keyring = Keyring.parse(setting)
    assert not keyring
    with pytest.raises(NoEncryptionKey, match="ENCRYPTION_KEY is not set"):
        keyring.encrypt(TOKEN)
    with pytest.raises(NoEncryptionKey):
        keyring.decrypt("anything")


@pytest.mark.parametrize("malformed", ["correct horse", "YQ==", "ä" * 44, "A" * 45])
def test_a_malformed_key_is_named_by_its_place(malformed: str) -> None:
    with pytest.raises(InvalidSetting, match=r"\AENCRYPTION_KEY: key 2 is not 32 bytes") as caught:
        Keyring.parse(f"{make_key()},{malformed}")
    assert malformed not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_credentials_are_a_mapping() -> None:
    assert Credentials(TOKEN) == TOKEN
