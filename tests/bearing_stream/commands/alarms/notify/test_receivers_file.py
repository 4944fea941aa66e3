"""The file of receivers: a mistake is named with what was expected, and no secret is repeated."""

import re
import tomllib
from pathlib import Path

import pytest

from bearing_stream.commands.alarms.notify.receivers import Webhook
from bearing_stream.commands.alarms.notify.receivers_file import (
    ReceiversError,
    chosen,
    load,
    parse,
)

SECRET = "hunter2-hunter2"

ONE = '[[receiver]]\nname = "one"\n'
COMMAND = f'{ONE}kind = "command"\nargv = ["true"]\n'
WEBHOOK = f'{ONE}kind = "webhook"\nurl = "https://a.example/b"\n'
ALERTS = f'{ONE}kind = "alertmanager"\nurl = "http://a:9093"\n'
MAIL = f'{ONE}kind = "email"\nhost = "mail"\nfrom = "a@b"\nto = ["c@d"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a =", "expected TOML"),
        ("", "expected at least one [[receiver]]"),
        ("[[reciever]]", "expected [[receiver]] only, got 'reciever'; did you mean 'receiver'?"),
        ("receiver = 3", "expected at least one [[receiver]]"),
        (ONE, "[[receiver]] 1 (one): kind: expected one of webhook, alertmanager, email, command"),
        (f'{ONE}kind = "pager"', "got 'pager'"),
        ('[[receiver]]\nkind = "command"\nargv = ["true"]', "[[receiver]] 1: name: field required"),
        (COMMAND + COMMAND, "expected different names, got 'one' 2 times"),
        (COMMAND + "timout = '1s'", "'timout' is no key of a receiver of this kind; did you mean"),
        (COMMAND + "timeout = 3", "timeout: expected a duration such as"),
        (COMMAND + "timeout = '1h'", "timeout: expected 100ms to 2m, got '1h'"),
        (COMMAND + "timeout = true", "timeout: expected a duration such as"),
        (COMMAND + "severity = 'hgh'", "'low', 'medium', 'high' or 'critical'"),
        (COMMAND + "events = ['rised']", "events.0: expected 'raised'"),
        (COMMAND + "events = []", "events: tuple should have at least 1 item"),
        (COMMAND + "per_minute = 0", "per_minute: expected greater than or equal to 1, got 0"),
        (COMMAND + "per_minute = true", "per_minute: expected a valid integer, got True"),
        (MAIL + "per_minute = true", "per_minute: expected a valid integer, got True"),
        (COMMAND + "per_minute = '10'", "per_minute: expected a valid integer, got '10'"),
        (MAIL + "port = true", "port: expected a valid integer, got True"),
        (MAIL + "port = '25'", "port: expected a valid integer, got '25'"),
        (MAIL + "port = 99999", "port: expected less than or equal to 65535, got 99999"),
        (ONE.replace("one", "a\\nb"), "[[receiver]] 1 (a�b): kind: expected one of"),
        (f'{ONE}kind = "command"\nargv = ["no-such-program"]', "there is no 'no-such-program'"),
        (f'{ONE}kind = "command"\nargv = []', "argv: tuple should have at least 1 item"),
        (
            f'{ONE}kind = "command"\nargv = ["true", "\\u0000"]',
            "arguments without a null character",
        ),
        (COMMAND + "environment = ['A=1']", "environment.0: string should match"),
        (f'{ONE}kind = "webhook"\nurl = "ftp://a"', "expected an address such as https://"),
        (WEBHOOK + "text = '$sevrity'", "text: there is no field $sevrity; did you mean"),
        (WEBHOOK + "headers = { webhook-id = 'a' }", "'webhook-id' is no header that can be added"),
        (WEBHOOK + "headers = { 'a b' = 'a' }", "'a b' is no header that can be added"),
        (WEBHOOK + "headers = { Transfer-Encoding = 'a' }", "is no header that can be added"),
        (WEBHOOK + "headers = { X-A = 'Süd' }", "headers: expected for X-A one line of ASCII, got"),
        (WEBHOOK + 'headers = { X-A = "a\\nb" }', r"expected for X-A one line of ASCII, got"),
        (ALERTS + 'headers = { X-A = "a\\u007f" }', "got one with '\\x7f'"),
        (WEBHOOK + "signing_secret = { env = 'NOT_SET' }", "variable NOT_SET is not set"),
        (WEBHOOK + "signing_secret = { file = '/no/such' }", "/no/such cannot be read: No such"),
        (WEBHOOK + "signing_secret = {}", "signing_secret: expected a secret such as { env ="),
        (WEBHOOK + "headers = { X-A = { en = 'b' } }", "headers.X-A: expected a secret such as"),
        (WEBHOOK + "headers = { X-A = 3 }", "headers.X-A: expected a text, or a secret such as"),
        (f'{ONE}kind = "webhook"\nurl = {{ env = "HOME" }}', "expected an address such as"),
        (WEBHOOK + "signing_secret = { env = 'HOME' }", "24 to 64 random bytes in base64"),
        (ALERTS + "per_minute = 3", "'per_minute' is no key of a receiver of this kind"),
        (ALERTS + "labels = { 'a-b' = 'c' }", "labels.a-b"),
        (MAIL + "username = 'a'", "expected both username and password, or neither"),
        (
            MAIL + "username = 'a'\npassword = { env = 'HOME' }\nsecurity = 'none'",
            "a password must not go unencrypted",
        ),
        (MAIL.replace("c@d", "c d"), "to.0: expected an address such as name@host, got 'c d'"),
        (MAIL.replace("c@d", "c,e@d"), "to.0: expected an address such as name@host"),
        (MAIL.replace("c@d", "c@d@e"), "to.0: expected an address such as name@host"),
        (MAIL.replace("a@b", "Ann <a@b>"), "from: expected an address such as name@host"),
        (MAIL.replace('"mail"', '"mail server"'), "host: expected a host name or an IP address"),
        (MAIL.replace('"mail"', '"mail..example"'), "got 'mail..example'"),
        (MAIL.replace('"mail"', '""'), "host: expected a host name or an IP address, got ''"),
        (MAIL + "username = 'Jürgen'\npassword = { env = 'HOME' }", "username: expected one line"),
    ],
)
def test_a_mistake_is_named_with_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(ReceiversError) as raised:
        parse(text)
    assert message.lower() in str(raised.value).lower()


@pytest.mark.parametrize("receiver", [WEBHOOK, ALERTS])
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://a.example/b c", "url: expected an address of printable ASCII, got one with ' '"),
        ("https://a.example/b\\nc", "url: expected an address of printable ASCII"),
        ("https://a.example/b\\u007f", "url: expected an address of printable ASCII"),
        ("https://a.example/süd", "url: expected an address of printable ASCII"),
        ("https://süd.example/", "url: expected an address of printable ASCII"),
        ("https://a.example:99999/", "url: expected an address with a host and a port from 1 to"),
        ("https://a.example:b/", "url: expected an address with a host and a port from 1 to"),
        ("https://a.example:0/", "url: expected an address with a port from 1 to 65535, got 0"),
        ("https://[::1/", "url: expected an address with a host and a port"),
        ("https://a..example/", "url: expected an address with a host name or an IP address"),
    ],
)
def test_an_address_that_no_attempt_can_use_is_refused(
    receiver: str, url: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = re.sub('url = ".*"', lambda _: f'url = "{url}"', receiver)
    with pytest.raises(ReceiversError, match=re.escape(message)):
        parse(text)
    monkeypatch.setenv("THE_URL", tomllib.loads(f'url = "{url}"')["url"])
    with pytest.raises(ReceiversError, match=re.escape(message)):
        parse(re.sub('url = ".*"', 'url = { env = "THE_URL" }', receiver))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9093", "https://[::1]:80/a?b=c%20d", "http://alert_manager-0.a./"]
)
def test_addresses_of_all_kinds_of_hosts_are_accepted(url: str) -> None:
    parse(ALERTS.replace("http://a:9093", url))


@pytest.mark.parametrize("receiver", [WEBHOOK, ALERTS, MAIL])
def test_a_file_without_certificates_is_refused(receiver: str, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("none\n")
    for name, message in (
        ("missing.pem", "No such file or directory"),
        ("none.pem", "expected certificates in PEM, and there are none in"),
    ):
        with pytest.raises(ReceiversError, match=f"ca_file: .*{message}") as raised:
            parse(f'{receiver}ca_file = "{tmp_path}/{name}"')
        assert f"{tmp_path}/{name}" in str(raised.value)
    with pytest.raises(ReceiversError, match="ca_file: "):
        parse(f'{receiver}ca_file = "{tmp_path}"')
    with pytest.raises(ReceiversError, match="ca_file: "):
        parse(f'{receiver}ca_file = "a\\u0000"')


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f"{WEBHOOK}headers = {{ Authorization = {{ env = 'THE_SECRET' }} }}", "headers.Auth"),
        (f"{ALERTS}headers = {{ Authorization = {{ env = 'THE_SECRET' }} }}", "headers.Auth"),
        (f"{MAIL}username = 'a'\npassword = {{ env = 'THE_SECRET' }}", "password: "),
    ],
)
@pytest.mark.parametrize("secret", ["hunter2\nhunter2", "hünter2"])
def test_a_secret_that_no_attempt_can_use_is_refused_and_not_repeated(
    text: str, key: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_SECRET", secret)
    with pytest.raises(ReceiversError, match=f"{key}.*expected one line of ASCII") as raised:
        parse(text)
    assert "nter2" not in str(raised.value)
    assert "ü" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        f"{WEBHOOK}signing_secret = '{SECRET}'",
        f"{WEBHOOK}headers = {{ Authorization = 'Bearer {SECRET}' }}",
        f"{WEBHOOK}headers = {{ X-Api-Key = '{SECRET}' }}",
        f"{MAIL}username = 'a'\npassword = '{SECRET}'",
        WEBHOOK.replace("a.example", f"user:{SECRET}@a.example"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ReceiversError) as raised:
        parse(text)
    assert "{ env = " in str(raised.value)
    assert SECRET not in str(raised.value)


def test_all_mistakes_are_named_at_once_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "notifiers.toml"
    path.write_text(f"{COMMAND}a = 1\n{WEBHOOK}b = 1\n")
    with pytest.raises(ReceiversError) as raised:
        load(path)
    lines = str(raised.value).splitlines()
    assert [line.startswith(f"{path}: [[receiver]] ") for line in lines] == [True, True]
    with pytest.raises(ReceiversError, match="cannot be read"):
        load(tmp_path / "missing.toml")


def test_receivers_are_chosen_by_name() -> None:
    receivers = parse(COMMAND + COMMAND.replace("one", "other"))
    assert [each.name for each in chosen(receivers, ["other"])] == ["other"]
    assert chosen(receivers, []) == receivers
    with pytest.raises(ReceiversError, match="there is no receiver 'othr'; did you mean 'other'"):
        chosen(receivers, ["othr"])


def test_secrets_are_read_from_the_environment_and_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("from-file\n")
    monkeypatch.setenv("THE_URL", "https://chat.example/secret")
    [one] = parse(
        f'{ONE}kind = "webhook"\nurl = {{ env = "THE_URL" }}\n'
        f'headers = {{ Authorization = {{ file = "{tmp_path}/token" }}, X-Site = "north" }}'
    )
    assert isinstance(one, Webhook)
    assert sorted(each.read() for each in one.secrets()) == [
        "from-file",
        "https://chat.example/secret",
    ]
